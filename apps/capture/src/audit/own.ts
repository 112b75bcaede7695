// SPDX-License-Identifier: Apache-2.0
// Our own work is no news: a vault that publishes each second would, under a rule on renames, feed itself for ever. Such events are
// counted and not sealed, if everything in them is so: by the kernel's word it was the supervisor or a child of its (a program
// can take another name, not another parent); a file operation, that succeeded; and of files below our home alone, each named from
// the root: relative to an open directory it may be any file. Whatever else our processes do, starting a program above all, and
// links that lead elsewhere, is sealed like anybody's.
import { callerIn } from './caller.ts';
import { decodeLine, type Field } from './decode.ts';
import type { AuditEvent } from './joiner.ts';
import { lineOf, TYPE } from './record.ts';

/** What a file operation consists of: SYSCALL, CWD, PATH, PROCTITLE, EOE. */
const OF_FILES = new Set<number>([TYPE.syscall, 1302, 1307, 1327, TYPE.eoe]);
const PATH = 1302;
/** symlink and symlinkat, by architecture; others number as ARM does. */
const LINKING: Readonly<Record<string, readonly string[]>> = { c000003e: ['88', '266'], other: ['36'] };

export interface Ours {
  /** Process id of the supervisor. It lives as long as we do, so nobody else has it. */
  readonly supervisor: number;
  /** Absolute, without a slash at its end; where services see another path, both. */
  readonly homes: readonly string[];
}

export class Own {
  readonly #supervisor: number;
  readonly #homes: readonly string[];

  constructor({ supervisor, homes }: Ours) {
    this.#supervisor = supervisor;
    this.#homes = homes.map((home) => `${home}/`);
  }

  /** Whether the event is nothing but our own work. Cheap for all others. */
  has({ records, end, late }: AuditEvent): boolean {
    const syscall = records[0]!;
    if (syscall.type !== TYPE.syscall || end !== 'eoe' || late) return false;
    const caller = callerIn(syscall);
    if (caller === null || (caller.parent !== this.#supervisor && caller.pid !== this.#supervisor)) return false;
    if (!records.every(({ type }) => OF_FILES.has(type))) return false;
    const fields = records.map((record) => ({ type: record.type, fields: decodeLine(lineOf(record))?.fields ?? [] }));
    const told = fields[0]!.fields;
    if (valueOf(told, 'success') !== 'yes') return false;
    if ((LINKING[valueOf(told, 'arch') ?? ''] ?? LINKING['other']!).includes(valueOf(told, 'syscall') ?? '')) return false;
    const paths = fields.filter(({ type }) => type === PATH).map((path) => valueOf(path.fields, 'name'));
    return paths.length > 0 && paths.every((path) => this.#isBelow(path));
  }

  #isBelow(path: string | null): boolean {
    if (path === null || path.includes('..') || path.includes('\\')) return false;
    return this.#homes.some((home) => `${path}/`.startsWith(home));
  }
}

function valueOf(fields: readonly Field[], name: string): string | null {
  return fields.find((field) => field.name === name)?.value ?? null;
}
