// SPDX-License-Identifier: Apache-2.0
// Why it was dark: what must be known for each cause, and how sure that makes it. The first that fits is the cause: what was
// written down while it happened comes before what is concluded, and the rarer before the more common.
import type { DarkFacts } from './facts.ts';

export const CAUSE_NAMES = ['panic', 'watchdog-reset', 'power-loss', 'clean-shutdown', 'reset', 'service-crash', 'suspended', 'stalled', 'clock-step', 'network-loss', 'silent-source', 'unknown'] as const;
export type Cause = (typeof CAUSE_NAMES)[number];
/** `certain`: somebody else saw it, or it was written down. `likely`: it fits, and nothing speaks against it. `weak`: little speaks for it. */
export type Confidence = 'certain' | 'likely' | 'weak';

export interface Candidate {
  readonly cause: Cause;
  readonly confidence: Confidence;
  readonly fits: (facts: DarkFacts) => boolean;
  readonly because: string;
}

const booted = ({ before, after }: DarkFacts): boolean => before.boot !== after.boot;
const sameLife = ({ before, after }: DarkFacts): boolean => before.life === after.life;

export const CAUSES: readonly Candidate[] = [
  { cause: 'panic', confidence: 'certain', fits: (facts) => booted(facts) && facts.pstore, because: 'the kernel left its last words in pstore' },
  { cause: 'clean-shutdown', confidence: 'certain', fits: ({ shutdownSealed }) => shutdownSealed, because: 'the services sealed that they were stopped' },
  { cause: 'clean-shutdown', confidence: 'likely', fits: (facts) => booted(facts) && facts.machineShutDown, because: 'the machine wrote down that it was shut down, though the services did not come to sealing it' },
  { cause: 'power-loss', confidence: 'certain', fits: (facts) => booted(facts) && facts.feedDied === true, because: 'the outlet or the phase that feeds this machine lost its voltage then' },
  { cause: 'watchdog-reset', confidence: 'certain', fits: (facts) => booted(facts) && facts.watchdogReset, because: 'the watchdog says that it caused the last boot' },
  { cause: 'reset', confidence: 'likely', fits: (facts) => booted(facts) && facts.feedDied === false, because: 'the machine booted while its feed had voltage all the time' },
  { cause: 'power-loss', confidence: 'likely', fits: (facts) => booted(facts) && facts.othersDied, because: 'what feeds this machine, or others on the same feed, went at the same time' },
  { cause: 'power-loss', confidence: 'weak', fits: booted, because: 'the machine booted, and nothing was written before: so it goes when power does' },
  { cause: 'service-crash', confidence: 'certain', fits: ({ serviceEnded }) => serviceEnded, because: 'the services ended without being stopped, and the machine ran on' },
  { cause: 'suspended', confidence: 'certain', fits: (facts) => sameLife(facts) && slept(facts), because: 'the machine slept: the clock that stands still in sleep stood still' },
  { cause: 'stalled', confidence: 'certain', fits: ({ stalled }) => stalled, because: 'the services ran, and could not take evidence' },
  { cause: 'clock-step', confidence: 'certain', fits: (facts) => !booted(facts) && stepped(facts), because: 'the wall clock moved by another time than the one since boot' },
  { cause: 'network-loss', confidence: 'certain', fits: ({ linkDown }) => linkDown, because: 'the link was down' },
  { cause: 'network-loss', confidence: 'likely', fits: ({ sourcesSilent, sourcesAll }) => sourcesAll > 1 && sourcesSilent === sourcesAll, because: 'all sources fell silent at once, and this machine ran on' },
  { cause: 'silent-source', confidence: 'likely', fits: ({ sourcesSilent, sourcesAll }) => sourcesSilent > 0 && sourcesSilent < sourcesAll, because: 'others went on, so it was the source itself' },
  { cause: 'silent-source', confidence: 'weak', fits: ({ sourcesSilent }) => sourcesSilent > 0, because: 'it is the only source, so it may as well be the network' },
];

/** CLOCK_BOOTTIME runs on through sleep: a machine that slept is no clock that stepped. */
function stepped({ before, after, stepSeconds }: DarkFacts): boolean {
  return Math.abs(Number(after.wallNs - before.wallNs - (after.bootNs - before.bootNs)) / 1e9) > stepSeconds;
}

function slept({ before, after, stepSeconds }: DarkFacts): boolean {
  return Number(after.bootNs - before.bootNs - (after.monotonicNs - before.monotonicNs)) / 1e9 > stepSeconds;
}
