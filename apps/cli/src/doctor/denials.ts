// SPDX-License-Identifier: Apache-2.0
// What AppArmor and SELinux wrote down when they forbade something: in the audit's log, or among kernel messages where no
// auditd runs.
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { tail, type Patient } from './patient.ts';
import { word } from './shell.ts';

const LOG_BYTES_MAX = 1024 * 1024;
const MESSAGE_BYTES_MAX = 8192;
const MESSAGES_MAX = 20_000;
/** Somebody may write faster than we read. */
const READS_MAX = 100_000;
const LINE_CHARACTERS_MAX = 300;

/** As the kernel's audit itself writes, through auditd or, where none runs, among its messages: others may have a word in other lines. */
const LINE = /^(?:(?:node=\S+ )?type=AVC msg=|\d+,\d+,\d+,[^;]*;audit: type=1400 )audit\((\d+\.\d+):\d+\): (.*)$/;
/** A message of a process is of a higher facility, whatever it says. */
const KERNELS_OWN_MAX = 7;

export interface Denial {
  readonly module: 'AppArmor' | 'SELinux';
  readonly atMs: number;
  readonly line: string;
  readonly fix: string;
}

/** The last denial since a moment that explains why this port cannot be listened on, or null. */
export function deniedBind({ machine }: Pick<Patient, 'machine'>, port: number, sinceMs: number): Denial | null {
  const lines = [...kernelMessages(machine.proc === '/proc'), ...tail(machine.auditLog, LOG_BYTES_MAX).split('\n')];
  return lines.flatMap((line) => denialIn(line, port) ?? []).filter(({ atMs }) => atMs >= sinceMs).toSorted((a, b) => a.atMs - b.atMs).at(-1) ?? null;
}

/** Of AppArmor: a profile that withholds the network or net_bind_service. Of SELinux: name_bind for that very port. */
export function denialIn(line: string, port: number): Denial | null {
  const [, seconds, said] = LINE.exec(line.split('\n', 1)[0]!) ?? [];
  if (said === undefined || Number.parseInt(line, 10) > KERNELS_OWN_MAX || !isNode(said)) return null;
  const facts = { atMs: Number(seconds) * 1000, line: said.slice(0, LINE_CHARACTERS_MAX) };
  if (said.startsWith('apparmor="DENIED" ')) {
    const forbidden = /capname="net_bind_service"/.test(said) ? port < 1024 : /operation="(bind|listen|create)"/.test(said) && /family="inet6?"/.test(said);
    const profile = / profile="([^"]+)"/.exec(said)?.[1] ?? 'PROFILE';
    return forbidden ? { module: 'AppArmor', ...facts, fix: `aa-complain ${word(profile)} (to see that it is this; then allow it: aa-logprof)` } : null;
  }
  if (/^avc:\s+denied\s+\{[^}]*\bname_bind\b/.test(said) && new RegExp(`\\bsrc=${port}\\b`).test(said)) {
    const transport = /tclass=udp/.test(said) ? 'udp' : 'tcp';
    // The port has the right type: it is our domain that may not.
    if (/ tcontext=\S+:syslogd_port_t\b/.test(said)) return { module: 'SELinux', ...facts, fix: 'ausearch -m avc --raw -ts recent | grep name_bind | audit2allow -M strongroom && semodule -i strongroom.pp (look into strongroom.te before: it allows what was denied)' };
    return { module: 'SELinux', ...facts, fix: `semanage port -a -t syslogd_port_t -p ${transport} ${port} (-m where the port has a type already)` };
  }
  return null;
}

/** Ours, as Node calls its main thread, and those that name no program. */
function isNode(said: string): boolean {
  const comm = /\bcomm="([^"]+)"/.exec(said)?.[1];
  return comm === undefined || ['node', 'MainThread', 'node-MainThread'].includes(comm);
}

/** What the kernel still holds of its messages; none without the right. Each read is one message. */
function kernelMessages(real: boolean): string[] {
  const fd = real ? openOr('/dev/kmsg') : null;
  if (fd === null) return [];
  const lines: string[] = [];
  const buffer = Buffer.alloc(MESSAGE_BYTES_MAX);
  try {
    for (let reads = 0; reads < READS_MAX; reads += 1) {
      const size = messageOr(fd, buffer);
      if (size === null) break;
      if (size > 0 && lines.push(buffer.toString('utf8', 0, size)) > MESSAGES_MAX) lines.shift();
    }
  } finally {
    closeSync(fd);
  }
  return lines;
}

/** Octets of the next message; 0: older ones were overwritten while we read, and it goes on behind them; null: that was all. */
function messageOr(fd: number, buffer: Buffer): number | null {
  try {
    return readSync(fd, buffer);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPIPE' ? 0 : null;
  }
}

function openOr(path: string): number | null {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return null;
  }
}
