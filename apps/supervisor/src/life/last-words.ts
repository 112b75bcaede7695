// SPDX-License-Identifier: Apache-2.0
// The kernel's last words: what it dumps into pstore when it panics (ramoops, ERST, EFI variables), and systemd-pstore copies at the next
// boot into /var/lib/systemd/pstore. A dump begins with why it was made, "Panic#1 Part1"; there are also those of an oops that the
// kernel outlived, and of a shutdown. What systemd puts together of its parts, dmesg.txt, has the time of that, and is not looked at.
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { namesIn } from './said-in-files.ts';

const HEAD_BYTES = 256;
const PANIC = /^Panic#/;

/** When the kernel panicked, as far as dumps in this directory, or one level below, tell. Nanoseconds since 1970. */
export function panics(directory: string): bigint[] {
  return dumpsIn(directory).filter((path) => PANIC.test(headOf(path))).map(timeOf);
}

function dumpsIn(directory: string): string[] {
  return namesIn(directory).flatMap((name) => (name.startsWith('dmesg-') ? [name] : namesIn(join(directory, name)).filter((below) => below.startsWith('dmesg-')).map((below) => join(name, below))))
    .map((name) => join(directory, name));
}

/** A copy has the time of copying: ids of EFI (seconds, part and count in decimal) and ERST (seconds in the upper 32 bits) keep that of the dump. */
function timeOf(path: string): bigint {
  const [, kind, id] = /^dmesg-(efi|erst)-([0-9]{11,20})/.exec(basename(path)) ?? [];
  if (kind === 'efi') return BigInt(id!.slice(0, 10)) * 1_000_000_000n;
  if (kind === 'erst') return (BigInt(id!) >> 32n) * 1_000_000_000n;
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.mtimeNs ?? 0n;
}

function headOf(path: string): string {
  try {
    const file = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(HEAD_BYTES);
      return bytes.toString('latin1', 0, readSync(file, bytes, 0, HEAD_BYTES, 0));
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
}
