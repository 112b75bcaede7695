// SPDX-License-Identifier: Apache-2.0
// A mirror of the policy, as its client: C2SP tlog-mirror, and for segments our own way (docs/FORMAT.md). It cosigns once it
// has everything: so the checkpoint is handed in, then entries, then octets of segments, and then its word is asked for.
import { createHash } from 'node:crypto';
import { Failed } from '@strongroom/bytes';
import { ADD_ENTRIES_PACKAGES_MAX, encodeAddEntriesHeader, encodePackage, packagesOf, parseMirrorInfo, shownName, type MirrorInfo, type PolicyWitness } from '@strongroom/evidence';
import { exchange, type Answer } from '../exchange.ts';
import { Peer, lineOf, type Cosigner } from './peer.ts';
import type { Heard, Published, VaultLine } from './vault-line.ts';

/** An upload of segments may take its time. */
const UPLOAD_TIMEOUT_MS = 300_000;
const ANSWER_BYTES_MAX = 64 * 1024;
/** Uploads for one checkpoint before others have their turn. */
const STEPS_MAX = 10_000;

type MirrorVault = Pick<VaultLine, 'consistency' | 'seen' | 'claims' | 'entries' | 'segment'>;

export class MirrorPeer implements Cosigner {
  readonly name: string;
  readonly #witness: PolicyWitness;
  readonly #origin: string;
  readonly #vault: MirrorVault;
  readonly #asWitness: Peer;
  #ticket: Buffer = Buffer.alloc(0);

  constructor(witness: PolicyWitness, origin: string, vault: MirrorVault) {
    this.name = witness.name;
    [this.#witness, this.#origin, this.#vault] = [witness, origin, vault];
    this.#asWitness = new Peer(witness, origin, vault);
  }

  ask(current: Published | null, signal: AbortSignal): Promise<Heard> {
    return this.#asWitness.ask(current, signal);
  }

  async cosign(target: Published, signal: AbortSignal): Promise<string> {
    await this.#asWitness.offer(target, signal);
    let next = target.size;
    for (let step = 0; step < STEPS_MAX; step += 1) {
      const answer = await this.#addEntries(next, target.size, signal);
      if (answer.status === 200) return lineOf(target.note, answer.body.toString(), this.#witness);
      const info = parseMirrorInfo(answer.body.toString());
      if (info === null) throw this.#refused(answer);
      this.#ticket = info.ticket;
      if (info.nextEntry >= target.size && !(await this.#addSegments(signal))) throw this.#refused(answer);
      next = this.#nextOf(info, next, target.size, answer);
    }
    throw new Failed('witness.undecided', `${shownName(this.name)} does not come to an end`, { why: `${STEPS_MAX} uploads were made for one checkpoint` });
  }

  /** Where to go on. A mirror that asks for what it was just sent, again and again, is left for later. */
  #nextOf({ nextEntry }: MirrorInfo, sent: number, size: number, answer: Answer): number {
    if (nextEntry >= size) return size;
    if (nextEntry === sent && sent < size) throw this.#refused(answer);
    return nextEntry;
  }

  #addEntries(start: number, end: number, signal: AbortSignal): Promise<Answer> {
    return this.#post('add-entries', this.#entriesBody(start, end), signal);
  }

  async *#entriesBody(start: number, end: number): AsyncGenerator<Buffer> {
    yield encodeAddEntriesHeader({ origin: this.#origin, start, end, ticket: this.#ticket });
    let packages = 0;
    for (const span of packagesOf(start, end)) {
      if (packages >= ADD_ENTRIES_PACKAGES_MAX) return;
      yield encodePackage(await this.#vault.entries(span.start, span.end, end));
      packages += 1;
    }
  }

  /** Sends what the mirror says is missing. False when nothing is, or nothing of it could be taken. */
  async #addSegments(signal: AbortSignal): Promise<boolean> {
    const hash = createHash('sha256').update(this.#origin).digest('hex');
    const { status, body } = await exchange({ method: 'GET', url: `${this.#witness.url}/${hash}/wanted`, timeoutMs: UPLOAD_TIMEOUT_MS, bytesMax: ANSWER_BYTES_MAX, signal });
    const wanted = status === 200 ? [...body.toString().matchAll(/^([0-9a-f]{16}) (0|[1-9][0-9]{0,15}) (0|[1-9][0-9]{0,15})$/gm)] : [];
    for (const [, segment = '', from, to] of wanted) {
      const answer = await this.#post(`${hash}/segment/${segment}/${from}`, this.#segmentBody(segment, Number(from), Number(to)), signal);
      if (answer.status !== 200) throw this.#refused(answer);
    }
    return wanted.length > 0;
  }

  async *#segmentBody(segment: string, from: number, to: number): AsyncGenerator<Buffer> {
    for (let at = from; at < to; ) {
      const bytes = await this.#vault.segment(segment, at, to - at);
      if (bytes.length === 0) return;
      yield bytes;
      at += bytes.length;
    }
  }

  #post(path: string, body: AsyncIterable<Buffer>, signal: AbortSignal): Promise<Answer> {
    return exchange({ method: 'POST', url: `${this.#witness.url}/${path}`, body, contentType: 'application/octet-stream', timeoutMs: UPLOAD_TIMEOUT_MS, bytesMax: ANSWER_BYTES_MAX, signal });
  }

  #refused({ status, body }: Answer): Failed {
    const said = body.toString('latin1').replaceAll(/[^\x20-\x7e]+/g, ' ').trim().slice(0, 200);
    return new Failed('witness.refused', `${shownName(this.name)} does not mirror`, { why: `status ${status}${said === '' ? '' : `: ${said}`}`, fix: 'ask its operator whether it mirrors this log' });
  }
}
