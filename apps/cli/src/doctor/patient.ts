// SPDX-License-Identifier: Apache-2.0
// What checks look at: the home, its configuration, what a running supervisor says, and what was told before it fell silent.
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { EMPTY_REGISTRY, RpcClient, type Config, type Layout, type Registry, type ServiceEvent, type Status } from '@strongroom/service/client';
import type { ConfigFinding } from '@strongroom/service/config';
import type { HabitFacts } from '@strongroom/service/coverage';

/** The file of events, and the one before it, are not larger. */
const EVENTS_BYTES_MAX = 17 * 1024 * 1024;
/** Some ten thousand lines. */
const RECENT_CHARACTERS = 2 * 1024 * 1024;
const STATUS_MS_MAX = 5000;

/** Where the machine tells of itself; tests give a tree of their own for what they must not do to the machine. */
export interface Machine {
  readonly proc: string;
  readonly sys: string;
  readonly auditLog: string;
  /** Where this program is installed. */
  readonly project: string;
}

export const MACHINE: Machine = { proc: '/proc', sys: '/sys', auditLog: '/var/log/audit/audit.log', project: join(import.meta.dirname, '../../../..') };

export interface Patient {
  readonly paths: Layout;
  readonly configFile: string | undefined;
  /** As the file says with all defaults; null when it is not valid. */
  readonly config: Config | null;
  readonly configFindings: readonly ConfigFinding[];
  /** What the supervisor says; null when nobody answers. */
  readonly status: Status | null;
  /** Who is silent against its habit, by the supervisor; null when it does not say. */
  readonly habits: HabitFacts | null;
  /** Why nobody answers, as the system says it (`ENOENT`, `ECONNREFUSED`, `EACCES`, …); null when somebody does. */
  readonly silence: string | null;
  /** Whether anything was ever started in this home. */
  readonly founded: boolean;
  /** The last events of all services, oldest first. */
  readonly events: readonly ServiceEvent[];
  readonly nowMs: number;
  readonly machine: Machine;
}

export interface PatientFacts {
  readonly paths: Layout;
  readonly configFile: string | undefined;
  readonly nowMs: number;
  readonly machine?: Machine;
}

/** Takes everything down that more than one check needs. Never rejects: what cannot be had is null. */
export async function patientOf({ paths, configFile, nowMs, machine = MACHINE }: PatientFacts): Promise<Patient> {
  const [configured, answered] = await Promise.all([readConfig(configFile), askStatus(paths)]);
  return {
    paths, configFile, ...configured, ...answered, founded: existsSync(paths.deployment) || existsSync(paths.ca),
    events: lastEvents(paths.events), nowMs, machine,
  };
}

/** The schema library is large: it is loaded here, by who needs it. */
async function readConfig(file: string | undefined): Promise<Pick<Patient, 'config' | 'configFindings'>> {
  const { checkConfig, loadConfig, configOf } = await import('@strongroom/service/config');
  const configFindings = file === undefined ? [] : checkConfig(file);
  const config = configFindings.length > 0 ? null : file === undefined ? configOf() : loadConfig(file);
  return { config, configFindings };
}

async function askStatus(paths: Layout): Promise<Pick<Patient, 'status' | 'silence' | 'habits'>> {
  let client: RpcClient | undefined;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(Object.assign(new Error('late'), { code: 'ETIMEDOUT' })), STATUS_MS_MAX);
  try {
    client = await Promise.race([RpcClient.connect(paths.controlSocket), late.promise]);
    const status = (await Promise.race([client.call('status'), late.promise])) as Status;
    const habits = await Promise.race([client.call('habits').catch(() => null), late.promise]) as HabitFacts | null;
    return { status, habits, silence: null };
  } catch (error) {
    return { status: null, habits: null, silence: systemCode(error) };
  } finally {
    clearTimeout(timer);
    client?.close();
  }
}

/** Why nothing is known of what only the supervisor knows. */
export function unanswered({ silence }: Pick<Patient, 'silence'>): string {
  if (silence === 'EACCES' || silence === 'EPERM') return 'only who started Strongroom, and root, may ask the supervisor';
  return silence === 'ETIMEDOUT' ? 'the supervisor does not answer' : 'Strongroom does not run';
}

/** The system's own code, however deep it lies, else ours. */
export function systemCode(error: unknown): string {
  let code = 'unknown';
  for (let at: unknown = error; at instanceof Error; at = at.cause) code = (at as NodeJS.ErrnoException).code ?? code;
  return code;
}

/** Who is enrolled; nobody where it cannot be read. */
export function enrolled({ paths }: Pick<Patient, 'paths'>): Registry {
  try {
    return { ...EMPTY_REGISTRY, ...JSON.parse(readFileSync(paths.registry, 'utf8')) as Registry };
  } catch {
    return EMPTY_REGISTRY;
  }
}

/** Events since the last start, or all that are known. A service may call an event whatever it likes, and not itself the supervisor. */
export function sinceStart(events: readonly ServiceEvent[]): readonly ServiceEvent[] {
  return events.slice(Math.max(0, events.findLastIndex(({ service, event }) => service === 'supervisor' && event === 'supervisor.started')));
}

/** Of all that is kept, oldest first; but of what a gateway says, to which strangers can move it, only what is recent. Empty when it may not be read. */
export function lastEvents(path: string): ServiceEvent[] {
  const text = `${tail(`${path}.1`, EVENTS_BYTES_MAX)}\n${tail(path, EVENTS_BYTES_MAX)}`;
  const recent = text.length - RECENT_CHARACTERS;
  const events: ServiceEvent[] = [];
  for (let at = 0; at < text.length;) {
    const end = text.indexOf('\n', at) === -1 ? text.length : text.indexOf('\n', at);
    const line = text.slice(at, end);
    if (at >= recent || !line.includes('"service":"gateway"')) events.push(...eventOf(line));
    at = end + 1;
  }
  return events;
}

function eventOf(line: string): ServiceEvent[] {
  try {
    const event = JSON.parse(line) as Partial<ServiceEvent>;
    return typeof event.event === 'string' && typeof event.time === 'string' && typeof event.fields === 'object' ? [event as ServiceEvent] : [];
  } catch {
    return [];
  }
}

/** The end of a file that may be large; '' when it cannot be read. */
export function tail(path: string, bytesMax: number): string {
  try {
    const fd = openSync(path, 'r');
    try {
      const { size } = fstatSync(fd);
      const buffer = Buffer.alloc(Math.min(size, bytesMax));
      return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, size - buffer.length));
    } finally {
      closeSync(fd);
    }
  } catch {
    return '';
  }
}
