// SPDX-License-Identifier: Apache-2.0
// docs/DOCTOR.md from the checks: node apps/cli/src/doctor/page.ts writes it, page.test.ts holds it to them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKS, WAY_CHECKS } from './registry.ts';
import type { CodeFacts } from './check.ts';

export const PAGE: string = join(import.meta.dirname, '../../../../docs/DOCTOR.md');

export function doctorPage(): string {
  return `${[
    '<!-- Written by node apps/cli/src/doctor/page.ts from the checks themselves. Change those, not this page. -->',
    '# What the doctor looks for', '',
    '`strongroom doctor` looks, changes nothing and tells no secret. Codes keep their meaning. *bad*: evidence is not taken, not kept, or soon',
    'will not be, and the exit code is 4 (78 where the configuration is not valid). *weak*: it works, and production wants it otherwise.', '',
    '## On the appliance: strongroom doctor', '', ...rows(CHECKS), '',
    "## From a producer's side: strongroom doctor --to HOST:PORT", '', ...rows(WAY_CHECKS),
  ].join('\n')}\n`;
}

function rows(checks: readonly { readonly codes: Readonly<Record<string, CodeFacts>> }[]): string[] {
  const all = checks.flatMap(({ codes }) => Object.entries(codes));
  return ['| code | | what it means | why it matters |', '|---|---|---|---|', ...all.map(([code, { severity, seen, why }]) => `| \`${code}\` | ${severity} | ${seen} | ${why} |`)];
}

if (import.meta.main) writeFileSync(PAGE, doctorPage());
