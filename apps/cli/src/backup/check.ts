// SPDX-License-Identifier: Apache-2.0
// Is this backup whole, and is its store what its checkpoint says?
import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { decodeWrappedKey, parseChecksums, parseVkey, verifyStore, type Verdict } from '@strongroom/evidence';
import { FileStore } from '../store/file-store.ts';
import { readManifest, type BackupFile, type BackupManifest } from './manifest.ts';

const PIECE_BYTES = 1024 * 1024;

export interface BackupVerdict {
  readonly ok: boolean;
  readonly manifest: BackupManifest;
  /** What is wrong with files, a line each. */
  readonly faults: readonly string[];
  readonly store: Verdict;
}

/** `vkey`: a key of the log from elsewhere; else the backup's own is believed, which proves nothing of who made it. Throws `Refused`: `backup.*`, `note.vkey`. */
export function checkBackup(directory: string, vkey: string | undefined, progress: (done: number, total: number) => void): BackupVerdict {
  const manifest = readManifest(directory);
  const total = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  const faults = manifest.files.flatMap((file) => {
    const fault = fileFault(directory, file);
    progress((done += file.bytes), total);
    return fault === null ? [] : [fault];
  });
  const store = new FileStore(join(directory, 'store'));
  try {
    const checksums = parseChecksums(readFileSync(join(directory, 'state/vault/checksums'), 'utf8'));
    const verdict = verifyStore(store, { key: parseVkey(vkey ?? manifest.vkey), checksums, remembered: [readFileSync(join(directory, 'state/vault/remembered'), 'utf8')] });
    const other = verdict.logSize === manifest.size ? [] : [`the store has ${verdict.logSize} entries, the manifest says ${manifest.size}`];
    return { ok: verdict.ok && faults.length === 0 && other.length === 0, manifest, faults: [...faults, ...other], store: verdict };
  } finally {
    store.close();
  }
}

/** What is wrong with a file, or null. */
export function fileFault(directory: string, { path, bytes, sha256 }: BackupFile): string | null {
  const facts = lstatSync(join(directory, path), { throwIfNoEntry: false });
  if (facts === undefined) return `${path} is missing`;
  if (!facts.isFile()) return `${path} is no file`;
  if (facts.size !== bytes) return `${path} has ${facts.size} octets, ${bytes} were written`;
  if (digestOf(join(directory, path)) !== sha256) return `${path} is not what was written`;
  return /^secrets\/vault\/[0-9a-f]{16}\.(hold-[0-9a-f]{32}\.)?key$/.test(path) ? keyFault(directory, path) : null;
}

function keyFault(directory: string, path: string): string | null {
  try {
    decodeWrappedKey(readFileSync(join(directory, path)));
    return null;
  } catch (error) {
    return `${path}: ${(error as Error).message}`;
  }
}

function digestOf(path: string): string {
  const digest = createHash('sha256');
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  const fd = openSync(path, 'r');
  try {
    for (let read = readSync(fd, piece); read > 0; read = readSync(fd, piece)) digest.update(piece.subarray(0, read));
  } finally {
    closeSync(fd);
  }
  return digest.digest('hex');
}
