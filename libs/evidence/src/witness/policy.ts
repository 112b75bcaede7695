// SPDX-License-Identifier: Apache-2.0
// C2SP tlog-policy: which logs, which witnesses, and which of those must have cosigned a checkpoint. One statement a line:
//   log <vkey> [<url>] · witness <name> <vkey> [<url>] · group <name> <all|any|k> <member>… · quorum <name|none>
// Names are opaque octets (here: one latin1 character each) and are defined before they are used.
import { Refused } from '@strongroom/bytes';
import { parseVkey, type NoteKey } from '../note.ts';
import { parseCosignerVkey } from './cosignature.ts';

const POLICY_BYTES_MAX = 64 * 1024;
const LOGS_MAX = 64;
const WITNESSES_MAX = 64;
const GROUPS_MAX = 64;

export interface PolicyLog {
  readonly key: NoteKey;
  readonly url: string | null;
}

export interface PolicyWitness {
  /** Within the policy; its key has a name of its own. */
  readonly name: string;
  readonly key: NoteKey;
  /** Where it takes checkpoints: a tlog-witness submission prefix. */
  readonly url: string | null;
}

type Rule =
  | { readonly kind: 'witness'; readonly name: string }
  | { readonly kind: 'group'; readonly threshold: number; readonly members: readonly Rule[] };

export interface Policy {
  readonly logs: readonly PolicyLog[];
  readonly witnesses: readonly PolicyWitness[];
  /** Null: none is required. */
  readonly quorum: Rule | null;
}

/** A name of the policy for people: its octets are most likely UTF-8. */
export function shownName(name: string): string {
  return Buffer.from(name, 'latin1').toString('utf8').slice(0, 200);
}

/** Whether these witnesses, by their names in the policy, make the quorum. */
export function isQuorum({ quorum }: Policy, names: ReadonlySet<string>): boolean {
  return quorum === null || holds(quorum, names);
}

function holds(rule: Rule, names: ReadonlySet<string>): boolean {
  if (rule.kind === 'witness') return names.has(rule.name);
  return rule.members.filter((member) => holds(member, names)).length >= rule.threshold;
}

/**
 * Reads a policy file. Throws `Refused`: `policy.too-large`, `policy.syntax`, `policy.key`, `policy.duplicate`,
 * `policy.name`, `policy.quorum`, each but the first with the number of its line.
 */
export function parsePolicy(bytes: Buffer): Policy {
  if (bytes.length > POLICY_BYTES_MAX) throw new Refused('policy.too-large', 'the policy is too long', { why: `${bytes.length} octets, the limit is ${POLICY_BYTES_MAX}` });
  const reading = new Reading();
  for (const [i, line] of bytes.toString('latin1').split('\n').entries()) {
    const words = line.split(/[ \t]+/).filter((word) => word !== '');
    if (/[^\t\x20-\x7e\x80-\xff]/.test(line)) throw at(i + 1, 'policy.syntax', 'a control character', 'tabs and spaces are the only ones allowed');
    if (words.length > 0 && !words[0]!.startsWith('#')) reading.line(i + 1, words);
  }
  return reading.end();
}

class Reading {
  readonly #logs: PolicyLog[] = [];
  readonly #witnesses: PolicyWitness[] = [];
  readonly #rules = new Map<string, Rule>();
  readonly #members = new Set<string>();
  readonly #keys = new Set<string>();
  #groups = 0;
  #quorum: Rule | null | undefined;

  line(number: number, [kind, ...words]: readonly string[]): void {
    if (kind === 'log') this.#log(number, words);
    else if (kind === 'witness') this.#witness(number, words);
    else if (kind === 'group') this.#group(number, words);
    else if (kind === 'quorum') this.#setQuorum(number, words);
    else throw at(number, 'policy.syntax', `"${(kind ?? '').slice(0, 40)}" begins no statement`, 'a line begins with log, witness, group, quorum or #');
  }

  end(): Policy {
    if (this.#quorum === undefined) throw new Refused('policy.quorum', 'the policy names no quorum', { why: 'exactly one line "quorum NAME" is needed', fix: 'add it at the end; "quorum none" requires no witness' });
    return { logs: this.#logs, witnesses: this.#witnesses, quorum: this.#quorum };
  }

  #log(number: number, words: readonly string[]): void {
    if (words.length < 1 || words.length > 2) throw at(number, 'policy.syntax', 'a log is "log <vkey> [<url>]"', `${words.length} words follow`);
    if (this.#logs.length >= LOGS_MAX) throw at(number, 'policy.syntax', 'too many logs', `the limit is ${LOGS_MAX}`);
    this.#logs.push({ key: this.#key(number, 'log', words[0]!), url: urlOf(number, words[1]) });
  }

  #witness(number: number, words: readonly string[]): void {
    if (words.length < 2 || words.length > 3) throw at(number, 'policy.syntax', 'a witness is "witness <name> <vkey> [<url>]"', `${words.length} words follow`);
    if (this.#witnesses.length >= WITNESSES_MAX) throw at(number, 'policy.syntax', 'too many witnesses', `the limit is ${WITNESSES_MAX}`);
    const name = words[0]!;
    this.#define(number, name, { kind: 'witness', name });
    this.#witnesses.push({ name, key: this.#key(number, 'witness', words[1]!), url: urlOf(number, words[2]) });
  }

  #group(number: number, [name, needed, ...names]: readonly string[]): void {
    if (name === undefined || needed === undefined || names.length === 0) throw at(number, 'policy.syntax', 'a group is "group <name> <all|any|k> <member>…"', 'a part is missing');
    this.#groups += 1;
    if (this.#groups > GROUPS_MAX) throw at(number, 'policy.syntax', 'too many groups', `the limit is ${GROUPS_MAX}`);
    const threshold = needed === 'all' ? names.length : needed === 'any' ? 1 : /^[1-9][0-9]{0,2}$/.test(needed) ? Number(needed) : 0;
    if (threshold < 1 || threshold > names.length) throw at(number, 'policy.syntax', `a group of ${names.length} cannot need "${needed.slice(0, 20)}"`, 'it is all, any, or a number from 1 to the count of members');
    const members = names.map((member) => this.#member(number, member));
    this.#define(number, name, { kind: 'group', threshold, members });
  }

  /** Each name counts in one place only: so nobody can be counted twice. */
  #member(number: number, name: string): Rule {
    const rule = this.#rules.get(name);
    if (rule === undefined) throw at(number, 'policy.name', `"${shownName(name)}" is not defined`, 'a member is a witness or group of a line above');
    if (this.#members.has(name)) throw at(number, 'policy.duplicate', `"${shownName(name)}" is already a member`, 'each name may be a member once');
    this.#members.add(name);
    return rule;
  }

  #setQuorum(number: number, words: readonly string[]): void {
    if (words.length !== 1) throw at(number, 'policy.syntax', 'a quorum is "quorum <name>"', `${words.length} words follow`);
    if (this.#quorum !== undefined) throw at(number, 'policy.quorum', 'the quorum is already set', 'there is exactly one');
    const rule = words[0] === 'none' ? null : this.#rules.get(words[0]!);
    if (rule === undefined) throw at(number, 'policy.name', `"${shownName(words[0]!)}" is not defined`, 'the quorum is a witness or group of a line above, or none');
    this.#quorum = rule;
  }

  #define(number: number, name: string, rule: Rule): void {
    if (name === 'none') throw at(number, 'policy.name', '"none" cannot be a name', 'it stands for no quorum');
    if (this.#rules.has(name)) throw at(number, 'policy.duplicate', `"${shownName(name)}" is already defined`, 'witnesses and groups share their names');
    this.#rules.set(name, rule);
  }

  /** The same public key twice is one, whatever it is called. */
  #key(number: number, kind: 'log' | 'witness', octets: string): NoteKey {
    const line = Buffer.from(octets, 'latin1').toString('utf8');
    const key = keyOf(number, kind, line);
    const same = `${kind} ${key.key.export({ type: 'spki', format: 'der' }).toString('hex')}`;
    if (this.#keys.has(same)) throw at(number, 'policy.duplicate', `this ${kind}'s public key stands in a line above`, 'each may be listed once');
    this.#keys.add(same);
    return key;
  }
}

function keyOf(number: number, kind: 'log' | 'witness', line: string): NoteKey {
  try {
    return kind === 'log' ? parseVkey(line) : parseCosignerVkey(line);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw at(number, 'policy.key', `the ${kind}'s key cannot be used`, error.why ?? error.message);
  }
}

function urlOf(number: number, octets: string | undefined): string | null {
  if (octets === undefined) return null;
  const text = Buffer.from(octets, 'latin1').toString('utf8');
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text.replace(/\/+$/, '');
  throw at(number, 'policy.syntax', `"${text.slice(0, 100)}" is no address`, 'an address begins with http:// or https://');
}


function at(number: number, code: string, what: string, why: string): Refused {
  return new Refused(code, `line ${number}: ${what}`, { why, fix: 'correct that line of the policy' });
}
