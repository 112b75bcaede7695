// SPDX-License-Identifier: Apache-2.0
// Data keys for checking contents while no service runs: a process of the key service's own, which alone touches the
// token, unwraps what lies in secrets/vault.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import { dirname, join } from 'node:path';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { Refused } from '@strongroom/bytes';
import { decodeWrappedKey, logNumber, wrappingContext, type DataKeys } from '@strongroom/evidence';
import { RpcClient, type Layout } from '@strongroom/service/client';

const OFFLINE = join(import.meta.dirname, '../../../keys/src/offline.ts');
/** Unwrapped at once; each is one line to the process and one back. */
const AT_ONCE = 32;
/** Under its bucket's key, or under a hold's. */
const SEGMENT_KEY = /^([0-9a-f]{16})\.(?:hold-[0-9a-f]{32}\.)?key$/;

export type KeysFound = { readonly dataKeys: DataKeys } | { readonly missing: string };

/** The data keys of all segments, unwrapped; or why there are none, in words. */
export async function findDataKeys(paths: Layout, origin: string, configFile: string | undefined): Promise<KeysFound> {
  try {
    if (!existsSync(paths.dataKeys)) return { missing: `the wrapped data keys are not here: ${paths.dataKeys} is not there` };
    const deployment = existsSync(paths.deployment) ? readFileSync(paths.deployment, 'utf8').trim() : null;
    // Segments of others have the same numbers.
    if (deployment !== null && logNumber(origin, deployment) === null) return { missing: `this home has the keys of ${deployment}, and the log is ${origin}` };
    return { dataKeys: await unwrapAll(paths, origin, wrapsIn(paths.dataKeys), configFile) };
  } catch (error) {
    const { code, why } = error as { code?: unknown; why?: unknown };
    if (code === 'EACCES' || code === 'EPERM') return { missing: `the right to use ${paths.secrets} is missing` };
    return { missing: `the HSM is not reachable: ${(error as Error).message}${typeof why === 'string' ? ` (${why})` : ''}` };
  }
}

/** One file for each segment: that of its bucket where it is there. */
function wrapsIn(directory: string): Map<string, string> {
  const wraps = new Map<string, string>();
  for (const name of readdirSync(directory).toSorted((a, b) => b.length - a.length)) {
    const segment = SEGMENT_KEY.exec(name)?.[1];
    if (segment !== undefined) wraps.set(segment, name);
  }
  return wraps;
}

async function unwrapAll(paths: Layout, origin: string, segments: ReadonlyMap<string, string>, configFile: string | undefined): Promise<DataKeys> {
  const { keyService } = await import('@strongroom/keys');
  const found = new Map<string, Buffer | Refused>();
  const offline = startOffline(paths, configFile);
  try {
    const keys = keyService(offline.client);
    await keys.info();
    const next = segments.entries();
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (const [segment, name] of next) {
        const wrapped = decodeWrappedKey(readFileSync(join(paths.dataKeys, name)));
        found.set(segment, await keys.unwrap(wrapped.keyId, wrapped, wrappingContext(origin, segment, wrapped.keyId)).catch(refusal));
      }
    }));
  } finally {
    offline.end();
  }
  return (segment) => {
    const key = found.get(segment);
    if (key instanceof Refused) throw key;
    return key ?? null;
  };
}

/** What the token refuses is a finding about one segment; that it fails is none, and ends all. */
function refusal(error: unknown): Refused {
  if (error instanceof Refused) return error;
  throw error;
}

function startOffline(paths: Layout, configFile: string | undefined): { client: RpcClient; end(): void } {
  const cache = getCompileCacheDir(); // of this process, whose code it shares; Node adds a directory for its version
  const child = spawn(process.execPath, [OFFLINE], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...process.env, STRONGROOM_HOME: paths.home, ...(configFile === undefined ? {} : { STRONGROOM_CONFIG: configFile }),
      ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) }),
    },
  });
  const client = new RpcClient(duplexOf(child.stdout, child.stdin));
  return { client, end: () => { client.close(); child.kill(); } };
}

/** Two pipes as one connection. `Duplex.from` takes such a pair, which its types do not know. */
function duplexOf(readable: Readable, writable: Writable): Duplex {
  return Duplex.from({ readable, writable } as unknown as Duplex);
}
