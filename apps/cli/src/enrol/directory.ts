// SPDX-License-Identifier: Apache-2.0
// Where an enrolment's files are written. A new directory appears whole or not at all; in one that is there each file is
// replaced whole.
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { syncDirectory, writeDurably } from '@strongroom/service/client';
import type { EnrolmentFile } from '@strongroom/keys';

/** Throws `Refused('enrol.exists')` when one of the files is there and may not be replaced. */
export async function checkDirectory(directory: string, names: readonly string[], force: boolean): Promise<void> {
  const there: readonly string[] = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const taken = names.filter((name) => there.includes(name));
  if (taken.length === 0 || force) return;
  throw new Refused('enrol.exists', `${directory} already holds ${taken.join(', ')}`, {
    why: 'an enrolment replaces no files unasked', fix: 'choose another directory with --out DIR, or replace them with --force',
  });
}

/**
 * Writes the files, mode as each says. Order, and what a crash leaves: into a new directory beside, renamed at the end
 * (nothing, or all); into one that is there, one file after the other, each old or new, the key before its certificate.
 */
export async function writeDirectory(directory: string, files: readonly EnrolmentFile[]): Promise<void> {
  if (await isDirectory(directory)) {
    const keyFirst = files.toSorted((a, b) => Number(b.name === 'key.pem') - Number(a.name === 'key.pem'));
    for (const file of keyFirst) await writeDurably(join(directory, file.name), file.content, file.mode);
    return;
  }
  const parent = dirname(directory);
  await mkdir(parent, { recursive: true });
  const aside = await mkdtemp(join(parent, `.${basename(directory)}-`));
  try {
    for (const file of files) await writeDurably(join(aside, file.name), file.content, file.mode);
    await chmod(aside, 0o755);
    await rename(aside, directory);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    throw error;
  }
  await syncDirectory(parent);
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then((facts) => facts.isDirectory(), () => false);
}
