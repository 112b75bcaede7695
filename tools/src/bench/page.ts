// SPDX-License-Identifier: Apache-2.0
import { readFileSync, writeFileSync } from 'node:fs';
import { Failed } from '@strongroom/bytes';

const BEGIN = { sealing: '<!-- results: written by npm run bench -- --write -->', reading: '<!-- results of reading: written by npm run bench -- --reading --write -->', kernel: '<!-- results of kernel events: written by npm run bench -- --kernel --write -->',
  rack: '<!-- results of asking devices: written by npm run bench -- --rack --write -->', clock: '<!-- results of the clock: written by npm run bench -- --clock --write -->', quiet: '<!-- results of a quiet host: written by npm run bench -- --quiet --write -->' } as const;
const END = '<!-- end of results -->';

/** Puts text between the markers of a page. Throws `Failed('bench.page')` when it lacks them. */
export function replaceResults(path: string, text: string, which: keyof typeof BEGIN = 'sealing'): void {
  const page = readFileSync(path, 'utf8');
  const marker = BEGIN[which];
  const begin = page.indexOf(marker);
  const end = page.indexOf(END, begin);
  if (begin === -1 || end === -1) throw new Failed('bench.page', `${path} has no place for results`, { why: `"${marker}" and "${END}" belong there, in this order` });
  writeFileSync(path, `${page.slice(0, begin + marker.length)}\n\n${text.trim()}\n\n${page.slice(end)}`);
}
