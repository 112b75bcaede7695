// SPDX-License-Identifier: Apache-2.0
import { readFileSync, statSync } from 'node:fs';
import { Refused } from '@strongroom/bytes';
import {
  BOUND_UNKNOWN, DESTRUCTION_PROOF_FORMAT, formatTime, judgeWitnessed, kindName, parseVkey, shownName, verifyDestructionProof, verifyProof as prove, vkeyLine,
  type DestructionProof, type NoteKey, type Policy, type Proof, type Proven, type Timestamp, type WitnessedCheckpoint,
} from '@strongroom/evidence';
import { shortSource } from '../items.ts';
import { json, printable } from '../printable.ts';
import { some } from '../quantity.ts';
import { errorText } from '../report.ts';
import { givenTrust, TSA_CA_OPTION } from '../store/trust.ts';
import { factLines } from '../table.ts';
import { boundText } from '../time.ts';
import { chosenAuthority } from '../store/authority.ts';
import { destructionJson, destructionLines } from '../store/destruction-screen.ts';
import { homeRotations } from '../store/rotations.ts';
import { EXIT, verb, type Call } from '../verb.ts';
import { givenPolicy, POLICY_OPTION } from '../store/policy.ts';
import { chosenVkey } from '../vkey.ts';

/** The longest record, three times in base64 and JSON, with its paths. */
const PROOF_BYTES_MAX = 8 * 1024 * 1024;

const options = {
  vkey: { kind: 'text', value: 'FILE|LINE', description: "The log's key as \"strongroom vkey\" prints it, or a file with it" },
  'tsa-ca': TSA_CA_OPTION,
  policy: POLICY_OPTION,
  ca: { kind: 'text', value: 'FILE', description: "Of a destroyed record: certificate of the deployment's CA, which the custodians must be of" },
} as const;

type ProofCall = Pick<Call<typeof options, readonly []>, 'io' | 'format' | 'paths' | 'options'>;

export const verifyProof = verb({
  details: [
    "Needs the proof and the log's key, nothing else: no service, no store, no network. The key is the one that you give or "
      + 'the one of this home; one that came with a proof is never trusted.',
    'With --policy the checkpoint in the proof must carry the cosignatures of a quorum of witnesses; the log\'s key may then '
      + 'come from the policy, if it names one log.',
    'A proof may carry a timestamp (RFC 3161): the word of a time stamping authority that the record existed before then. It '
      + 'is checked when --tsa-ca says whom to believe.',
    'Of a record that was destroyed the proof shows what batch it was in, and by whose order it is gone.',
  ],
  arguments: [{ name: 'file', description: 'The proof that "strongroom prove" wrote, or - for stdin', required: true }],
  options,
  examples: [
    { command: 'strongroom verify-proof p.json --vkey strongroom.vkey', what: 'With the key that you were given' },
    { command: 'strongroom verify-proof p.json --tsa-ca tsa-roots.pem', what: 'With the time before which it existed' },
  ],
  exitCodes: { 3: 'the proof does not hold' },
  async run(call) {
    const policy = givenPolicy(call.options.policy);
    const line = chosenVkey(call.options.vkey ?? onlyLog(policy), call.paths);
    const trust = await givenTrust(call.options['tsa-ca']);
    const { io, format } = call;
    try {
      const proof = parseProof(readProof(call.arguments.file));
      if (proof.format === DESTRUCTION_PROOF_FORMAT) return await tellDestruction(call, proof, parseVkey(line));
      const rotations = homeRotations(call.paths.rotations);
      const proven = prove(proof, parseVkey(line), trust, rotations);
      const witnessed = policy === undefined ? null : judgeWitnessed(proof.checkpoint, proven.signer, policy);
      if (format === 'table') await io.out.write(`${provenLines(proof, proven, line, (shown) => io.out.style('green', shown), witnessed).join('\n')}\n`);
      else await io.out.write(`${json({ ok: true, ...provenJson(proof, proven), ...(witnessed === null ? {} : { witnessed: { at: at(witnessed), by: witnessed.names.map(shownName) } }) })}\n`);
      return EXIT.ok;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (format !== 'table') await io.out.write(`${json({ ok: false, code: error.code, detail: error.message, why: error.why ?? null })}\n`);
      else await io.err.write(errorText(withAdvice(error), format, io.err));
      return EXIT.evidence;
    }
  },
});

async function tellDestruction(call: ProofCall, proof: DestructionProof, key: NoteKey): Promise<number> {
  const { io, format, paths, options: { ca } } = call;
  const authority = chosenAuthority(ca, paths, key);
  const proven = verifyDestructionProof(proof, key, authority, homeRotations(paths.rotations));
  if (format === 'table') await io.out.write(`${destructionLines(proof, proven, key, authority !== null, (shown) => io.out.style('green', shown)).join('\n')}\n`);
  else await io.out.write(`${json({ ok: true, ...destructionJson(proof, proven) })}\n`);
  return EXIT.ok;
}

/** When the latest of the cosigners says that it saw this checkpoint. */
function at({ seconds }: WitnessedCheckpoint): string {
  return new Date(seconds * 1000).toISOString();
}

/** Whose key is not given is the log of the policy, if that names just one. */
function onlyLog(policy: Policy | undefined): string | undefined {
  const [log, ...others] = policy?.logs ?? [];
  return log === undefined || others.length > 0 ? undefined : vkeyLine(log.key.name, log.key.key.export({ type: 'spki', format: 'der' }));
}

function readProof(file: string): string {
  if (file === '-') return readFileSync(0, 'utf8');
  const { size } = statSync(file);
  if (size > PROOF_BYTES_MAX) {
    throw new Refused('proof.too-long', `${file} is too long for a proof`, {
      why: `${size} octets, the limit is ${PROOF_BYTES_MAX}`, fix: 'name the file that "strongroom prove" wrote',
    });
  }
  return readFileSync(file, 'utf8');
}

function parseProof(text: string): Proof | DestructionProof {
  try {
    return JSON.parse(text) as Proof | DestructionProof;
  } catch (cause) {
    throw new Refused('proof.malformed', 'the proof is not JSON', { why: (cause as Error).message, fix: 'take the file whole and unaltered', cause });
  }
}

function withAdvice(error: Refused): Refused {
  if (error.fix !== undefined && error.why !== undefined) return error;
  return new Refused(error.code, `the proof does not hold: ${error.message}`, {
    why: error.why ?? 'what the file says and what the log\'s key signed do not fit together',
    fix: error.fix ?? 'do not rely on this record; ask for a new proof and compare', cause: error,
  });
}

/** The proof as a tree, from the record up to the signature. */
function provenLines(proof: Proof, proven: Proven, vkey: string, good: (text: string) => string, witnessed: WitnessedCheckpoint | null): string[] {
  const { checkpoint, entry, context, sequence, raw, signer } = proven;
  const held = parseVkey(vkey);
  return [
    `${good('The proof holds.')} This record stands in the log of ${printable(checkpoint.origin)}.`, '',
    `  record ${proof.id}`,
    `  │ ${printable(raw.toString('utf8'))}`,
    `  └─ batch root    ${entry.root.toString('base64')}`,
    `     │ record ${proof.record.index} of ${entry.records}, by ${some(proof.record.path.length, 'hash', 'hashes')}`,
    `     └─ log root   ${checkpoint.root.toString('base64')}`,
    `        │ entry ${proof.entry.index} of ${checkpoint.size}, by ${some(proof.entry.path.length, 'hash', 'hashes')}`,
    `        └─ signed by ${printable(signer.name)}, key ${signer.id.toString('hex')}${signer.id.equals(held.id) ? '' : `, to which your key ${held.id.toString('hex')} leads`}`,
    ...(witnessed === null ? [] : [`           witnessed by ${witnessed.names.map((name) => printable(shownName(name))).join(', ')}, ${at(witnessed)}: the quorum holds`]), '',
    ...factLines([
      ['received', `${formatTime(context.receivedAt)}  ${boundText(boundNs(context.bound))}`],
      ['source', `${shortSource(context.source)}  ${printable(context.source)}`],
      ['by', `${printable(context.protocol)}${context.peer === '' ? ', on the machine itself' : ` from ${printable(context.peer)}`}`],
      ['stream', `${context.stream.toString('hex')}, record ${sequence}`],
      ['admitted', `${formatTime(context.admittedAt)}  by the vault's own clock`],
      ...existedFacts(proven),
    ]),
  ];
}

function existedFacts({ timestamp }: Proven): [string, string][] {
  if (timestamp === null) return [];
  const { verified, checkpoint } = timestamp;
  if (verified === null) return [['timestamp', 'not checked: name the roots of the authority with --tsa-ca']];
  return [['existed', `before ${formatTime(verified.time)}  ${boundText(accuracyNs(verified))}, says ${printable(verified.authority)} of the first ${some(checkpoint.size, 'entry', 'entries')}`]];
}

function timestampJson({ timestamp }: Proven): unknown {
  if (timestamp === null) return null;
  const { verified, checkpoint: { size } } = timestamp;
  if (verified === null) return { checked: false, size };
  const { time, authority, serial, policy } = verified;
  return { checked: true, size, existedBefore: formatTime(time), accuracyNs: accuracyNs(verified), authority, serial, policy };
}

function accuracyNs({ accuracyNs: ns }: Timestamp): number | null {
  return ns === null ? null : Number(ns);
}

function provenJson(proof: Proof, proven: Proven): Record<string, unknown> {
  const { checkpoint, entry, context, sequence, raw } = proven;
  const text = raw.toString('utf8');
  return {
    id: proof.id, receivedAt: formatTime(context.receivedAt), boundNs: boundNs(context.bound),
    source: context.source, sourceKey: context.sourceKey.toString('hex'), stream: context.stream.toString('hex'), sequence,
    protocol: context.protocol, peer: context.peer, kind: kindName(context),
    ...(Buffer.from(text).equals(raw) ? { raw: text } : { rawBase64: raw.toString('base64') }),
    admittedAt: formatTime(context.admittedAt), asserter: context.asserter,
    batch: { entry: proof.entry.index, records: entry.records, root: entry.root.toString('base64') },
    log: { origin: checkpoint.origin, size: checkpoint.size, rootHash: checkpoint.root.toString('base64') },
    timestamp: timestampJson(proven),
  };
}

function boundNs(bound: bigint): number | null {
  return bound === BOUND_UNKNOWN ? null : Number(bound);
}
