// SPDX-License-Identifier: Apache-2.0
// Whether what runs is what is installed, and what is installed is what was tested.
import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { check } from '../check.ts';
import { unanswered } from '../patient.ts';

export const versionsCheck = check({
  name: 'versions',
  codes: {
    'version.node': { severity: 'weak', seen: 'this Node is not the one that package.json pins', why: 'what was tested is another program than what runs' },
    'version.replaced': { severity: 'weak', seen: 'code was updated while it runs', why: 'what runs is the old one: a mistake that was corrected is still in it, and the next restart of a service mixes both' },
  },
  look(patient, say) {
    const { status, machine: { proc, project } } = patient;
    const pinned = pinnedNode(project);
    if (pinned !== process.versions.node) say.found('version.node', { what: `Node ${process.versions.node} runs, ${pinned} is pinned`, fix: 'npm run setup', evidence: { runs: process.versions.node, pinned } });
    const supervisor = status?.services.find(({ name }) => name === 'supervisor');
    if (supervisor === undefined || supervisor.pid === null) return say.unseen(unanswered(patient), 'version.replaced');
    const program = linkOr(join(proc, String(supervisor.pid), 'exe'));
    const installedMs = Math.max(...['package.json', 'package-lock.json'].map((name) => statSync(join(project, name)).ctimeMs));
    const isGone = program?.endsWith(' (deleted)') === true;
    if (isGone || installedMs > Date.parse(supervisor.since)) {
      const what = isGone ? `the program that runs since ${supervisor.since} is no more where it was started from: ${program.replace(/ \(deleted\)$/, '')}` : `the code is of ${new Date(installedMs).toISOString()}, and Strongroom runs since ${supervisor.since}`;
      say.found('version.replaced', { what, fix: `kill -TERM ${supervisor.pid} (what was received is sealed; then: npm start)`, evidence: { installed: new Date(installedMs).toISOString(), since: supervisor.since } });
    }
  },
});

function pinnedNode(project: string): string {
  const { optionalDependencies } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { readonly optionalDependencies: Readonly<Record<string, string>> };
  return optionalDependencies[`node-linux-${process.arch}`] ?? process.versions.node;
}

function linkOr(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
