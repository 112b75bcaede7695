// SPDX-License-Identifier: Apache-2.0
// What the person who started us reads when everything runs.
import type { Status } from '@strongroom/service';

export function startScreen(status: Status): string {
  const { log, listeners, home, notes, deployment } = status;
  const lines = [
    '',
    `  Strongroom is collecting. Deployment ${deployment}.`,
    '',
    ...listeners.map(({ protocol, address }) => row(protocol, address)),
    ...(log === null ? [] : [row('log', `${log.size} entries`), row('log key', log.vkey)]),
    row('home', home),
    ...(notes.length === 0 ? [] : ['', ...notes.map((note) => `  ! ${note}`)]),
    '',
    '  Enrol a machine:  npx --no-install strongroom enrol web-01 --out ./web-01',
    '  Look at it:       npx --no-install strongroom status',
    '  Ctrl-C stops in order.',
    '',
  ];
  return `${lines.join('\n')}\n`;
}

function row(name: string, value: string): string {
  return `  ${name.padEnd(12)} ${value}`;
}
