// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { resolve } from 'node:path';
import { Failed } from '@strongroom/bytes';
import { parseVkey, verifyStore, vkeyOf, type NoteKey, type Policy, type StoreReader, type TimestampTrust, type Verdict, type VerifyOptions } from '@strongroom/evidence';
import { writeValue } from '../output.ts';
import { startProgress } from '../progress.ts';
import { chosenAuthority } from '../store/authority.ts';
import { FileStore } from '../store/file-store.ts';
import { independentBatches } from '../store/hashing.ts';
import { homeRotations, linkedKeys, keptRotations } from '../store/rotations.ts';
import { checksumDirectory, givenCheckpoint, homeKnowledge, NO_CHECKSUMS, type Knowledge } from '../store/knowledge.ts';
import { givenPolicy, POLICY_OPTION } from '../store/policy.ts';
import { pinCheckpoint } from '../store/pinned.ts';
import { homeProtection } from '../store/protection.ts';
import { givenTrust, TSA_CA_OPTION } from '../store/trust.ts';
import { verdictLines } from '../store/verdict-screen.ts';
import { EXIT, verb, type Call } from '../verb.ts';
import { chosenVkey, homeVkey } from '../vkey.ts';

const options = {
  store: { kind: 'text', value: 'DIR', description: "Store to check, with log/ and segments/ in it; this home's own if not given" },
  vkey: { kind: 'text', value: 'FILE|LINE', description: 'The log\'s key as "strongroom vkey" prints it, or a file with it' },
  checkpoint: { kind: 'text', value: 'FILE', description: 'A checkpoint that was kept elsewhere: a store that is older, or another, is refused' },
  independent: { kind: 'flag', description: 'Hash all records without the native add-on, not one batch in sixteen: slower' },
  'tsa-ca': TSA_CA_OPTION,
  policy: POLICY_OPTION,
  ca: { kind: 'text', value: 'FILE', description: "Certificate of the deployment's CA, which orders to destroy must be of; this home's own if not given" },
  'as-of': { kind: 'flag', description: 'The store is an older copy on purpose: that it is older is no failure' },
} as const;

type VerifyCall = Call<typeof options, readonly []>;

/** The answer: what verification found, and what the store was compared with. */
export interface Verification extends Verdict {
  readonly compared: string;
}

export const verify = verb({
  details: [
    'Reads everything that the newest checkpoint covers and names all that is wrong with it: the signature, every hash of '
      + 'the log, every segment, and with the keys of this home also the contents of every batch. It needs no service; beside a '
      + 'running one it judges what was published when it began.',
    "This home's own store is also compared with the checkpoint and the checksums that are remembered outside it, so that "
      + 'an older store put in its place is found. A copy elsewhere is compared with --checkpoint.',
    'Records are hashed by the native add-on where set-up built it, and one batch in sixteen, another one each time, without.',
    'Where witnesses cosign the log, the last checkpoint that they cosigned lies in the store ("witnessed"). It must be of this '
      + 'log; with --policy it must carry a quorum, and the answer says who vouches for how much of the log.',
    'Of the home\'s own store the flags of segments are looked at too: one that is missing, where the vault had set it, makes '
      + 'the store degraded and not invalid, because flags prove nothing.',
    'Timestamps (RFC 3161) that the store keeps are checked when --tsa-ca says whom to believe: the verdict then tells which '
      + 'entries existed before when. Their checkpoints are held against the log in any case.',
  ],
  arguments: [],
  options,
  examples: [
    { command: 'strongroom verify', what: "This home's store" },
    { command: 'strongroom verify --store /media/copy --vkey strongroom.vkey -o json', what: 'An auditor with a copy and the key' },
    { command: 'strongroom verify --tsa-ca tsa-roots.pem', what: 'With the timestamps' },
    { command: 'strongroom verify --store /backup/monday --as-of', what: 'An older copy, deliberately' },
  ],
  exitCodes: { 3: 'the store is not what its checkpoint says, or older than what is remembered', 4: 'the store is valid, and files lack their flags' },
  async run(call) {
    const directory = resolve(call.options.store ?? call.paths.store);
    const line = chosenVkey(call.options.vkey, call.paths);
    const known = whatIsKnown(call, directory, line, await checksumDirectory(call));
    const trust = await givenTrust(call.options['tsa-ca']);
    const policy = givenPolicy(call.options.policy);
    if (!existsSync(directory) && known.remembered.length === 0) {
      throw new Failed('store.absent', `there is no store in ${directory}`, {
        why: 'the directory is not there', fix: 'start Strongroom with "npm start", or name a store with --store DIR',
      });
    }
    stepBack();
    const store = new FileStore(directory);
    try {
      const verification = await check(call, store, parseVkey(line), known, { trust, policy });
      await writeValue(call, verification, () => verdictLines(verification, directory, call.io.out.style));
      return !verification.ok ? EXIT.evidence : verification.degraded ? EXIT.degraded : EXIT.ok;
    } finally {
      store.close();
    }
  },
});

interface Known extends Knowledge {
  readonly asOf: boolean;
  /** Whether it is this home's own store. */
  readonly isHome: boolean;
}

/**
 * A copy of this home's log may be older than what is remembered, because the home has moved on: then only that it is
 * no other log counts. A checkpoint that was given on purpose always counts.
 */
function whatIsKnown({ options: given, paths }: VerifyCall, directory: string, vkey: string, checksums: string): Known {
  const notes = given.checkpoint === undefined ? [] : [givenCheckpoint(given.checkpoint)];
  const asOf = given['as-of'];
  if (isSame(directory, paths.store)) {
    const home = homeKnowledge(paths, checksums);
    const said = given.checkpoint === undefined ? home.said : `${home.said}; compared with ${given.checkpoint}`;
    return { remembered: [...home.remembered, ...notes], checksums: home.checksums, said, asOf, isHome: true };
  }
  if (given.checkpoint !== undefined) return { remembered: notes, checksums: NO_CHECKSUMS, said: `compared with ${given.checkpoint}`, asOf, isHome: false };
  const home = hasVkey(paths, vkey) ? homeKnowledge(paths, checksums) : null;
  if (home === null || home.remembered.length === 0) {
    return { remembered: [], checksums: NO_CHECKSUMS, said: 'not compared with an earlier checkpoint: none was given', asOf, isHome: false };
  }
  return { ...home, said: `${home.said}, which may be newer than this copy`, asOf: true, isHome: false };
}

function isSame(a: string, b: string): boolean {
  return realOr(a) === realOr(b);
}

function realOr(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

function hasVkey(paths: VerifyCall['paths'], vkey: string): boolean {
  try {
    return linkedKeys(homeVkey(paths), keptRotations(paths.rotations)).epochs.some(({ key }) => vkeyOf(key) === vkey);
  } catch {
    return false;
  }
}

/** Who is believed beside the log's key. */
interface Believed {
  readonly trust: TimestampTrust | undefined;
  readonly policy: Policy | undefined;
}

/** What was destroyed while it was looked at is gone without the checkpoint saying so: then it is looked at once more. */
async function check(call: VerifyCall, files: StoreReader, key: NoteKey, known: Known, believed: Believed): Promise<Verification> {
  const first = await checkOnce(call, files, key, known, believed);
  const isGone = first.failures.some(({ code }) => code === 'segment.missing' || code === 'segment.truncated' || code === 'segment.key');
  const moved = isGone && known.isHome && checkpointSize(files) > first.logSize;
  return moved ? checkOnce(call, files, key, known, believed) : first;
}

function checkpointSize(files: StoreReader): number {
  return Number(files.readFile('log/checkpoint')?.toString().split('\n')[1] ?? 0);
}

async function checkOnce(call: VerifyCall, files: StoreReader, key: NoteKey, known: Known, { trust, policy }: Believed): Promise<Verification> {
  const store = pinCheckpoint(files); // before keys and checksums are read, which then cover it
  const { findDataKeys } = await import('../store/data-keys.ts');
  const keys = await findDataKeys(call.paths, key.name, call.configFile);
  const authority = chosenAuthority(call.options.ca, call.paths, key);
  const progress = startProgress(call.io.err, 'verifying');
  const wanted: VerifyOptions = {
    key, rotations: homeRotations(call.paths.rotations), remembered: known.remembered, checksums: known.checksums, asOf: known.asOf, independent: independentBatches(call.options.independent), progress: progress.update,
    ...(authority === null ? {} : { authority }), ...('dataKeys' in keys ? { dataKey: keys.dataKeys } : {}), ...(known.isHome ? { protection: homeProtection(call.paths) } : {}),
    ...(trust === undefined ? {} : { trust }), ...(policy === undefined ? {} : { policy }),
  };
  const verdict = verifyStore(store, wanted);
  progress.end();
  const contents = 'missing' in keys && verdict.logSize > 0 ? `not checked: ${keys.missing}` : verdict.contents;
  return { ...verdict, contents, ...(known.isHome ? {} : { protection: 'not held: it is a copy' }), compared: known.said };
}

/** Sealing goes before checking, on the processor and on the disk. */
function stepBack(): void {
  try {
    setPriority(constants.priority.PRIORITY_LOW);
  } catch {
    // A policy may forbid even that; then it runs as it is.
  }
  spawn('ionice', ['-c', '3', '-p', String(process.pid)], { stdio: 'ignore' }).once('error', () => undefined).unref();
}
