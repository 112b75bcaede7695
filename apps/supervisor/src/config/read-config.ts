// SPDX-License-Identifier: Apache-2.0
// Reads the configuration in a process of its own, which ends: the schema library stays out of the supervisor's memory.
// As a program it prints {"config":…,"policy":…,"roots":…} or {"error":…}; as a module it runs that program.
import { spawnSync } from 'node:child_process';
import { fromRpcError, toRpcError, type Config, type RpcError } from '@strongroom/service';
import { Failed } from '@strongroom/bytes';

const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

export interface ReadConfig {
  readonly config: Config;
  /** The witness policy's text, checked; null when none is configured. */
  readonly policy: Buffer | null;
  /** Root certificates of the time stamping authority, PEM, checked; null when none is configured. */
  readonly roots: Buffer | null;
}

/** The effective configuration. Throws what `loadConfig`, `checkedPolicy` and `checkedRoots` throw, or `Failed('supervisor.config')`. */
export function readConfig(home: string): ReadConfig {
  const { status, stdout, stderr } = spawnSync(process.execPath, [import.meta.filename, home], { encoding: 'utf8', maxBuffer: OUTPUT_BYTES_MAX });
  if (status !== 0) throw new Failed('supervisor.config', 'the configuration could not be read', { why: stderr.trim() || `exit code ${status}` });
  const answer = JSON.parse(stdout) as { config: Config; policy: string | null; roots: string | null } | { error: RpcError };
  if ('error' in answer) throw fromRpcError(answer.error);
  return { config: deepFreeze(answer.config), policy: octets(answer.policy), roots: octets(answer.roots) };
}

function octets(base64: string | null): Buffer | null {
  return base64 === null ? null : Buffer.from(base64, 'base64');
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}

if (import.meta.main && process.env['STRONGROOM_STAGE'] !== 'warm') {
  const [{ loadConfig }, { checkedPolicy }, { checkedRoots }] = await Promise.all([import('@strongroom/service/config'), import('./policy.ts'), import('./timestamp-roots.ts')]);
  try {
    const config = loadConfig();
    const policy = checkedPolicy(config.witness, process.argv[2] ?? '.');
    const roots = checkedRoots(config.witness, process.argv[2] ?? '.');
    process.stdout.write(JSON.stringify({ config, policy: policy?.toString('base64') ?? null, roots: roots?.toString('base64') ?? null }));
  } catch (error) {
    process.stdout.write(JSON.stringify({ error: toRpcError(error) }));
  }
}
