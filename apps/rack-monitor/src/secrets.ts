// SPDX-License-Identifier: Apache-2.0
// Passwords and communities come from files alone: what stands in a command line or the configuration is read by many.
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { Refused } from '@strongroom/bytes';

const SECRET_BYTES_MAX = 1024;
/** RFC 3414, section 11.2. */
const PASSWORD_CHARACTERS_MIN = 8;

/** The first line of a file that others can neither read nor write. Throws `Refused('rack.secret')`. */
export function readSecret(path: string, kind: 'password' | 'community'): string {
  const secret = firstLine(path, kind);
  if (secret === '') throw refused(path, kind, 'it is empty', `write the ${kind} into it, one line`);
  if (kind === 'password' && [...secret].length < PASSWORD_CHARACTERS_MIN) {
    throw refused(path, kind, `it has fewer than ${PASSWORD_CHARACTERS_MIN} characters, which SNMPv3 does not allow`, 'choose a longer one, on the device too');
  }
  return secret;
}

function firstLine(path: string, kind: string): string {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const isDenied = (error as NodeJS.ErrnoException).code === 'EACCES';
    throw refused(path, kind, (error as Error).message, isDenied ? 'put it into secrets/rack-monitor and name it without a path: the start gives it to the service' : `make it: (umask 077; printf '%s\\n' THE-SECRET > ${path})`);
  }
  try {
    const facts = fstatSync(fd);
    if (!facts.isFile()) throw refused(path, kind, 'it is no regular file', 'name a file');
    if ((facts.mode & 0o027) !== 0) throw refused(path, kind, `its mode is ${(facts.mode & 0o777).toString(8)}: others may read or change it`, `chmod 600 ${path}`);
    if (facts.size > SECRET_BYTES_MAX) throw refused(path, kind, `it has more than ${SECRET_BYTES_MAX} octets`, 'name a file with the secret alone');
    return readFileSync(fd, 'utf8').split('\n', 1)[0]!.trimEnd();
  } finally {
    closeSync(fd);
  }
}

function refused(path: string, kind: string, why: string, fix: string): Refused {
  return new Refused('rack.secret', `the ${kind} in ${path} cannot be used`, { why, fix, fields: { path } });
}
