// SPDX-License-Identifier: Apache-2.0
// What AppArmor and SELinux wrote down when they forbade something: in the audit's log, or among kernel messages where no
// auditd runs.
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { tail, type Patient } from './patient.ts';

const LOG_BYTES_MAX = 1024 * 1024;
const MESSAGE_BYTES_MAX = 8192;
const MESSAGES_MAX = 20_000;
const LINE_CHARACTERS_MAX = 300;

export interface Denial {
  readonly module: 'AppArmor' | 'SELinux';
  readonly line: string;
  readonly fix: string;
}

/** The last denial that explains why this port cannot be listened on, or null. */
export function deniedBind({ machine }: Pick<Patient, 'machine'>, port: number): Denial | null {
  const lines = [...kernelMessages(machine.proc === '/proc'), ...tail(machine.auditLog, LOG_BYTES_MAX).split('\n')];
  return lines.map((line) => denialIn(line, port)).findLast((found) => found !== null) ?? null;
}

/** Of AppArmor: a profile that withholds the network or net_bind_service. Of SELinux: name_bind for that very port. */
export function denialIn(line: string, port: number): Denial | null {
  const said = line.trim().slice(0, LINE_CHARACTERS_MAX);
  if (/apparmor="DENIED"/.test(line) && isNode(line)) {
    const forbidden = /capname="net_bind_service"/.test(line) ? port < 1024 : /operation="(bind|listen|create)"/.test(line) && /family="inet6?"/.test(line);
    const profile = /profile="([^"]+)"/.exec(line)?.[1] ?? 'PROFILE';
    if (forbidden) return { module: 'AppArmor', line: said, fix: `aa-complain '${profile}' (to see that it is this; then allow it: aa-logprof)` };
  }
  if (/avc:\s+denied\s+\{[^}]*\bname_bind\b/.test(line) && new RegExp(`\\bsrc=${port}\\b`).test(line)) {
    const transport = /tclass=udp/.test(line) ? 'udp' : 'tcp';
    return { module: 'SELinux', line: said, fix: `semanage port -a -t syslogd_port_t -p ${transport} ${port} (-m where the port has a type already)` };
  }
  return null;
}

/** Ours and those that name no program. */
function isNode(line: string): boolean {
  const comm = /\bcomm="([^"]+)"/.exec(line)?.[1];
  return comm === undefined || comm === 'node' || comm === 'MainThread';
}

/** What the kernel still holds of its messages; none without the right. Each read is one message. */
function kernelMessages(real: boolean): string[] {
  if (!real) return [];
  const lines: string[] = [];
  let fd: number | undefined;
  try {
    fd = openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK);
    const buffer = Buffer.alloc(MESSAGE_BYTES_MAX);
    while (lines.length < MESSAGES_MAX) lines.push(buffer.toString('utf8', 0, readSync(fd, buffer)));
  } catch {
    // EAGAIN: that was all. EPIPE: older ones were overwritten while we read, and what we have is the newest but those.
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
  return lines;
}
