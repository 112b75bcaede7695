// SPDX-License-Identifier: Apache-2.0
// Processes that were gone before anything but the audit told of them, many in one record: docs/FORMAT.md, "Who". In a storm most
// are children of one shell: what they have in common is told once, which is nearly all of it.
import type { Process, ProcessTable } from './process-table.ts';
import { ancestryOf, processLine } from './who.ts';

/** A record is closed behind the process that reaches so many; one process has at most a few thousand. */
const CHARACTERS_MAX = 8192;

/** Of one parent and one login. */
interface Group {
  readonly parent: Process | null;
  readonly first: Process;
  readonly others: Process[];
  /** What each of them has by itself. */
  text: string;
}

export class GoneTogether {
  readonly #table: ProcessTable;
  readonly #person: (login: number | null) => string | null;
  #processes: Process[] = [];

  constructor(table: ProcessTable, person: (login: number | null) => string | null) {
    this.#table = table;
    this.#person = person;
  }

  get isEmpty(): boolean {
    return this.#processes.length === 0;
  }

  /** One of which nothing is known but the audit's word. */
  add(process: Process): void {
    this.#processes.push(process);
  }

  /** Their records. Who is whose parent is looked at now, when all that came together are known. */
  take(asOf: number): string[] {
    const all: Group[] = [];
    /** Those that take more, by the parent's id and the login: a parent's id may be another's a moment later. */
    const open = new Map<string, Group>();
    for (const process of this.#processes) {
      const key = `${process.parentPid} ${process.login}`;
      const [group, parent] = [open.get(key), this.#table.parentOf(process)];
      if (group?.parent === parent && group.text.length < CHARACTERS_MAX) {
        group.others.push(process);
        group.text += `,${ownText(process)}`;
      } else {
        const begun = { parent, first: process, others: [], text: ownText(process) };
        open.set(key, begun);
        all.push(begun);
      }
    }
    this.#processes = [];
    return all.map((group) => this.#lineOf(group, asOf));
  }

  #lineOf({ first, others, text }: Group, asOf: number): string {
    const [person, ancestors] = [this.#person(first.login), this.#table.ancestors(first)];
    const found = { from: 'audit', gone: true, asOf } as const;
    if (others.length === 0) return processLine(first, { place: null, person, ancestors }, found);
    for (const other of others) other.ancestors = ancestors;
    const common = JSON.stringify({ login: first.login, person, unit: null, container: null, cgroup: null });
    return `{"processes":[${text}],${common.slice(1, -1)},"ancestry":${ancestryOf(first, ancestors)},${JSON.stringify(found).slice(1)}`;
  }
}

function ownText({ pid, name, nameEscaped, image }: Process): string {
  const escaped = nameEscaped || image?.escaped === true ? ',"escaped":true' : '';
  return `{"pid":${pid},"name":${JSON.stringify(name)},"executable":${JSON.stringify(image?.executable ?? null)}${escaped}}`;
}
