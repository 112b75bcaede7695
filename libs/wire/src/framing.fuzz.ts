// SPDX-License-Identifier: Apache-2.0
// Fuzzes both framers: streams of valid frames, then octets changed, dropped, doubled and inserted. What must hold:
//   - the same octets in any chunks give the same records, the same end, the same refusal;
//   - a stream without mutations gives exactly the messages that were put in;
//   - memory for an unfinished frame never exceeds the record limit;
//   - nothing is thrown but Refused.
// A case is its seed: `fuzz(one seed, 1)` makes it again. Streams that once told something are kept in corpus/.
import { hash } from 'node:crypto';
import type { Framer } from './framer.ts';
import { RelpSession } from './relp-session.ts';
import { SyslogFramer } from './syslog.ts';
import { collect, type Found, type Outcome } from './trial/collect.ts';
import { pick, seeded, type Random } from './trial/random.ts';

const LIMIT = 48; // so that small messages reach it
const FRAMES_MAX = 8;
const CUTS_MAX = 6;
/** Octets that mean something to one of the grammars. */
const TELLING = [0, 0x0a, 0x0d, 0x20, 0x30, 0x31, 0x39, 0x3c, 0x41, 0x7a, 0xff];

type Protocol = 'syslog' | 'relp';
interface Stream {
  readonly octets: Buffer;
  /** What has to come out; undefined once the stream is mutated. */
  readonly messages: readonly Buffer[] | undefined;
}

/** Runs `cases` cases from `seed` on. Throws an error that names protocol, seed and stream of the first that fails. */
export function fuzz(seed: number, cases: number): void {
  for (let i = 0; i < cases; i += 1) {
    fuzzCase('syslog', seed + i);
    fuzzCase('relp', seed + i);
  }
}

function fuzzCase(protocol: Protocol, seed: number): void {
  const random = seeded(seed);
  const valid = protocol === 'syslog' ? syslogStream(random) : relpStream(random);
  const stream = random(3) === 0 ? valid : { octets: mutate(valid.octets, random), messages: undefined };
  try {
    checkStream(protocol, stream.octets, random);
    if (stream.messages !== undefined) checkMessages(protocol, stream.octets, stream.messages);
  } catch (error) {
    throw new Error(`${protocol}, seed ${seed}, stream ${stream.octets.toString('hex')}: ${(error as Error).message}`, { cause: error });
  }
}

/** Checks one stream, whole against random chunks against single octets. Throws an error that says what differs. */
export function checkStream(protocol: Protocol, stream: Buffer, random: Random): void {
  const whole = summarize(stream, run(protocol, [stream]));
  for (const chunks of [atRandom(stream, random), Array.from(stream, (_, i) => stream.subarray(i, i + 1))]) {
    const divided = summarize(stream, run(protocol, chunks));
    if (divided !== whole) throw new Error(`divided into ${chunks.map((chunk) => chunk.length).join('+')}: ${divided}, whole: ${whole}`);
  }
}

function checkMessages(protocol: Protocol, stream: Buffer, messages: readonly Buffer[]): void {
  const { found, refused } = run(protocol, [stream]);
  const wanted = messages.map((message) => (message.length > LIMIT ? cutText(message.subarray(0, LIMIT), message.length, sha256(message)) : message.toString('hex')));
  const got = found.map(text);
  if (refused !== undefined || wanted.join() !== got.join()) throw new Error(`came out as ${got.join()}, refused ${refused}, put in were ${wanted.join()}`);
}

function run(protocol: Protocol, chunks: readonly Buffer[]): Outcome {
  const framer: Framer = protocol === 'syslog' ? new SyslogFramer(LIMIT) : new RelpSession(LIMIT);
  const outcome = collect(framer, chunks);
  if (outcome.memoryBytesMax > LIMIT) throw new Error(`${outcome.memoryBytesMax} octets of memory, the limit is ${LIMIT}`);
  if (framer instanceof RelpSession) framer.sealed(outcome.owed);
  return outcome;
}

function summarize(stream: Buffer, { found, end, refused }: Outcome): string {
  const taken = found.reduce((sum, one) => sum + (Buffer.isBuffer(one) ? one.length : one.received), 0);
  if (taken > stream.length) throw new Error(`${taken} octets came out of ${stream.length}`);
  return JSON.stringify({ found: found.map(text), end, refused });
}

function text(one: Found): string {
  return Buffer.isBuffer(one) ? one.toString('hex') : cutText(one.beginning, one.fullLength, one.fullHash.toString('hex'));
}

function cutText(beginning: Buffer, fullLength: number, digest: string): string {
  return `${beginning.toString('hex')}/${fullLength}/${digest}`;
}

function sha256(bytes: Buffer): string {
  return hash('sha256', bytes);
}

function syslogStream(random: Random): Stream {
  const messages = Array.from({ length: random(FRAMES_MAX) }, () => message(random, 1));
  const frames = messages.map((content) => {
    const stray = pick(random, ['', '', '\n', '\0\n']);
    const isLine = content[0] === 0x3c && !content.includes(0x0a) && !content.includes(0) && random(2) === 0;
    if (isLine) return Buffer.concat([content, pick(random, [LF, NUL]), Buffer.from(stray)]);
    return Buffer.concat([Buffer.from(`${stray}${content.length} `), content]);
  });
  return { octets: Buffer.concat(frames), messages };
}

const LF = Buffer.from('\n');
const NUL = Buffer.from('\0');

function relpStream(random: Random): Stream {
  const messages = Array.from({ length: random(FRAMES_MAX) }, () => message(random, 0));
  let transaction = pick(random, [1, 7, 999_999_997]);
  const frame = (command: string, data: Buffer): Buffer => {
    const head = `${transaction} ${command} ${data.length}${data.length === 0 ? '' : ' '}`;
    transaction = transaction === 999_999_999 ? 1 : transaction + 1;
    return Buffer.concat([Buffer.from(head), data, LF]);
  };
  const frames = [frame('open', Buffer.from('relp_version=1\ncommands=syslog'))];
  for (const content of messages) {
    if (random(8) === 0) frames.push(frame('noop', Buffer.alloc(0)));
    frames.push(frame('syslog', content));
  }
  if (random(2) === 0) frames.push(frame('close', Buffer.alloc(0)));
  return { octets: Buffer.concat(frames), messages };
}

function message(random: Random, lengthMin: number): Buffer {
  const length = lengthMin + random(random(6) === 0 ? LIMIT * 2 : 14);
  const content = Buffer.alloc(length);
  for (let i = 0; i < length; i += 1) content[i] = random(3) === 0 ? pick(random, TELLING) : random(256);
  if (length > 0 && random(2) === 0) content[0] = 0x3c;
  return content;
}

function mutate(stream: Buffer, random: Random): Buffer {
  const octets = [...stream];
  for (let left = 1 + random(4); left > 0; left -= 1) {
    const at = random(octets.length + 1);
    const what = random(4);
    if (what === 0) octets.splice(at, 1);
    else if (what === 1) octets.splice(at, 0, pick(random, TELLING));
    else if (what === 2) octets.splice(at, 1, random(256));
    else octets.splice(at, 0, ...octets.slice(at, at + random(12)));
  }
  return Buffer.from(octets);
}

function atRandom(stream: Buffer, random: Random): Buffer[] {
  const places = Array.from({ length: random(CUTS_MAX) }, () => random(stream.length + 1)).toSorted((a, b) => a - b);
  return [0, ...places].map((from, i) => stream.subarray(from, places[i] ?? stream.length));
}
