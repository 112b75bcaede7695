// SPDX-License-Identifier: Apache-2.0
// Columns of text. Widths count code points: cells are names, numbers and times.

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** Lines without ends: a title line, then a line for each row; no trailing spaces. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const all = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, index) => Math.max(...all.map((row) => length(row[index] ?? ''))));
  return all.map((row) => row.map((cell, index) => pad(cell, widths[index]!, columns[index]?.align)).join('  ').trimEnd());
}

/** Two columns: names and what they are. Several lines of a value stay under each other. */
export function factLines(facts: readonly (readonly [name: string, value: string])[], indent = '  '): string[] {
  const width = Math.max(0, ...facts.map(([name]) => length(name)));
  return facts.flatMap(([name, value]) => value.split('\n').map((line, index) => `${indent}${pad(index === 0 ? name : '', width)}  ${line}`.trimEnd()));
}

export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const space = ' '.repeat(Math.max(0, width - length(text)));
  return align === 'left' ? text + space : space + text;
}

/** Cut to a width, with an ellipsis in the last column when something is missing. */
export function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  const points = [...text];
  return points.length <= width ? text : `${points.slice(0, Math.max(0, width - 1)).join('')}…`;
}

/** Words put into lines of at most `width` columns. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

function length(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
