// SPDX-License-Identifier: Apache-2.0
// The embedded token: SoftHSM with its configuration, files and PINs all under secrets/keys.
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeDurably } from '@strongroom/service';

export interface Pins {
  readonly so: string;
  readonly user: string;
}

/**
 * Writes softhsm2.conf anew, since the home may have moved, and has the module find it. Call before the module starts.
 * The folder for tokens is made before the founding only: later its absence means that the token is away.
 */
export async function prepareSoftHsm(directory: string, founded: boolean): Promise<void> {
  const tokens = join(directory, 'token');
  if (!founded) mkdirSync(tokens, { recursive: true, mode: 0o700 });
  const file = join(directory, 'softhsm2.conf');
  await writeDurably(file, configuration(directory));
  process.env['SOFTHSM2_CONF'] = file;
}

/**
 * As {@link prepareSoftHsm}, for a reader that changes nothing, beside a service that may see the home at another path.
 * Returns what removes the configuration again.
 */
export function borrowSoftHsm(directory: string): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-keys-'));
  const file = join(folder, 'softhsm2.conf');
  writeFileSync(file, configuration(directory));
  process.env['SOFTHSM2_CONF'] = file;
  return () => rmSync(folder, { recursive: true, force: true });
}

function configuration(directory: string): string {
  return [
    `directories.tokendir = ${join(directory, 'token')}`, 'objectstore.backend = file', 'log.level = ERROR', 'slots.removable = false', '',
  ].join('\n');
}

/** The PINs of the embedded token, made and durable before the token is. */
export async function ensurePins(directory: string): Promise<Pins> {
  return { so: await ensureSecret(join(directory, 'so-pin')), user: await ensureSecret(join(directory, 'pin')) };
}

/**
 * Makes durable what SoftHSM wrote: it does not fsync by itself, and a data key must not be used before the key that
 * wraps it is sure to survive.
 */
export function syncTokenFiles(directory: string): void {
  const tokens = join(directory, 'token');
  for (const entry of readdirSync(tokens, { recursive: true, withFileTypes: true })) sync(join(entry.parentPath, entry.name));
  sync(tokens);
}

async function ensureSecret(path: string): Promise<string> {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const secret = randomBytes(24).toString('base64url');
  await writeDurably(path, `${secret}\n`, 0o600);
  return secret;
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
