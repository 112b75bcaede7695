// SPDX-License-Identifier: Apache-2.0
// `npm start` becomes this process. It prepares the place that services run in, becomes itself again inside (same process
// id, so Ctrl-C and SIGTERM arrive), and then supervises.
import { resolve } from 'node:path';
import { useCompiledCode } from '@strongroom/service/compiled-code';
import type { Place } from './place/place.ts';

const STAGE = 'STRONGROOM_STAGE';

switch (process.env[STAGE]) {
  case 'warm': // only to have the code compiled and cached: see place/code-cache.ts
    await Promise.all([import('./prepare.ts'), import('./run.ts')]);
    break;
  case 'run':
    await run(JSON.parse(process.env['STRONGROOM_PLACE'] ?? '{}') as Place);
    break;
  default:
    await begin();
}

async function begin(): Promise<void> {
  useCompiledCode(process.env['STRONGROOM_HOME'] || resolve(import.meta.dirname, '../../../var'));
  const { prepare } = await import('./prepare.ts');
  const { place, command } = await prepare(import.meta.filename);
  const environment = { ...process.env, NODE_COMPILE_CACHE: place.codeCache, [STAGE]: 'run', STRONGROOM_PLACE: JSON.stringify(place) };
  process.removeAllListeners('warning');
  process.execve!(command[0]!, command, environment);
}

async function run(place: Place): Promise<void> {
  const { run: supervise } = await import('./run.ts');
  await supervise(place);
}
