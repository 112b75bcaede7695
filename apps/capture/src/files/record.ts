// SPDX-License-Identifier: Apache-2.0
// What is sealed of files: one line of JSON each, its members in this order, docs/FORMAT.md section 22. Numbers of 64 bits
// are written with all their digits.
import { isUtf8 } from 'node:buffer';
import type { Difference, Doer, Executable, FileFacts, Scan } from './frames.ts';

const MINOR_BITS = 20n;

const json = JSON as typeof JSON & { rawJSON(text: string): unknown };

type Members = Record<string, unknown>;

export function differenceLine({ number, type, how, noticedNs, doers, path, other, before, after }: Difference): string {
  const { texts, escaped } = spelt(other === null ? { path } : { path, [type === 'renamed' ? 'to' : 'from']: other });
  return JSON.stringify({
    type, ...texts, how, noticed: digits(noticedNs), ...byWhom(doers), before: before === null ? null : factsOf(before), after: after === null ? null : factsOf(after),
    number, ...escaped,
  });
}

export function scanLine({ number, reason, deep, fromNs, toNs, counts, digest }: Scan): string {
  return JSON.stringify({ type: 'scan', reason, deep, from: digits(fromNs), to: digits(toNs), ...counts, digest: digest.toString('hex'), number });
}

/** As a member of an event of ours. */
export function pathOf(path: Buffer): string {
  return isUtf8(path) ? path.toString() : escape(path);
}

export function deviceOf(device: bigint): string {
  return `${device >> MINOR_BITS}:${device & ((1n << MINOR_BITS) - 1n)}`;
}

export function executableLine({ doer, facts, path }: Executable): string {
  const { texts, escaped } = spelt({ path });
  return JSON.stringify({ type: 'executable', ...texts, pid: doer.pid, started: doer.startedNs === null ? null : digits(doer.startedNs), ...factsOf(facts), ...escaped });
}

/** One process did it; or several, and nothing tells which did what; or it is not known. */
function byWhom(doers: readonly Doer[]): Members {
  const [only] = doers;
  const all = doers.map(({ pid, startedNs }) => ({ pid, started: startedNs === null ? null : digits(startedNs) }));
  return doers.length === 1 ? { pid: only!.pid, started: all[0]!.started } : { pid: null, ...(doers.length > 1 ? { processes: all } : {}) };
}

function factsOf({ kind, mode, uid, gid, size, device, inode, sha256, error, attributes, modifiedNs, changedNs }: FileFacts): Members {
  return {
    kind, mode, uid, gid, size, device: deviceOf(device), inode: digits(inode),
    sha256: sha256?.toString('hex') ?? null, ...(error === 0 ? {} : { unreadable: error }), ...(attributes === null ? {} : { attributes: attributes.toString('hex') }),
    modified: digits(modifiedNs), changed: digits(changedNs),
  };
}

/** Octets that are no UTF-8 stand as `\xNN`, and so does each backslash beside them; `escaped` names the members. */
function spelt(members: Readonly<Record<string, Buffer>>): { texts: Members; escaped: Members } {
  const names = Object.keys(members).filter((name) => !isUtf8(members[name]!));
  const texts = Object.fromEntries(Object.entries(members).map(([name, octets]) => [name, names.includes(name) ? escape(octets) : octets.toString()]));
  return { texts, escaped: names.length === 0 ? {} : { escaped: names } };
}

function escape(octets: Buffer): string {
  return octets.toString('latin1').replaceAll(/[^\x20-\x5b\x5d-\x7e]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** All digits of a number, where JSON's own numbers may have fewer. */
function digits(number: bigint): unknown {
  return json.rawJSON(String(number));
}
