// SPDX-License-Identifier: Apache-2.0
// Limits of the machine and of running services, and what lets secrets out of memory.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { swapCheck, type ServiceStatus } from '@strongroom/service/client';
import { check, type Say } from '../check.ts';
import { unanswered, type Patient } from '../patient.ts';

/** What the gateway asks the kernel for; it gives no more than somaxconn. */
const BACKLOG = 4096;
/** Descriptors of a gateway beside its connections. */
const FILES_BESIDE = 128;
const WITH_SECRETS = ['keys', 'vault'];

const CODES = {
  'limit.open-files': { severity: 'weak', seen: 'a gateway may open fewer files than it may have connections', why: 'each connection is one: beyond the limit new ones are turned away' },
  'limit.backlog': { severity: 'weak', seen: `net.core.somaxconn is below ${BACKLOG}`, why: 'when many senders come back at once, as after a restart, connections are dropped before we see them' },
  'memory.core-dumps': { severity: 'bad', seen: 'a service that holds keys may leave a core dump', why: 'a crash would write keys to a disk' },
  'memory.swap': { severity: 'weak', seen: 'there is swap that is not seen to be encrypted', why: 'data keys and records may be written there' },
} as const;
type Code = keyof typeof CODES;

export const limitsCheck = check({
  name: 'limits',
  codes: CODES,
  look(patient, say: Say<Code>) {
    const { machine: { proc } } = patient;
    const backlog = Number(readOr(join(proc, 'sys/net/core/somaxconn')) ?? NaN);
    if (backlog < BACKLOG) say.found('limit.backlog', { what: `net.core.somaxconn is ${backlog}`, fix: `sysctl -w net.core.somaxconn=${BACKLOG} (and for good: echo net.core.somaxconn=${BACKLOG} > /etc/sysctl.d/50-strongroom.conf)`, evidence: { somaxconn: backlog } });
    const swap = swapCheck(join(proc, 'swaps'));
    if (swap.state !== 'ok') say.found('memory.swap', { what: `swap: ${swap.detail}`, fix: 'swapoff -a (and take it out of /etc/fstab, or encrypt it)' });
    judgeProcesses(patient, say);
  },
});

function judgeProcesses(patient: Patient, say: Say<Code>): void {
  const { status, config, machine: { proc } } = patient;
  if (status === null) return say.unseen(unanswered(patient), 'limit.open-files', 'memory.core-dumps');
  for (const one of status.services) {
    const limits = one.pid === null ? null : readOr(join(proc, String(one.pid), 'limits'));
    if (limits === null) continue;
    if (one.name === 'gateway' && config !== null) judgeFiles(one, limits, config.gateway.maxConnections + FILES_BESIDE, say);
    const [, soft, hard] = /^Max core file size\s+(\S+)\s+(\S+)/m.exec(limits) ?? [];
    if (WITH_SECRETS.includes(one.name) && (soft !== '0' || hard !== '0')) say.found('memory.core-dumps', { what: `${one.name} (process ${one.pid}) may write core dumps of ${soft} octets`, fix: `prlimit --core=0:0 --pid ${one.pid} (and start it again by npm start, which sets it)`, evidence: { service: one.name, pid: one.pid, soft: soft ?? null, hard: hard ?? null } });
  }
}

/** Node uses the hard limit whole. */
function judgeFiles({ pid }: ServiceStatus, limits: string, needed: number, say: Say<Code>): void {
  const [, hard = 'unlimited'] = /^Max open files\s+\S+\s+(\S+)/m.exec(limits) ?? [];
  if (hard === 'unlimited' || Number(hard) >= needed) return;
  say.found('limit.open-files', { what: `a gateway may open ${hard} files, and its connections need ${needed}`, fix: `prlimit --nofile=65536 --pid ${pid} (for good: LimitNOFILE=65536 in the unit, or a lower gateway.maxConnections)`, evidence: { pid, limit: Number(hard), needed } });
}

function readOr(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
