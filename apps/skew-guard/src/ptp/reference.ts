// SPDX-License-Identifier: Apache-2.0
// PTP's report as a reference. It holds for a clock that ptp4l disciplines itself (software time stamps); where a network card has the
// clock, chrony takes it as a reference clock and tells of it.
import type { Reference } from '../bound/reference.ts';
import type { Wander } from '../bound/wander.ts';
import { FOLLOWING, type PtpReport } from './pmc.ts';

/** Why there is no reference, in words, or the reference. `masterNs`: what is known of the grandmaster's error here; null: what it says. */
export function ptpReference(report: PtpReport, masterNs: number | null, driftPpb: number, wander: Wander): Reference | string {
  const { isMasterPresent, portState, masterOffsetNs, meanPathDelayNs, ingressTime, syncIntervalNs, leap, master } = report;
  if (!isMasterPresent || !FOLLOWING.has(portState) || ingressTime === '0') return `ptp4l follows no grandmaster (its port is ${portState})`;
  // What it says of the clock of a network card is nothing of this one, which phc2sys may or may not keep beside it.
  if (report.timestamping !== 'SOFTWARE') return `ptp4l does not discipline this clock, or does not say that it does (its time stamps are ${report.timestamping ?? 'not told of'})`;
  // Until the way was measured the offset is not known either, and ptp4l tells 0 for both.
  if (meanPathDelayNs === 0) return 'ptp4l has not measured the way to the grandmaster yet';
  const accuracyNs = masterNs ?? report.masterAccuracyNs;
  if (accuracyNs === null) return 'the grandmaster does not say how accurate it is, and clock.ptp.masterNanoseconds is not set';
  const update = `${master} ${ingressTime}`;
  return {
    // The way to the grandmaster may be all on one side.
    offsetNs: -masterOffsetNs, rootDelayNs: 2 * Math.abs(meanPathDelayNs), rootDispersionNs: accuracyNs + (syncIntervalNs * driftPpb) / 1e9, undispersedPpb: driftPpb, residualPpb: 0, skewPpb: driftPpb,
    wanderNs: wander.note(update, masterOffsetNs), update, updatedAtNs: BigInt(ingressTime), intervalNs: syncIntervalNs, leap,
  };
}
