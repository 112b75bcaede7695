// SPDX-License-Identifier: Apache-2.0
// Commands that people paste, often as root, with names in them that others have chosen.

const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** One word for a shell, whatever is in it. */
export function word(text: string): string {
  return PLAIN.test(text) && !text.startsWith('-') ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
