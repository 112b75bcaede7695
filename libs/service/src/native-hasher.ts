// SPDX-License-Identifier: Apache-2.0
// The optional addon native/sha256.cpp, which set-up builds: hashes records with the processor's SHA instructions.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failed } from '@strongroom/bytes';
import { useBulkHasher, type BulkHasher } from '@strongroom/evidence';

interface Addon {
  readonly leaves: (context: Buffer, sequence: number, count: number, lengths: Buffer, salts: Buffer, saltAt: number, data: Buffer, to: Buffer, at: number) => void;
  readonly nodes: (level: Buffer, pairs: number) => void;
}

/** Where set-up puts it, below the code. */
export function nativeHasherPath(code: string): string {
  return join(code, 'node_modules/.strongroom-native/sha256.node');
}

/**
 * Has leaves and nodes hashed by the addon from here on, once it has shown that it hashes as Node does. False where it was
 * not built, the process loads no addons (`--no-addons`), or the processor lacks the instructions: WebAssembly goes on
 * hashing. Throws `Failed('native-hasher.load')`, `Bug('hasher.differs')`.
 */
export function useNativeHasher(code: string = join(import.meta.dirname, '../../..')): boolean {
  const path = nativeHasherPath(code);
  const hasher = existsSync(path) ? load(path) : undefined;
  if (hasher !== undefined) useBulkHasher(hasher);
  return hasher !== undefined;
}

function load(path: string): BulkHasher | undefined {
  const module = { exports: {} as Partial<Addon> };
  try {
    process.dlopen(module, path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_DLOPEN_DISABLED') return undefined;
    throw new Failed('native-hasher.load', 'the SHA-256 addon does not load', {
      why: (cause as Error).message, fix: 'run "npm run setup"; without the file node_modules/.strongroom-native/sha256.node it works too, slower', cause,
    });
  }
  const { leaves, nodes } = module.exports;
  if (leaves === undefined || nodes === undefined) return undefined;
  return {
    leaves: (run, to, at) => leaves(run.context, run.sequence, run.count, run.lengths, run.salts, run.saltAt, run.data, to, at),
    nodes,
  };
}
