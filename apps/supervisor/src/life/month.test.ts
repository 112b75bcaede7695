// SPDX-License-Identifier: Apache-2.0
// A month of faults with known truth: the projection names every one of them, where it was and why, and nothing else; and it is as
// sure as it may be. STRONGROOM_MONTHS months with seeds from STRONGROOM_SEED on (npm run soak -- --only months).
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CoverageProjection, type Coverage, type Gap } from '@strongroom/service/coverage';
import { EVERY_SECONDS, faults, LOOK_SECONDS, simulateMonth, type SimulatedMonth, type Truth } from './simulated-month.ts';

const MONTHS = Number(process.env['STRONGROOM_MONTHS'] ?? 1);
const SEED = Number(process.env['STRONGROOM_SEED'] ?? 20_261);
const DAYS = 30;
/** Where a gap begins is known to a heartbeat and a look; of a source, to a minute more, and to the word before the last. */
const SLACK_SECONDS = EVERY_SECONDS + 2 * LOOK_SECONDS;
const SOURCE_SLACK_SECONDS = 600;

function projected({ records, fromNs, toNs }: SimulatedMonth, isTaken: (type: string) => boolean = () => true): Coverage {
  const projection = new CoverageProjection(fromNs, toNs);
  for (const record of records) if (isTaken(record.type)) projection.take(record);
  const coverage = projection.end();
  for (const one of [coverage.appliance!, ...coverage.sources]) assert.equal(one.coveredNs + one.lostNs + one.setNs, one.toNs - one.fromNs, 'all of the time is one or the other, to the nanosecond');
  return coverage;
}

function gapsOf(coverage: Coverage): readonly (readonly [string, Gap])[] {
  return [...coverage.appliance!.gaps.map((gap) => ['appliance', gap] as const), ...coverage.sources.flatMap(({ source, gaps }) => gaps.map((gap) => [source, gap] as const))];
}

const seconds = (ns: bigint): number => Number(ns / 1_000_000n) / 1000;

function isOf({ subject, from, to }: Truth, name: string, gap: Gap): boolean {
  const slack = subject === 'appliance' ? SLACK_SECONDS : SOURCE_SLACK_SECONDS;
  return name === subject && Math.abs(seconds(gap.fromNs) - from) <= slack && Math.abs(seconds(gap.toNs) - to) <= slack;
}

/** Every truth has its gap, every gap its truth. `judged` says what must be said of it. */
function compare(month: SimulatedMonth, coverage: Coverage, judged: (truth: Truth, gap: Gap) => void): void {
  const left = [...gapsOf(coverage)];
  for (const truth of month.truths) {
    const at = left.findIndex(([name, gap]) => isOf(truth, name, gap));
    assert.notEqual(at, -1, `nothing was said of ${truth.cause} of ${truth.subject} from ${new Date(truth.from * 1000).toISOString()} to ${new Date(truth.to * 1000).toISOString()}`);
    judged(truth, left.splice(at, 1)[0]![1]);
  }
  assert.deepEqual(left.map(([name, { cause, fromNs }]) => `${name} ${cause} ${new Date(seconds(fromNs) * 1000).toISOString()}`), [], 'said, and not so');
}

describe('a month of faults', () => {
  for (let seed = SEED; seed < SEED + MONTHS; seed += 1) {
    it(`is named as it was, seed ${seed}`, () => {
      const month = simulateMonth(seed, DAYS);
      assert.ok(month.truths.length >= Object.keys(faults(false)).length);
      const coverage = projected(month);
      compare(month, coverage, (truth, gap) => {
        assert.deepEqual([gap.cause, gap.confidence, gap.isLost, gap.isOpen], [truth.cause, truth.confidence, truth.isLost, false], `${truth.subject} from ${new Date(truth.from * 1000).toISOString()}: ${gap.because}`);
      });
      const lost = month.truths.filter(({ subject, isLost }) => subject === 'appliance' && isLost).reduce((sum, { from, to }) => sum + to - from, 0);
      assert.ok(Math.abs(seconds(coverage.appliance!.lostNs) - lost) <= SLACK_SECONDS * month.truths.length, `${seconds(coverage.appliance!.lostNs)} s are said to be lost, ${lost} s were`);
      assert.deepEqual(coverage.sources.map(({ source, isLearning }) => [source, isLearning]), ['batch-01', 'db-01', 'service/capture', 'web-01', 'web-02'].map((name) => [name, false]));
    });

    it(`is not said to be sure where nobody wrote anything down, seed ${seed}`, () => {
      const month = simulateMonth(seed, DAYS, true);
      compare(month, projected(month), (truth, gap) => assert.deepEqual([gap.cause, gap.confidence], [truth.cause, truth.confidence], gap.because));
    });

    it(`is seen from heartbeats alone, with less of a reason, seed ${seed}`, () => {
      const month = simulateMonth(seed, DAYS);
      compare(month, projected(month, (type) => type !== 'dark-zone'), (truth, gap) => {
        const written = ['panic', 'watchdog-reset', 'reset', 'power-loss', 'clean-shutdown'].includes(truth.cause);
        if (gap.cause !== truth.cause) assert.deepEqual([written, gap.confidence], [true, 'weak'], `${gap.cause} instead of ${truth.cause}`);
      });
    });
  }
});
