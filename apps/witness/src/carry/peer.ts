// SPDX-License-Identifier: Apache-2.0
// One witness of the policy, as its client: C2SP tlog-witness. Whatever it answers is input; of error codes only "not 200"
// is relied on, and a size in the body of such an answer is a hint.
import { createHash } from 'node:crypto';
import { Failed, Refused } from '@strongroom/bytes';
import { cosignaturesOf, encodeAddCheckpoint, shownName, type PolicyWitness } from '@strongroom/evidence';
import { exchange, type Answer } from '../exchange.ts';
import { isVaultGone, type Heard, type Published, type VaultLine } from './vault-line.ts';

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 64 * 1024;
/** Sizes that a witness may name in one exchange before it is left for later. */
const ATTEMPTS_MAX = 4;

/** What a peer is to the rounds: something that cosigns. */
export interface Cosigner {
  readonly name: string;
  /** The signature line on this checkpoint. Throws `Failed`: `witness.…`, and what the vault throws. */
  cosign(target: Published, signal: AbortSignal): Promise<string>;
  /** Learns what it had seen of our log, and tells the vault. Throws the same; resolves once it has said anything. */
  ask(current: Published | null, signal: AbortSignal): Promise<Heard>;
}

export class Peer implements Cosigner {
  readonly name: string;
  readonly #witness: PolicyWitness;
  readonly #origin: string;
  readonly #vault: Pick<VaultLine, 'consistency' | 'seen' | 'claims'>;
  /** What it cosigned last, as far as is known. */
  #size = 0;
  /** What it had cosigned before it met us; null while that is not known. */
  #before: number | null = null;

  constructor(witness: PolicyWitness, origin: string, vault: Pick<VaultLine, 'consistency' | 'seen' | 'claims'>) {
    this.name = witness.name;
    [this.#witness, this.#origin, this.#vault] = [witness, origin, vault];
  }

  async cosign(target: Published, signal: AbortSignal): Promise<string> {
    return lineOf(target.note, (await this.offer(target, signal)).body.toString(), this.#witness);
  }

  /** Hands a checkpoint in, from whatever size it has seen. Resolves with the answer of 200. */
  async offer(target: Published, signal: AbortSignal): Promise<Answer> {
    if (this.#size > target.size) this.#size = 0;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const oldSize = this.#size;
      const answer = await this.#add(target, oldSize, signal);
      if (answer.status === 200) {
        this.#size = target.size;
        this.#before ??= oldSize;
        return answer;
      }
      const hint = sizeIn(answer);
      if (hint === null || hint === oldSize) throw this.#refused(answer);
      if (hint > target.size) {
        await this.#vault.claims(this.name, hint);
        throw new Failed('witness.ahead', `${shownName(this.name)} says that it has seen more than there is`, { why: `it names ${hint} entries, the checkpoint has ${target.size}`, fix: 'if a store was put back, put the newest one in its place' });
      }
      this.#size = hint;
    }
    throw new Failed('witness.undecided', `${shownName(this.name)} names another size each time`, { why: `${ATTEMPTS_MAX} attempts were made` });
  }

  /** It shows what it has seen, or else tells by where it goes on from: only what it had seen before it met us counts. */
  async ask(current: Published | null, signal: AbortSignal): Promise<Heard> {
    const hash = createHash('sha256').update(this.#origin).digest('hex');
    const shown = await exchange({ method: 'GET', url: `${this.#witness.url}/${hash}/checkpoint`, timeoutMs: TIMEOUT_MS, bytesMax: ANSWER_BYTES_MAX, signal });
    if (shown.status === 200 && await this.#shows(shown.body.toString())) return this.#before === 0 ? 'unknown' : 'known';
    if (current === null) return 'unknown';
    try {
      await this.offer(current, signal);
    } catch (error) {
      if (error instanceof Failed && error.code === 'witness.ahead') return 'ahead';
      throw error;
    }
    return this.#before === 0 ? 'unknown' : 'known';
  }

  /** False where what it shows is not signed by our log: anybody can make that up. */
  async #shows(note: string): Promise<boolean> {
    try {
      this.#size = await this.#vault.seen(this.name, note);
      return true;
    } catch (error) {
      if (isVaultGone(error) || !(error instanceof Refused) || error.code.startsWith('vault.')) throw error;
      return false;
    }
  }

  async #add(target: Published, oldSize: number, signal: AbortSignal): Promise<Answer> {
    const proof = await this.#vault.consistency(oldSize, target.size);
    const body = Buffer.from(encodeAddCheckpoint({ oldSize, proof, note: target.note }));
    return exchange({ method: 'POST', url: `${this.#witness.url}/add-checkpoint`, body, contentType: 'text/plain; charset=utf-8', timeoutMs: TIMEOUT_MS, bytesMax: ANSWER_BYTES_MAX, signal });
  }

  #refused({ status, body }: Answer): Failed {
    const said = body.toString('latin1').replaceAll(/[^\x20-\x7e]+/g, ' ').trim().slice(0, 200);
    return new Failed('witness.refused', `${shownName(this.name)} does not cosign`, { why: `status ${status}${said === '' ? '' : `: ${said}`}`, fix: 'ask its operator whether it knows this log and its key' });
  }
}

/** The one verified signature line of this witness. Throws `Failed('witness.no-cosignature')`. */
export function lineOf(note: string, body: string, witness: Pick<PolicyWitness, 'name' | 'key'>): string {
  try {
    const made = cosignaturesOf(note + body, [witness.key])[0];
    if (made !== undefined) return made.line;
    throw new Refused('note.cosignature', 'no line is of its key');
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw new Failed('witness.no-cosignature', `${shownName(witness.name)} answers without its cosignature`, { why: error.message, fix: 'compare its key in the policy with what its operator says', cause: error });
  }
}

function sizeIn({ body }: Answer): number | null {
  const text = /^(0|[1-9][0-9]{0,15})\n?$/.exec(body.toString('latin1'))?.[1];
  return text === undefined || !Number.isSafeInteger(Number(text)) ? null : Number(text);
}
