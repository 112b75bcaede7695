// SPDX-License-Identifier: Apache-2.0
// backup.json, docs/FORMAT.md section 13: what a backup consists of. It is written last, so what has none is no backup.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';

export const MANIFEST = 'backup.json';
const FORMAT = 'strongroom backup v1';

export interface BackupFile {
  /** Relative to the backup; the same path as in a home. */
  readonly path: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

export interface BackupManifest {
  readonly format: typeof FORMAT;
  readonly deployment: string;
  readonly origin: string;
  readonly size: number;
  /** The log's key when it was made; rotations in the store lead to it from older ones. */
  readonly vkey: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly files: readonly BackupFile[];
}

export function manifestText(manifest: Omit<BackupManifest, 'format'>): string {
  return `${JSON.stringify({ format: FORMAT, ...manifest }, null, 1)}\n`;
}

/** Throws `Refused`: `backup.none`, `backup.manifest`. */
export function readManifest(directory: string): BackupManifest {
  try {
    const value = JSON.parse(readFileSync(join(directory, MANIFEST), 'utf8')) as BackupManifest;
    if (value.format !== FORMAT) throw new Error(`its format is ${JSON.stringify(value.format)}, "${FORMAT}" is expected`);
    const texts = [value.deployment, value.origin, value.vkey, value.createdAt];
    if (!texts.every((text) => typeof text === 'string') || !Number.isSafeInteger(value.size) || !Array.isArray(value.files)) throw new Error('a field is missing or of another type');
    value.files.forEach(checkFile);
    return value;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new Refused('backup.none', `${directory} is no whole backup`, { why: `${MANIFEST} is not there: it is written last`, fix: 'name a directory that "strongroom backup make" wrote to its end', cause: error });
    throw new Refused('backup.manifest', `${join(directory, MANIFEST)} cannot be understood`, { why: message, fix: 'take another backup', cause: error });
  }
}

/** A path that leads out of the backup would be read, or written, anywhere. */
function checkFile({ path, bytes, sha256 }: BackupFile): void {
  const isSafe = typeof path === 'string' && /^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/.test(path) && !path.split('/').some((part) => part === '..' || part === '.');
  if (!isSafe || !Number.isSafeInteger(bytes) || bytes < 0 || !/^[0-9a-f]{64}$/.test(sha256)) throw new Error(`"${String(path).slice(0, 100)}" is no file of a backup`);
}
