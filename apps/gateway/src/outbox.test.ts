// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { BOUND_UNKNOWN, FLAG, NO_KEY, type SubmittedRun } from '@strongroom/evidence';
import { UNMEASURED, type Denied } from '@strongroom/service';
import { Lane, Outbox, type Entry, type LaneOwner } from './outbox.ts';
import { ProducerStream } from './stream.ts';

/** Takes submissions; the test says when they are sealed, and when there is no more credit. */
class Line {
  full = false;
  readonly submissions: (readonly SubmittedRun[])[] = [];
  readonly #pending: ((denied: readonly Denied[]) => void)[] = [];

  submit(runs: readonly SubmittedRun[]): Promise<readonly Denied[]> {
    this.submissions.push(runs);
    return new Promise((resolve) => { this.#pending.push(resolve); });
  }

  async seal(denied: readonly Denied[] = []): Promise<void> {
    this.#pending.shift()!(denied);
    await turn();
  }
}

class Producer implements LaneOwner {
  readonly stream = new ProducerStream({ id: 'spiffe://test/source/a', keyHash: NO_KEY, protocol: 'syslog-tls', peer: '', flags: FLAG.unreliable }, UNMEASURED);
  readonly lane = new Lane(this);
  readonly told: string[] = [];
  #clock = 0n;

  sealed({ run }: Entry): void { this.told.push(`sealed ${run.firstSequence}+${run.lengths.length}`); }
  denied({ run }: Entry, code: string): void { this.told.push(`denied ${run.firstSequence}: ${code}`); }
  settled(): void { this.told.push('settled'); }
  drained(): void { this.told.push('drained'); }

  /** One record, received at a moment of its own unless `together`. */
  entry(bytes: number, together = false): Entry {
    if (!together) this.#clock += 1n;
    return { run: this.stream.data({ at: this.#clock, bound: BOUND_UNKNOWN }, Uint32Array.of(bytes), [Buffer.alloc(bytes)], bytes), bytes, owed: 1 };
  }
}

function streams(submission: readonly SubmittedRun[] | undefined): string[] {
  return (submission ?? []).map(({ stream }) => stream.toString('hex'));
}

test('while nothing is unacknowledged, what a turn brings leaves together at its end', async () => {
  const [line, a, b] = [new Line(), new Producer(), new Producer()];
  const outbox = new Outbox(line);
  outbox.put(a.lane, a.entry(10));
  outbox.put(b.lane, b.entry(10));
  assert.equal(line.submissions.length, 0);
  await turn();
  assert.deepEqual(line.submissions.map((runs) => runs.length), [2]);
  assert.equal(outbox.bytes, 0);
  await line.seal();
  assert.deepEqual(a.told, ['drained', 'sealed 0+1', 'settled']);
});

test('while something is unacknowledged, runs gather, and leave with its acknowledgement', async () => {
  const [line, a] = [new Line(), new Producer()];
  const outbox = new Outbox(line);
  outbox.put(a.lane, a.entry(10));
  await turn();
  outbox.put(a.lane, a.entry(10));
  outbox.put(a.lane, a.entry(10));
  assert.equal(line.submissions.length, 1);
  await line.seal();
  assert.deepEqual(line.submissions.map((runs) => runs.length), [1, 2]);
});

test('a full submission leaves at once', () => {
  const [line, a] = [new Line(), new Producer()];
  const outbox = new Outbox(line);
  for (let i = 0; i < 16; i += 1) outbox.put(a.lane, a.entry(64 * 1024));
  assert.equal(line.submissions.length, 2);
});

test('nothing leaves without credit; with it, streams take turns', () => {
  const [line, firehose, quiet] = [new Line(), new Producer(), new Producer()];
  line.full = true;
  const outbox = new Outbox(line);
  for (let i = 0; i < 64; i += 1) outbox.put(firehose.lane, firehose.entry(64 * 1024));
  outbox.put(quiet.lane, quiet.entry(10));
  assert.equal(line.submissions.length, 0);
  assert.equal(outbox.isEmpty, false);
  line.full = false;
  outbox.flush();
  assert.equal(streams(line.submissions[0]).indexOf(quiet.stream.id.toString('hex')), 1);
  assert.equal(outbox.isEmpty, true);
  const sequences = line.submissions.flat().filter(({ stream }) => stream === firehose.stream.id).map(({ firstSequence }) => firstSequence);
  assert.deepEqual(sequences, Array.from({ length: 64 }, (_, i) => i));
});

test('records that were received at one moment share a run, and are settled as one', async () => {
  const [line, a] = [new Line(), new Producer()];
  const outbox = new Outbox(line);
  assert.equal(outbox.put(a.lane, a.entry(10)), true);
  assert.equal(outbox.put(a.lane, a.entry(20, true)), false);
  assert.equal(outbox.put(a.lane, a.entry(30)), true);
  await turn();
  assert.deepEqual(line.submissions[0]?.map(({ firstSequence, lengths }) => [firstSequence, ...lengths]), [[0, 10, 20], [2, 30]]);
  await line.seal();
  assert.deepEqual(a.told, ['drained', 'sealed 0+2', 'sealed 2+1', 'settled']);
});

test('an end record never shares a run', async () => {
  const [line, a] = [new Line(), new Producer()];
  const outbox = new Outbox(line);
  outbox.put(a.lane, a.entry(10));
  outbox.put(a.lane, { run: a.stream.end('closed'), bytes: 0, owed: 0 });
  await turn();
  assert.deepEqual(line.submissions[0]?.map(({ kind }) => kind), [0, 2]);
});

test('who is denied is told so, the others are sealed', async () => {
  const [line, a, b] = [new Line(), new Producer(), new Producer()];
  const outbox = new Outbox(line);
  outbox.put(a.lane, a.entry(10));
  outbox.put(b.lane, b.entry(10));
  await turn();
  await line.seal([{ number: 1, stream: a.stream.id, code: 'source.revoked' }]);
  assert.deepEqual(a.told, ['drained', 'denied 0: source.revoked', 'settled']);
  assert.deepEqual(b.told, ['drained', 'sealed 0+1', 'settled']);
});
