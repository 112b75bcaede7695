// SPDX-License-Identifier: Apache-2.0
// What an event of the audit says of the process behind it.
import { TYPE, type AuditRecord } from '../audit/record.ts';
import { spelt } from './who.ts';

const UNSET = 0xffff_ffff;
const SYSCALL = / ppid=(\d{1,10}) pid=(\d{1,10}) auid=(\d{1,10}) .* comm=(\S+|"[^"]*") exe=("[^"]*"|\S+)/;
const USER = /(?:^| )pid=(\d{1,10}) uid=\d{1,10} auid=(\d{1,10}) /;
const HEX = /^(?:[0-9A-Fa-f]{2})+$/;
const RECORD_BYTES_MAX = 16_384;

export interface AuditedProcess {
  readonly pid: number;
  /** 0: the record does not say. */
  readonly parent: number;
  readonly login: number | null;
  readonly name: { readonly text: string; readonly escaped: boolean } | null;
  readonly executable: { readonly text: string; readonly escaped: boolean } | null;
}

/** A record, let go of what it lies in: text takes least of all to keep. */
export interface Words {
  readonly type: number;
  readonly text: string;
}

export function wordsOf({ type, bytes, from, end }: AuditRecord): Words {
  return { type, text: bytes.toString('latin1', from, Math.min(end, from + RECORD_BYTES_MAX)) };
}

/** By one record; null: it tells of no process. */
export function auditedProcess({ type, text }: Words): AuditedProcess | null {
  const [, parent, pid, login, name, executable] = type === TYPE.syscall ? SYSCALL.exec(text) ?? [] : [];
  if (pid !== undefined) return { pid: Number(pid), parent: Number(parent), login: loginOf(login!), name: textOf(name!), executable: textOf(executable!) };
  const [, sender, by] = type === TYPE.syscall ? [] : USER.exec(text) ?? [];
  return sender === undefined ? null : { pid: Number(sender), parent: 0, login: loginOf(by!), name: null, executable: null };
}

function loginOf(written: string): number | null {
  return Number(written) === UNSET ? null : Number(written);
}

/** What the kernel puts into quotes: mostly it needs no looking at. */
const PLAIN = /^"([\x20-\x7e]{0,512})"$/;

/** In quotes, or hexadecimal, or something like `(null)`. */
function textOf(written: string): AuditedProcess['name'] {
  const plain = PLAIN.exec(written)?.[1];
  if (plain !== undefined) return { text: plain, escaped: false };
  if (written.startsWith('"')) return spelt(Buffer.from(written.slice(1, -1), 'latin1'));
  return HEX.test(written) ? spelt(Buffer.from(written, 'hex')) : null;
}
