// SPDX-License-Identifier: Apache-2.0
// Reads the configuration in a process of its own, which ends: the schema library stays out of the supervisor's memory.
// As a program it prints {"config":…} or {"error":…}; as a module it runs that program.
import { spawnSync } from 'node:child_process';
import { fromRpcError, toRpcError, type Config, type RpcError } from '@strongroom/service';
import { Failed } from '@strongroom/bytes';

const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

/** The effective configuration. Throws what `loadConfig` throws, or `Failed('supervisor.config')`. */
export function readConfig(): Config {
  const { status, stdout, stderr } = spawnSync(process.execPath, [import.meta.filename], { encoding: 'utf8', maxBuffer: OUTPUT_BYTES_MAX });
  if (status !== 0) throw new Failed('supervisor.config', 'the configuration could not be read', { why: stderr.trim() || `exit code ${status}` });
  const answer = JSON.parse(stdout) as { config: Config } | { error: RpcError };
  if ('error' in answer) throw fromRpcError(answer.error);
  return deepFreeze(answer.config);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}

if (import.meta.main && process.env['STRONGROOM_STAGE'] !== 'warm') {
  const { loadConfig } = await import('@strongroom/service/config');
  try {
    process.stdout.write(JSON.stringify({ config: loadConfig() }));
  } catch (error) {
    process.stdout.write(JSON.stringify({ error: toRpcError(error) }));
  }
}
