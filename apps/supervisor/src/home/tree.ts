// SPDX-License-Identifier: Apache-2.0
// The directories under home, each with its owner and mode: docs/ARCHITECTURE.md, "Processes and their files".
import { chmodSync, chownSync, existsSync, lchownSync, lstatSync, readdirSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import type { Layout, ServiceName } from '@strongroom/service';
import { readerAccount, type Accounts } from '../place/accounts.ts';
import { makeDirectory } from '../place/directory.ts';
import { fixFor } from '../terminal/say.ts';

interface Directory {
  readonly path: string;
  readonly mode: number;
  /** Who writes there; null: we do. */
  readonly writer: ServiceName | 'reader' | null;
  /** Whose group may read; the writer's own by default. */
  readonly group?: ServiceName | 'reader';
}

/** Every directory, those above before those below. */
export function directories(paths: Layout): readonly Directory[] {
  return [
    { path: paths.home, mode: 0o755, writer: null },
    { path: paths.secrets, mode: 0o755, writer: null },
    { path: paths.state, mode: 0o755, writer: null },
    { path: paths.run, mode: 0o755, writer: null },
    { path: paths.store, mode: 0o750, writer: 'vault' },
    { path: paths.log, mode: 0o750, writer: 'vault' },
    { path: paths.segments, mode: 0o750, writer: 'vault' },
    { path: paths.commit, mode: 0o750, writer: 'vault' },
    { path: paths.rotations, mode: 0o750, writer: 'vault' },
    { path: paths.vaultState, mode: 0o700, writer: 'vault' },
    { path: dirname(paths.joinSocket('keys', 0)), mode: 0o755, writer: null },
    { path: paths.runOf('keys'), mode: 0o755, writer: 'keys' },
    { path: paths.runOf('vault'), mode: 0o755, writer: 'vault' },
    // Set-group: sockets that capture makes there belong to its readers' group.
    { path: paths.runOf('capture'), mode: 0o2750, writer: 'capture', group: 'reader' },
    { path: paths.keysToken, mode: 0o700, writer: 'keys' },
    { path: paths.dataKeys, mode: 0o700, writer: 'vault' },
    // What faces the network reads its keys and cannot replace them.
    { path: paths.identity('gateway').directory, mode: 0o750, writer: null, group: 'gateway' },
    { path: paths.identity('capture').directory, mode: 0o750, writer: null, group: 'capture' },
    { path: paths.identity('witness').directory, mode: 0o750, writer: null, group: 'witness' },
    { path: paths.filesState, mode: 0o700, writer: 'reader' },
    { path: paths.identity('skew-guard').directory, mode: 0o750, writer: null, group: 'skew-guard' },
    { path: paths.clock, mode: 0o755, writer: 'skew-guard' },
    { path: paths.identity('rack-monitor').directory, mode: 0o750, writer: null, group: 'rack-monitor' },
    { path: paths.witnessState, mode: 0o700, writer: 'witness' },
    { path: paths.identity('supervisor').directory, mode: 0o700, writer: null },
    { path: paths.identity('operator').directory, mode: 0o700, writer: null },
  ];
}

/**
 * Makes the tree, or puts right what it finds. With users, a service's directory that belongs to somebody else (an earlier
 * start without root, other user numbers) is given over with all in it. Throws `Refused('supervisor.home')`.
 */
export function makeTree(paths: Layout, users: Accounts | null, mirror: string | undefined): void {
  const copies: readonly Directory[] = mirror === undefined ? [] : [{ path: mirror, mode: 0o755, writer: 'witness' }];
  for (const directory of [...directories(paths), ...copies]) {
    try {
      makeDirectory(directory.path);
      const facts = lstatSync(directory.path);
      if (!facts.isDirectory()) throw new Error(`${directory.path} is no directory`);
      if (users !== null) own(directory, facts.uid, users);
      if (directory.path !== paths.home && (facts.mode & 0o7777) !== directory.mode) chmodSync(directory.path, directory.mode);
    } catch (error) {
      throw new Refused('supervisor.home', `${directory.path} cannot be made ready`, {
        why: (error as Error).message, fix: fixFor((error as NodeJS.ErrnoException).code, 'start as the user who owns it'), cause: error,
      });
    }
  }
}

/** What may lie in the directory of the checksum database for us to give it away. */
const IN_CHECKSUMS = ['checksums', 'lost+found'];

/**
 * Gives the vault the directory that `vault.checksums` names, and its file. One that is not there is not made, because its
 * volume may be away; one that holds anything else is left as it is: it is not ours.
 */
export function giveChecksums(directory: string | undefined, users: Accounts | null): void {
  if (directory === undefined || users === null || !existsSync(directory)) return;
  const names = readdirSync(directory);
  if (names.some((name) => !IN_CHECKSUMS.includes(name))) return;
  const { uid, gid } = users.vault;
  for (const path of [directory, join(directory, 'checksums')].filter((one) => existsSync(one))) lchownSync(path, uid, gid);
}

function own({ path, writer, group }: Directory, found: number, users: Accounts): void {
  const of = (name: ServiceName | 'reader' | null): { uid: number; gid: number } => (name === null ? { uid: 0, gid: 0 } : name === 'reader' ? readerAccount() : users[name]);
  const { uid } = of(writer);
  const { gid } = of(group ?? writer);
  if (writer !== null && found !== uid) giveOver(path, uid, gid);
  chownSync(path, uid, gid);
}

/** Changes the owner of a whole subtree; what is immutable or append-only is so again afterwards. */
function giveOver(path: string, uid: number, gid: number): void {
  const listed = execFileSync('sh', ['-c', 'lsattr -R -- "$1" 2>/dev/null || true', 'sh', path], { encoding: 'utf8', maxBuffer: 1 << 28 });
  const marked = listed.split('\n').flatMap((line) => {
    const [, flags = '', file = ''] = /^(\S+) (\/.*)$/.exec(line) ?? [];
    return flags.includes('i') ? [['+i', file]] : flags.includes('a') ? [['+a', file]] : [];
  });
  for (const [, file] of marked) execFileSync('chattr', ['-i', '-a', '--', file!]);
  execFileSync('chown', ['--recursive', '--no-dereference', `${uid}:${gid}`, '--', path]);
  for (const [flag, file] of marked) execFileSync('chattr', [flag!, '--', file!]);
}
