// SPDX-License-Identifier: Apache-2.0
// One event can reach us four ways: by the multicast group, by auditd's plugin, printed among the kernel's messages where no
// auditd runs, and through journald, which listens too. Boot, time and serial tell that it is the same.
import { stampAt, type Stamp } from './record.ts';

const STAMP = Buffer.from('audit(');

/** `<boot id>/<milliseconds since 1970>/<serial>`: the same for the same event, whichever way it came. */
export function identityOf(boot: string, { timeMs, serial }: Stamp): string {
  return `${boot}/${timeMs}/${serial}`;
}

const KMSG = /^[^;\n]{1,120};audit: type=\d{1,5} audit\(/;

/** The event that a record of /dev/kmsg prints, null if it prints none. */
export function stampInKmsg(record: Buffer): Stamp | null {
  const match = KMSG.exec(record.toString('latin1', 0, 200));
  return match === null ? null : stampAt(record, match[0].length - STAMP.length);
}

const [SERIAL, BOOT] = [Buffer.from('"_AUDIT_ID":"'), Buffer.from('"_BOOT_ID":"')];

/** The same as {@link eventInJournal} says, without the time, for a line that comes from journalctl: it costs a tenth. */
export function stampInJournal(line: Buffer): { readonly boot: string; readonly serial: number } | null {
  if (line.includes('"audit: type=')) {
    const event = eventInJournal(line);
    return event === null ? null : { boot: event.boot, serial: event.stamp.serial };
  }
  // Neither can stand inside of a text, where each quote has a backslash before it.
  const [serialAt, bootAt] = [line.indexOf(SERIAL), line.indexOf(BOOT)];
  if (serialAt < 0 || bootAt < 0 || !line.includes('"_TRANSPORT":"audit"')) return null;
  const serial = /^\d{1,10}(?=")/.exec(line.toString('latin1', serialAt + SERIAL.length, serialAt + SERIAL.length + 11))?.[0];
  const boot = line.toString('latin1', bootAt + BOOT.length, bootAt + BOOT.length + 32);
  if (serial === undefined || !/^[0-9a-f]{32}$/.test(boot)) return null;
  return { boot: spelt(boot), serial: Number(serial) };
}

function spelt(boot: string): string {
  return boot.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** The event that an entry of the journal (a line of journalctl's JSON) tells of, with its boot, null if it tells of none. */
export function eventInJournal(line: Buffer): { readonly boot: string; readonly stamp: Stamp } | null {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line.toString()) as Record<string, unknown>;
  } catch {
    return null;
  }
  if (typeof entry !== 'object' || entry === null) return null;
  const { _BOOT_ID: boot, _TRANSPORT: transport, MESSAGE: message } = entry;
  if (typeof boot !== 'string' || !/^[0-9a-f]{32}$/.test(boot)) return null;
  const stamp = transport === 'audit' ? journaldsOwn(entry) : transport === 'kernel' && typeof message === 'string' ? printed(message) : null;
  return stamp === null ? null : { boot: spelt(boot), stamp };
}

/** journald takes the stamp apart: the serial to _AUDIT_ID, the time to the entry's own source time, in microseconds. */
function journaldsOwn(entry: Record<string, unknown>): Stamp | null {
  const serial = Number(entry['_AUDIT_ID'] ?? Number.NaN);
  const microseconds = Number(entry['_SOURCE_REALTIME_TIMESTAMP'] ?? Number.NaN);
  if (!Number.isInteger(serial) || serial < 0 || serial >= 2 ** 32 || !Number.isInteger(microseconds) || microseconds < 0) return null;
  return { serial, timeMs: Math.floor(microseconds / 1000) };
}

function printed(message: string): Stamp | null {
  const match = /^audit: type=\d{1,5} audit\(/.exec(message);
  return match === null ? null : stampAt(Buffer.from(message), match[0].length - STAMP.length);
}
