// SPDX-License-Identifier: Apache-2.0
// The Markdown pages of this repository, taken apart as far as tests hold them to the code.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT: string = join(import.meta.dirname, '../..');
const PLACES = ['*.md', 'docs/**/*.md', '{apps,libs}/*/*.md', '{tools,suites}/*.md'];

export interface Page {
  /** Relative to the root. */
  readonly path: string;
  /** Outside of fenced blocks. */
  readonly prose: string;
  readonly fences: readonly { readonly language: string; readonly lines: readonly string[] }[];
  /** Inline code. */
  readonly spans: readonly string[];
}

export function readPages(root = ROOT): Page[] {
  return globSync(PLACES, { cwd: root }).toSorted().map((path) => parsePage(path, readFileSync(join(root, path), 'utf8')));
}

export function parsePage(path: string, text: string): Page {
  const prose: string[] = [];
  const fences: { language: string; lines: string[] }[] = [];
  let open: { language: string; lines: string[] } | undefined;
  for (const line of text.split('\n')) {
    const fence = /^```(\S*)$/.exec(line);
    if (fence === null) (open?.lines ?? prose).push(line);
    else if (open === undefined) fences.push(open = { language: fence[1]!, lines: [] });
    else open = undefined;
  }
  const outside = prose.join('\n');
  return { path, prose: outside, fences, spans: [...outside.matchAll(/`([^`\n]+)`/g)].map((match) => match[1]!) };
}

/** What a heading is linked by, as GitHub forms it. */
export function anchorsOf(page: Page): string[] {
  return [...page.prose.matchAll(/^#{1,6} +(.+)$/gm)].map((match) => match[1]!.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'));
}
