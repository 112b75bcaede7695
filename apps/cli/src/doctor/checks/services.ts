// SPDX-License-Identifier: Apache-2.0
// Whether services run, and what they said before they ended.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { duration, some } from '../../quantity.ts';
import { check, type Found } from '../check.ts';
import type { ServiceEvent, ServiceStatus } from '@strongroom/service/client';
import { word } from '../shell.ts';
import { startCommand } from '../start.ts';
import { sinceStart, unanswered, type Patient } from '../patient.ts';

const RESTARTS_WINDOW_MS = 600_000;
const RESTARTS_USUAL_MAX = 2;

/** Services tell how they stand when they are asked; a busy one may take seconds. */
const SILENT_MS = 30_000;

const SEALING = 'what is not sealed is not acknowledged: senders hold it back, and those that cannot wait lose it';

export const servicesCheck = check({
  name: 'services',
  codes: {
    'service.not-running': { severity: 'bad', seen: 'nobody answers for this home', why: 'nothing is collected' },
    'service.not-answering': { severity: 'bad', seen: 'the supervisor takes no orders', why: 'nobody starts again what ends, and nothing can be changed' },
    'service.away': { severity: 'bad', seen: 'a service is not running', why: 'what it does is not done' },
    'service.stalled': { severity: 'bad', seen: 'a service waits for something and promises nothing meanwhile', why: SEALING },
    'service.standing-still': { severity: 'bad', seen: 'a service that runs has been stopped, or does not tell how it stands', why: 'it does nothing, and nobody starts it again: for the supervisor it runs' },
    'service.degraded': { severity: 'bad', seen: 'a service goes on and has found something wrong', why: 'evidence is taken and sealed, and something about it needs a person' },
    'service.restarting': { severity: 'bad', seen: `a service ended more than ${RESTARTS_USUAL_MAX} times within ten minutes`, why: 'each end costs seconds in which its part stands still, and its cause is not gone' },
    'service.sealing': { severity: 'bad', seen: 'no cycle commits', why: SEALING },
  },
  look(patient, say) {
    const { status, silence, paths, founded } = patient;
    if (status === null) {
      const rest = ['service.away', 'service.stalled', 'service.standing-still', 'service.degraded', 'service.restarting', 'service.sealing'] as const;
      if (silence === 'EACCES' || silence === 'EPERM') return say.unseen(unanswered(patient), 'service.not-running', 'service.not-answering', ...rest);
      say.unseen(unanswered(patient), ...rest);
      if (silence === 'ETIMEDOUT') return say.found('service.not-answering', notAnswering(patient));
      const last = lastFailure(patient);
      return say.found('service.not-running', {
        what: `nobody answers at ${paths.controlSocket}${founded ? '' : ', and nothing was ever started in this home'}`,
        why: last === null ? 'nothing is collected' : `nothing is collected; the last that went wrong, at ${last.time}: ${last.service}: ${failureText(last)}`,
        fix: `${startCommand(patient)} (or say which home: strongroom doctor --home DIR)`, evidence: { error: silence, lastFailure: last === null ? null : String(last.fields['code'] ?? last.event) },
      });
    }
    for (const one of status.services) {
      const code = codeOf(one);
      if (code !== null) say.found(code, { what: `${nameOf(one)} is ${one.state}${one.reason === null ? '' : `: ${one.reason}`}`, fix: fixOf(one, patient), evidence: { service: one.name, state: one.state, since: one.since } });
      const still = standingStill(one, patient);
      if (still !== null) say.found('service.standing-still', still);
      const ended = recentEnds(one, patient.nowMs);
      if (ended > RESTARTS_USUAL_MAX) say.found('service.restarting', { what: `${nameOf(one)} ended ${some(ended, 'time')} within ${duration(RESTARTS_WINDOW_MS)}`, fix: `grep '"service":"${one.name}"' ${word(paths.events)} | tail -n 20`, evidence: { service: one.name, ended } });
    }
    const { ok, reason } = status.health;
    if (!ok && status.services.every(({ state }) => state === 'running')) say.found('service.sealing', { what: reason ?? 'the vault is not well', fix: `grep '"service":"vault"' ${word(paths.events)} | tail -n 20` });
  },
});

/** A process that was stopped goes on where it stood; one that hangs must be ended, which it may not hear. */
function notAnswering({ paths, machine: { proc } }: Patient): Found {
  const pid = Number(readOr(paths.pidFile).trim());
  const state = /^State:\s+(\w)/m.exec(readOr(join(proc, String(pid), 'status')))?.[1] ?? null;
  const what = `the supervisor${pid > 0 ? ` (process ${pid})` : ''} does not answer at ${paths.controlSocket}`;
  if (state === 'T' || state === 't') return { what: `${what}: it was stopped`, fix: `kill -CONT ${pid}`, evidence: { pid, state } };
  return { what, fix: pid > 0 ? `kill -TERM ${pid} (or -KILL: what was acknowledged is sealed; then start it again)` : `ss -lxp | grep -F ${word(paths.controlSocket)} (who has it, and does not answer)`, evidence: { pid: pid > 0 ? pid : null, state } };
}

/** Whoever is asked and says nothing, or whom the kernel shows as stopped; null: it moves, or is not there. */
function standingStill(one: ServiceStatus, { nowMs, machine: { proc } }: Patient): Found | null {
  if (one.pid === null || one.name === 'supervisor') return null;
  const isStopped = /^State:\s+[Tt]/m.test(readOr(join(proc, String(one.pid), 'status')));
  const silentMs = typeof one.saidAt === 'string' && (one.state === 'running' || one.state === 'degraded') ? nowMs - Date.parse(one.saidAt) : 0;
  if (!isStopped && silentMs < SILENT_MS) return null;
  const evidence = { service: one.name, pid: one.pid, stopped: isStopped, silentMs };
  if (isStopped) return { what: `${nameOf(one)} (process ${one.pid}) was stopped by a signal, and stands still`, fix: `kill -CONT ${one.pid}`, evidence };
  return { what: `${nameOf(one)} (process ${one.pid}) has not told how it stands for ${duration(silentMs)}`, fix: `kill -KILL ${one.pid} (the supervisor starts it again; what was acknowledged is sealed)`, evidence };
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function codeOf({ state }: ServiceStatus): 'service.away' | 'service.stalled' | 'service.degraded' | null {
  if (state === 'running') return null;
  return state === 'stalled' ? 'service.stalled' : state === 'degraded' ? 'service.degraded' : 'service.away';
}

function nameOf({ name, index }: ServiceStatus): string {
  return index === 0 ? name : `${name} ${index + 1}`;
}

function fixOf({ name, index, state, reason }: ServiceStatus, { paths }: Patient): string {
  // As the supervisor says where systemd starts the services.
  if (reason === 'its unit is awaited') return `systemctl status strongroom-${name}${name === 'gateway' ? `@${index}` : ''}`;
  if (state === 'degraded') return 'strongroom scrub (it names the first file and octet)';
  return `grep '"service":"${name}"' ${word(paths.events)} | tail -n 20 (another finding may say what it waits for)`;
}

/** The supervisor keeps when its processes ended; a stop that was asked for is none of them. */
function recentEnds(service: ServiceStatus, nowMs: number): number {
  const { ended = [] } = service as ServiceStatus & { readonly ended?: readonly { readonly at: string }[] };
  return ended.filter(({ at }) => Date.parse(at) > nowMs - RESTARTS_WINDOW_MS).length;
}

/** The last error since the last start; what came before it is another story. */
export function lastFailure({ events }: Pick<Patient, 'events'>): ServiceEvent | null {
  return sinceStart(events).findLast(({ level, event }) => level === 'error' || event === 'supervisor.service-ended') ?? null;
}

function failureText({ event, fields }: ServiceEvent): string {
  const said = [fields['message'] ?? event, fields['why']].filter((part) => typeof part === 'string' && part !== '');
  return `${said.join(': ')}${typeof fields['code'] === 'string' ? ` [${fields['code']}]` : ''}`;
}
