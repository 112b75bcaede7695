// SPDX-License-Identifier: Apache-2.0
// The commit log, docs/FORMAT.md section 5, as far as the checkpoint covers it: what makes a cycle durable must say the
// same as the log does. Beyond, a torn tail is what a crash or a live vault leaves.
import { CommitFile, type CommitTools } from './commit-file.ts';

/** A mirror's own file. */
const MIRROR_PATH = 'mirror';
const NAME = /^([0-9a-f]{16})-([0-9]{4,15})\.commit$/;

interface NamedFile {
  readonly path: string;
  /** The log's size at its snapshot. */
  readonly first: number;
  readonly serial: number;
}

/** Judges every file of commit/ up to where the next one begins, the last one up to the checkpoint. */
export function verifyCommitLog(tools: CommitTools): void {
  const files = named(tools);
  if (files.length === 0 && tools.checkpoint.size > 0) noteMissing(tools);
  let whole = 0;
  for (const [i, file] of files.entries()) {
    const until = Math.min(files[i + 1]?.first ?? Infinity, tools.checkpoint.size);
    const reached = file.first > until ? file.first : new CommitFile(file.path, file.first, until, tools).walk();
    if (reached !== null || isGone(file.path, tools)) whole += 1;
    if ((reached ?? file.first) < until && !isGone(file.path, tools)) {
      tools.findings.fail('commit.digest', file.path, `its records are whole up to entry ${reached ?? file.first}, the log was committed up to ${until} by it`);
    }
  }
  // A crash leaves a torn snapshot only beside an older file, which goes once the newer one is whole.
  if (files.length > 0 && whole === 0) tools.findings.fail('commit.digest', files.at(-1)!.path, 'no file of the commit log begins with a whole snapshot');
}

/** A mirror keeps what proves and what can be read, and says that it is one. */
function noteMissing({ reader, findings }: CommitTools): void {
  if (reader.sizeOf(MIRROR_PATH) === null) findings.fail('commit.missing', 'commit', 'there is no commit log, without which a vault cannot go on');
  else findings.note('store.mirror', MIRROR_PATH, 'this is a mirror\'s copy: it proves, and can be read with its keys; a vault cannot go on from it');
}

function named({ reader, findings }: CommitTools): NamedFile[] {
  const files: NamedFile[] = [];
  for (const name of reader.list('commit')) {
    const match = NAME.exec(name);
    const first = Number(`0x${match?.[1] ?? 'x'}`);
    if (Number.isSafeInteger(first)) files.push({ path: `commit/${name}`, first, serial: Number(match![2]) });
    else findings.note('store.unknown-file', `commit/${name}`, 'is no file of the commit log');
  }
  return files.sort((a, b) => a.serial - b.serial || a.first - b.first);
}

/** A live vault drops files whose cycles are in durable tiles. */
function isGone(path: string, { reader }: CommitTools): boolean {
  return reader.sizeOf(path) === null;
}
