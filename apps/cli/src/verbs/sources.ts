// SPDX-License-Identifier: Apache-2.0
import { openControl } from '../connections.ts';
import { writeList } from '../output.ts';
import { printable } from '../printable.ts';
import { tableLines } from '../table.ts';
import { shortTime } from '../time.ts';
import { EXIT, verb } from '../verb.ts';
import { REGISTRY_PART, type EnrolledRole, type Enrolment, type Registry } from '@strongroom/service/client';

export const sources = verb({
  arguments: [],
  options: { revoked: { kind: 'flag', description: 'List revoked ones too' } },
  examples: [{ command: 'strongroom sources', what: 'Who may send, who may read, who may approve' }],
  async run(call) {
    const client = await openControl(call.paths);
    try {
      const registry = (await client.call('registry')) as Registry;
      const rows = enrolled(registry).filter(({ revokedAt }) => call.options.revoked || revokedAt === null);
      await writeList(call, rows, () => sourceLines(rows));
      return EXIT.ok;
    } finally {
      client.close();
    }
  },
});

interface Row extends Enrolment {
  readonly name: string;
  readonly role: EnrolledRole;
}

function enrolled(registry: Registry): Row[] {
  return Object.entries(REGISTRY_PART).flatMap(([role, part]) =>
    Object.entries(registry[part]).map(([name, enrolment]) => ({ name, role: role as EnrolledRole, ...enrolment })))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The screen. */
export function sourceLines(rows: readonly Row[]): string[] {
  if (rows.length === 0) return ['None is enrolled. Enrol one: strongroom enrol web-01 --out ./web-01'];
  return tableLines(
    [{ title: 'NAME' }, { title: 'ROLE' }, { title: 'ENROLLED' }, { title: 'EXPIRES' }, { title: 'KEY (SHA-256)' }, { title: 'STATE' }],
    rows.map((row) => [
      row.name, row.role, shortTime(row.enrolledAt), shortTime(row.notAfter), row.keyHash.slice(0, 16),
      row.revokedAt === null ? 'enrolled' : `revoked ${shortTime(row.revokedAt)}${reasonOf(row)}`,
    ]),
  );
}

function reasonOf(row: Row): string {
  const { reason } = row as { readonly reason?: unknown };
  return typeof reason === 'string' ? `: ${printable(reason)}` : '';
}
