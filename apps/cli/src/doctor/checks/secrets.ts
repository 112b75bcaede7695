// SPDX-License-Identifier: Apache-2.0
// Modes and owners of what is secret. Contents are not looked at.
import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { check, type Say } from '../check.ts';
import { word } from '../shell.ts';

const OTHERS = 0o007;
const GROUP_WRITES = 0o020;
const PUBLIC_WRONG = 0o022;
const FILES_MAX = 2000;
/** What is public though it lies there. */
const PUBLIC = /^(cert|ca|server)\.pem$/;

const CODES = {
  'secret.open': { severity: 'bad', seen: 'a secret can be read or replaced by users that it is not for', why: 'who reads a key can pretend to be that service; who replaces it, also' },
  'secret.owner': { severity: 'bad', seen: 'a secret belongs to another user than those around it', why: 'its service cannot read it, or somebody else can change it' },
} as const;
type Code = keyof typeof CODES;

export const secretsCheck = check({
  name: 'secrets',
  codes: CODES,
  look({ paths, founded }, say: Say<Code>) {
    if (!founded) return say.unseen('nothing was ever started in this home', 'secret.open', 'secret.owner');
    for (const name of names(paths.secrets)) {
      const directory = join(paths.secrets, name);
      const facts = lstatSync(directory);
      if (!facts.isDirectory()) continue;
      if ((facts.mode & (OTHERS | GROUP_WRITES)) !== 0) say.found('secret.open', openFound(directory, facts, OTHERS | GROUP_WRITES));
      else judgeFiles(directory, facts, say);
    }
  },
});

/** What others cannot reach needs no look at each; what a group may enter does. */
function judgeFiles(directory: string, above: Stats, say: Say<Code>): void {
  const entries = readable(directory);
  if (entries === null) return say.unseen('not all directories of secrets may be read by you: run it as root', 'secret.open', 'secret.owner');
  for (const name of entries.slice(0, FILES_MAX)) {
    const path = join(directory, name);
    const facts = lstatSync(path, { throwIfNoEntry: false });
    if (facts === undefined) continue; // renewed while we looked
    if (facts.uid !== above.uid && facts.uid !== 0) say.found('secret.owner', { what: `${path} belongs to user ${facts.uid}, its directory to user ${above.uid}`, fix: `chown -h ${above.uid} ${word(path)}`, evidence: { path, uid: facts.uid, expected: above.uid } });
    const wrong = PUBLIC.test(name) ? PUBLIC_WRONG : OTHERS | GROUP_WRITES;
    if (facts.isFile() && (facts.mode & wrong) !== 0) say.found('secret.open', openFound(path, facts, wrong));
  }
}

/** Only takes away: whoever owns the directory may have put a link to another file there by the time that it is run. */
function openFound(path: string, { mode }: Stats, wrong: number) {
  const rights = wrong === PUBLIC_WRONG ? 'go-w,ug-s' : 'g-w,o-rwx,ug-s';
  return { what: `${path} has mode ${octal(mode)}`, fix: `chmod ${rights} ${word(path)} (and, if anybody else was on this machine, change the key: strongroom keys rotate)`, evidence: { path, mode: octal(mode), wanted: octal(mode & ~wrong & 0o777) } };
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

function names(directory: string): string[] {
  return readable(directory) ?? [];
}

function readable(directory: string): string[] | null {
  try {
    return readdirSync(directory).toSorted();
  } catch {
    return null;
  }
}
