// SPDX-License-Identifier: Apache-2.0
// secrets/keys/founded.json: which keys this deployment was founded with. Nothing in it is secret.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';

export interface Founded {
  readonly version: 1;
  readonly deployment: string;
  readonly tokenLabel: string;
  readonly tokenSerial: string;
  readonly moduleDescription: string;
  /** SubjectPublicKeyInfo, DER, base64. */
  readonly logPublicKeySpki: string;
  readonly caPublicKeySpki: string;
  readonly caPem: string;
}

const FIELDS = ['deployment', 'tokenLabel', 'tokenSerial', 'moduleDescription', 'logPublicKeySpki', 'caPublicKeySpki', 'caPem'] as const;

/** Undefined before the founding. Throws `Refused`: `keys.founded` when it cannot be understood, `keys.not-permitted`. */
export function readFounded(directory: string): Founded | undefined {
  const path = join(directory, 'founded.json');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw code === 'EACCES' ? notPermitted(path, error) : unreadable(path, error);
  }
  try {
    const value = JSON.parse(text) as Record<string, unknown>;
    if (value['version'] !== 1) throw new Error(`version ${JSON.stringify(value['version'])} is unknown, 1 is expected`);
    for (const field of FIELDS) if (typeof value[field] !== 'string') throw new Error(`"${field}" is missing`);
    return value as unknown as Founded;
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Taking it for absent would found the deployment anew, over keys that evidence depends on. */
function unreadable(path: string, cause: unknown): Refused {
  return new Refused('keys.founded', `${path} cannot be read`, {
    why: (cause as Error).message, fix: 'restore it from a backup; without it nobody can tell whether the token is the right one', cause,
  });
}

function notPermitted(path: string, cause: unknown): Refused {
  return new Refused('keys.not-permitted', 'you have not the right to use the keys', {
    why: `${path}: ${(cause as Error).message}`, fix: 'run the command as root, or as the user who started Strongroom', cause,
  });
}
