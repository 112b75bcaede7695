// SPDX-License-Identifier: Apache-2.0
// Commands that people paste, often as root, with names in them that others have chosen.

const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** One word for a shell, whatever is in it. */
export function word(text: string): string {
  return PLAIN.test(text) && !text.startsWith('-') ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A command with a remark in brackets behind it, as one line that can be given to a shell whole: the remark becomes a comment. */
export function pasteable(fix: string): string {
  const at = remarkAt(fix);
  return at === -1 ? fix : `${fix.slice(0, at)}  # ${fix.slice(at + 2, -1).replaceAll(/[\r\n]+/g, ' ')}`;
}

/** Where ` (` begins outside of quotes, if the text ends with the bracket; -1: there is no remark. */
function remarkAt(fix: string): number {
  if (!fix.endsWith(')')) return -1;
  let quote = '';
  for (let at = 0; at < fix.length; at += 1) {
    const one = fix[at]!;
    if (quote !== '') quote = one === quote ? '' : quote;
    else if (one === '\\') at += 1;
    else if (one === "'" || one === '"') quote = one;
    else if (one === ' ' && fix[at + 1] === '(') return at;
  }
  return -1;
}
