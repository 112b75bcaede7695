// SPDX-License-Identifier: Apache-2.0
// Who called what sets the clock, for skew-guard, which sees the step and not who did it. The records are sealed as all others; this
// only spares people the search.
import { onlySets, type ClockSetMessage, type ClockSetter } from '@strongroom/service';

const CALLS = new Set(['settimeofday', 'clock_settime', 'adjtimex', 'clock_adjtime']);
const REALTIME = 0;
/** Of either kind, those that only set it and those that may ask: whoever wants may call the latter, so often that the others would not be told of. A discipline calls a few times in a second; of more, the rest of the second is left out. */
const CALLS_MAX = 20;
const SECOND_NS = 1e9;

interface Line {
  readonly time: number;
  readonly call: string | number;
  readonly clock?: number;
  readonly result?: number;
  readonly pid: number;
  readonly name: string;
  readonly login: number | null;
  readonly who?: { readonly person: string | null; readonly executable: string | null; readonly unit: string | null; readonly container: { readonly id: string } | string | null };
}

/** From the line of an event of type `time`; null: it set no clock of this machine, or was not allowed to. */
export function clockSetter(line: Uint8Array): ClockSetter | null {
  const { time, call, clock = REALTIME, result = -1, pid, name, login, who } = JSON.parse(Buffer.from(line).toString()) as Line;
  if (typeof call !== 'string' || !CALLS.has(call) || clock !== REALTIME || result < 0) return null;
  const container = who?.container ?? null;
  return {
    atNs: time, call, pid, name, login, person: who?.person ?? null, executable: who?.executable ?? null, unit: who?.unit ?? null,
    container: container === null || typeof container === 'string' ? container : container.id,
  };
}

/** Tells of each; null where nobody watches the clock. */
export function clockCalls({ config, send }: { readonly config: { readonly clock: { readonly enabled: boolean } }; send(message: ClockSetMessage): void }): ((line: Uint8Array) => void) | null {
  if (!config.clock.enabled) return null;
  let [second, setting, others] = [0, 0, 0];
  return (line) => {
    const by = clockSetter(line);
    if (by === null) return;
    const now = Math.floor(by.atNs / SECOND_NS);
    if (now !== second) [second, setting, others] = [now, 0, 0];
    if ((onlySets(by) ? setting += 1 : others += 1) <= CALLS_MAX) send({ kind: 'clock-set', by });
  };
}
