// SPDX-License-Identifier: Apache-2.0
// Where in a block of many records something may match, found in one go over the block. A place is never a match by
// itself: it may lie across two records, and for all but plain text the record decides (query.ts).

export interface Needle {
  /** Octets from a place on that lie in the record, if it matches there. */
  readonly length: number;
  /** Tells the next place from an offset on, -1 after the last. Null: in this block any record may match. */
  readonly within: (block: Buffer) => ((from: number) => number) | null;
}

/** Exactly these octets, of which there is at least one. */
export function exactNeedle(octets: Buffer): Needle {
  return { length: octets.length, within: (block) => (from) => block.indexOf(octets, from) };
}

/** U+212A and U+0130 in UTF-8: letters outside ASCII that have a small letter of ASCII. */
const KELVIN_SIGN = Buffer.from('\u212A');
const DOTTED_I = Buffer.from('\u0130');

/**
 * What a text without regard to case has in common with every record that contains it: its longest piece of ASCII. Null
 * when it has none.
 */
export function smallLettersNeedle(text: string): Needle | null {
  const piece = longest(text.toLowerCase().match(/[ -~]+/g) ?? []);
  if (piece === null) return null;
  const odd = [...(piece.includes('k') ? [KELVIN_SIGN] : []), ...(piece.includes('i') ? [DOTTED_I] : [])];
  const folded = foldedNeedle(piece);
  return { length: folded.length, within: (block) => (odd.some((letter) => block.includes(letter)) ? null : folded.within(block)) };
}

/** ASCII text in any case. Octets outside ASCII are read as Latin-1: none of those is an ASCII letter in any case. */
export function foldedNeedle(ascii: string): Needle {
  const expression = new RegExp(RegExp.escape(ascii), 'gi');
  const next = (text: string) => (from: number): number => {
    expression.lastIndex = from;
    return expression.test(text) ? expression.lastIndex - ascii.length : -1;
  };
  return { length: ascii.length, within: (block) => next(block.toString('latin1')) };
}

/** By what a regular expression requires. */
export function regexNeedle(source: string, ignoreCase: boolean): Needle | null {
  const literal = requiredLiteral(source);
  if (literal === null) return null;
  return ignoreCase ? foldedNeedle(literal) : exactNeedle(Buffer.from(literal));
}

const QUANTIFIER = /\{\d+(,\d*)?\}/y;
/** Escapes of one letter that stand for no text of their own. */
const CLASS_ESCAPES = 'dDwWsSbBnrtvf';

/**
 * The longest piece of printable ASCII that stands in every match of an expression (ECMAScript, without flags u and v),
 * as far as that is plain to see: outside of groups and classes, of an expression without alternatives. Else null.
 */
export function requiredLiteral(source: string): string | null {
  const pieces: string[] = [];
  let piece = '';
  const end = (): void => {
    pieces.push(piece);
    piece = '';
  };
  for (let at = 0; at < source.length; ) {
    const char = source[at]!;
    QUANTIFIER.lastIndex = at;
    const counted = char === '{' ? QUANTIFIER.exec(source)?.[0] : undefined;
    if (char === '|') return null;
    if (char === '?' || char === '*' || counted !== undefined) {
      piece = piece.slice(0, -1);
      end();
      at += counted?.length ?? 1;
    } else if (char === '(' || char === '[') {
      end();
      at = char === '(' ? afterGroup(source, at) : afterClass(source, at);
    } else if (char === '\\') {
      const escaped = source[at + 1] ?? '';
      if (/[a-zA-Z0-9]/.test(escaped) && !CLASS_ESCAPES.includes(escaped)) return null;
      if (/[!-/:-@[-`{-~]/.test(escaped)) piece += escaped;
      else end();
      at += 2;
    } else {
      if (/[ -~]/.test(char) && !'.^$+'.includes(char)) piece += char;
      else end();
      at += 1;
    }
  }
  end();
  return longest(pieces);
}

/** Behind the group that opens at `at`. */
function afterGroup(source: string, at: number): number {
  let depth = 0;
  for (let i = at; i < source.length; i += 1) {
    if (source[i] === '\\') i += 1;
    else if (source[i] === '[') i = afterClass(source, i) - 1;
    else if (source[i] === '(') depth += 1;
    else if (source[i] === ')') depth -= 1;
    if (depth === 0) return i + 1;
  }
  return source.length;
}

function afterClass(source: string, at: number): number {
  for (let i = at + 1; i < source.length; i += 1) {
    if (source[i] === '\\') i += 1;
    else if (source[i] === ']') return i + 1;
  }
  return source.length;
}

function longest(pieces: readonly string[]): string | null {
  const found = pieces.reduce((best, piece) => (piece.length > best.length ? piece : best), '');
  return found === '' ? null : found;
}
