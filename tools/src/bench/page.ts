// SPDX-License-Identifier: Apache-2.0
import { readFileSync, writeFileSync } from 'node:fs';
import { Failed } from '@strongroom/bytes';

const BEGIN = '<!-- results: written by npm run bench -- --write -->';
const END = '<!-- end of results -->';

/** Puts text between the markers of a page. Throws `Failed('bench.page')` when it lacks them. */
export function replaceResults(path: string, text: string): void {
  const page = readFileSync(path, 'utf8');
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin === -1 || end < begin) throw new Failed('bench.page', `${path} has no place for results`, { why: `"${BEGIN}" and "${END}" belong there, in this order` });
  writeFileSync(path, `${page.slice(0, begin + BEGIN.length)}\n\n${text.trim()}\n\n${page.slice(end)}`);
}
