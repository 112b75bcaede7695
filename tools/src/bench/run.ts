// SPDX-License-Identifier: Apache-2.0
// The whole measurement: every system is up all the time and idle but for its turn, so that what disturbs one disturbs all.
import { measureFloors } from './floors.ts';
import { measureIdle } from './idle.ts';
import { runLeg, type Leg } from './legs.ts';
import type { Load } from './load.ts';
import { machineFacts } from './machine.ts';
import { wants, type Options, type Part } from './options.ts';
import type { Eased, Results } from './report.ts';
import { median } from './statistics.ts';
import type { Subject } from './subject.ts';
import type { Tally } from './tally.ts';

const CONNECTIONS = 4;
const RELP_WINDOW = 128;
const STEADY_EVENTS_PER_SECOND = 5000;
/** Over syslog: as many as one line of the goals names. */
const PACED_EVENTS_PER_SECOND = 500_000;
const WARM_EVENTS = 1_000_000;
const WARM_SECONDS = 1;

type Say = (line: string) => void;

/** The results, and whether nothing is missing. */
export async function measure(subjects: readonly Subject[], options: Options, tally: Tally, say: Say): Promise<{ readonly results: Results; readonly complete: boolean }> {
  const wanted = (part: Part): boolean => wants(options.only, part);
  const machine = machineFacts();
  say(wanted('idle') ? `idle: ${options.idleSeconds} s to settle, ${options.idleSeconds} s measured` : 'idle: left out');
  const idle = wanted('idle') ? await measureIdle(subjects, options.idleSeconds) : [];
  if (wanted('floors')) say('floors');
  const floors = wanted('floors') ? await measureFloors() : null;
  const legs = new Legs(subjects, options, tally, say);
  const syslog = wanted('syslog') ? await legs.syslog() : [];
  const paced = wanted('paced') ? await legs.paced(PACED_EVENTS_PER_SECOND) : [];
  const eased = wanted('paced') ? await legs.eased(syslog) : null;
  const { steady, flood } = wanted('relp') ? await legs.relp() : { steady: [], flood: [] };
  say('looking whether everything is there');
  const { lines, complete } = await tally.check(subjects);
  const method = [
    `${options.rounds} alternations`, ...(syslog.length > 0 ? [`a syslog leg is ${legs.events.toLocaleString('en')} events over ${CONNECTIONS} connections`] : []),
    ...(flood.length > 0 ? [`a RELP leg is ${options.seconds} s`] : []), ...(idle.length > 0 ? [`idle is ${options.idleSeconds} s after as many of settling`] : []),
  ].join('; ');
  return { results: { machine, subjects, method, idle, syslog, paced, eased, steady, flood, floors, checks: lines }, complete };
}

class Legs {
  events: number;
  readonly #subjects: readonly Subject[];
  readonly #options: Options;
  readonly #tally: Tally;
  readonly #say: Say;

  constructor(subjects: readonly Subject[], options: Options, tally: Tally, say: Say) {
    this.#subjects = subjects;
    this.#options = options;
    this.#tally = tally;
    this.#say = say;
    this.events = options.events ?? 0;
  }

  async syslog(): Promise<Leg[][]> {
    const warm = await this.#round('warming up', (subject) => ({ kind: 'syslog', target: subject.syslog, connections: CONNECTIONS, events: Math.min(this.#options.events ?? WARM_EVENTS, WARM_EVENTS) }));
    this.events ||= Math.max(1, Math.round((warm[0]!.eventsPerSecond * this.#options.seconds) / 100_000)) * 100_000;
    return this.#rounds('syslog', (subject) => ({ kind: 'syslog', target: subject.syslog, connections: CONNECTIONS, events: this.events }));
  }

  /** Only where it can be seen from outside when an event is kept. */
  async paced(eventsPerSecond: number): Promise<Leg[][]> {
    const events = eventsPerSecond * this.#options.seconds;
    const load = (subject: Subject): Load => ({ kind: 'syslog', target: subject.syslog, connections: CONNECTIONS, events, eventsPerSecond });
    const ours = this.#subjects.filter(({ name }) => name === 'strongroom');
    return ours.length === 0 ? [] : this.#rounds(`syslog at ${eventsPerSecond.toLocaleString('en')}/s`, load, ours);
  }

  /** At half the rate of the full speed: what the machine can take for good, however fast it is now. */
  async eased(syslog: readonly (readonly Leg[])[]): Promise<Eased | null> {
    const full = syslog.flat().filter(({ subject }) => subject === 'strongroom').map((leg) => leg.eventsPerSecond);
    if (full.length === 0) return null;
    const eventsPerSecond = Math.max(1, Math.round(median(full) / 2 / 10_000)) * 10_000;
    return { eventsPerSecond, rounds: await this.paced(eventsPerSecond) };
  }

  async relp(): Promise<{ steady: Leg[][]; flood: Leg[][] }> {
    const able = this.#subjects.filter(({ relp }) => relp !== null);
    await this.#round('warming up RELP', relpLoad(0, WARM_SECONDS), able);
    return {
      steady: await this.#rounds(`RELP at ${STEADY_EVENTS_PER_SECOND}/s`, relpLoad(STEADY_EVENTS_PER_SECOND, this.#options.seconds), able),
      flood: await this.#rounds('RELP at full speed', relpLoad(0, this.#options.seconds), able),
    };
  }

  async #rounds(title: string, load: (subject: Subject) => Load, subjects = this.#subjects): Promise<Leg[][]> {
    const rounds: Leg[][] = [];
    for (let round = 1; round <= this.#options.rounds; round += 1) rounds.push(await this.#round(`${title}, round ${round}`, load, subjects));
    return rounds;
  }

  async #round(title: string, load: (subject: Subject) => Load, subjects = this.#subjects): Promise<Leg[]> {
    const legs: Leg[] = [];
    for (const subject of subjects) {
      const leg = await runLeg(subject, load(subject));
      const ack = leg.ack === undefined ? '' : `, ack p50 ${leg.ack.p50Ms.toFixed(1)} ms, p99 ${leg.ack.p99Ms.toFixed(1)} ms`;
      this.#say(`${title}: ${subject.name} ${Math.round(leg.eventsPerSecond).toLocaleString('en')} events/s, ${Math.round(leg.eventsPerCpuSecond).toLocaleString('en')} per CPU-second${ack}`);
      const missing = this.#tally.add(leg);
      if (missing !== null) this.#say(missing);
      legs.push(leg);
    }
    return legs;
  }
}

function relpLoad(eventsPerSecond: number, seconds: number): (subject: Subject) => Load {
  return (subject) => ({ kind: 'relp', target: subject.relp!, connections: CONNECTIONS, window: RELP_WINDOW, eventsPerSecond, seconds });
}
