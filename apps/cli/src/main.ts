// SPDX-License-Identifier: Apache-2.0
// The strongroom command.
import { statSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

useCompiledCode(process.env['STRONGROOM_HOME'] || join(import.meta.dirname, '../../../var'));
const [{ processIo }, { errorText }, { run }, { VERBS }] = await Promise.all([import('./io.ts'), import('./report.ts'), import('./run.ts'), import('./verbs/index.ts')]);
const io = processIo((error) => {
  process.exitCode = 1;
  process.stderr.write(errorText(error, 'table'));
});
const code = await run(process.argv.slice(2), VERBS, io);
process.exitCode ||= code;

/**
 * Two thirds of the start-up go into compiling again what has not changed. The supervisor keeps a cache; what stands in
 * one is run, so it is used only where nobody but us could have written it.
 */
function useCompiledCode(home: string): void {
  const directory = join(home, 'run/code-cache');
  const facts = statSync(directory, { throwIfNoEntry: false });
  if (facts !== undefined && facts.uid === process.getuid?.() && (facts.mode & 0o022) === 0) enableCompileCache(directory);
}
