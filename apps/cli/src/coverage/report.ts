// SPDX-License-Identifier: Apache-2.0
// Coverage as a value that can be written: times as text, lengths in seconds.
import type { Covered, CoveredSource, Coverage, Gap } from '@strongroom/service/coverage';

export interface GapFacts {
  readonly from: string;
  readonly to: string;
  /** It began after `from`, and by then: what is counted is at most what was lost. Null: at `from`. */
  readonly beganBy: string | null;
  /** Error bound of both ends, in ns; null: not known. */
  readonly boundNs: number | null;
  readonly seconds: number;
  readonly cause: Gap['cause'];
  readonly confidence: Gap['confidence'];
  readonly because: string;
  /** What would fit as well. */
  readonly others: readonly Gap['cause'][];
  /** False where only the clock was set: nothing is missing. */
  readonly lost: boolean;
  /** It goes on. */
  readonly open: boolean;
}

export interface CoveredFacts {
  readonly from: string;
  readonly to: string;
  /** 0 to 1. */
  readonly share: number;
  readonly lostSeconds: number;
  /** In ns, with all digits: covered, lost, and by which the clock was set. Together they are the time from `from` to `to`. */
  readonly coveredNs: string;
  readonly lostNs: string;
  readonly setNs: string;
  readonly gaps: readonly GapFacts[];
  readonly gapsLeftOut: number;
}

export interface CoverageReport {
  readonly deployment: string;
  readonly since: string;
  readonly until: string;
  readonly appliance: CoveredFacts | null;
  readonly sources: readonly (CoveredFacts & { readonly source: string; readonly learning: boolean })[];
}

export function reportOf(deployment: string, { sinceNs, untilNs, appliance, sources }: Coverage): CoverageReport {
  return {
    deployment, since: timeOf(sinceNs), until: timeOf(untilNs), appliance: appliance === null ? null : coveredFacts(appliance),
    sources: sources.map((one: CoveredSource) => ({ source: one.source, learning: one.isLearning, ...coveredFacts(one) })),
  };
}

function coveredFacts({ fromNs, toNs, share, lostNs, setNs, coveredNs, gaps, gapsLeftOut }: Covered): CoveredFacts {
  return { from: timeOf(fromNs), to: timeOf(toNs), share, lostSeconds: secondsOf(lostNs), coveredNs: String(coveredNs), lostNs: String(lostNs), setNs: String(setNs), gaps: gaps.map(gapFacts), gapsLeftOut };
}

function gapFacts({ fromNs, toNs, beganByNs, boundNs, cause, confidence, because, others, isLost, isOpen }: Gap): GapFacts {
  return {
    from: timeOf(fromNs), to: timeOf(toNs), beganBy: beganByNs === null ? null : timeOf(beganByNs), boundNs: boundNs === null ? null : Number(boundNs), seconds: secondsOf(toNs - fromNs),
    cause, confidence, because, others, lost: isLost, open: isOpen,
  };
}

/** RFC 3339, always with nine digits of a second: so texts are in order of time. */
function timeOf(ns: bigint): string {
  return `${new Date(Number(ns / 1_000_000n)).toISOString().slice(0, 19)}.${String(ns % 1_000_000_000n).padStart(9, '0')}Z`;
}

function secondsOf(ns: bigint): number {
  return Math.round(Number(ns) / 1e6) / 1000;
}

/** `99.93 %`; never 100 where anything is missing. */
export function percent(share: number): string {
  if (share >= 1) return '100 %';
  return `${(Math.floor(share * 1e5) / 1e3).toFixed(share > 0.999 ? 3 : 2)} %`;
}

/** Sources that a person is shown one by one. */
export const SHOWN_MAX = 40;

type SourceFacts = CoverageReport['sources'][number];

/** Those to show, by name; and where there are more, how many others, all of which have less to tell, and the least share of them. */
export function shownOf(sources: readonly SourceFacts[]): { readonly shown: readonly SourceFacts[]; readonly others: number; readonly leastShare: number } {
  const byWorth = sources.toSorted((a, b) => Number(b.gaps.length > 0) - Number(a.gaps.length > 0) || a.share - b.share);
  const [shown, others] = [new Set(byWorth.slice(0, SHOWN_MAX)), byWorth.slice(SHOWN_MAX)];
  return { shown: sources.filter((one) => shown.has(one)), others: others.length, leastShare: others.reduce((least, { share }) => Math.min(least, share), 1) };
}
