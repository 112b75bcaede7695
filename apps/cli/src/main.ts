// SPDX-License-Identifier: Apache-2.0
// The strongroom command.
import { join } from 'node:path';
import { useCompiledCode } from '@strongroom/service/compiled-code';

useCompiledCode(process.env['STRONGROOM_HOME'] || join(import.meta.dirname, '../../../var'));
const [{ processIo }, { errorText }, { run }, { VERBS }] = await Promise.all([import('./io.ts'), import('./report.ts'), import('./run.ts'), import('./verbs/index.ts')]);
const io = processIo((error) => {
  process.exitCode = 1;
  process.stderr.write(errorText(error, 'table'));
});
const code = await run(process.argv.slice(2), VERBS, io);
process.exitCode ||= code;
