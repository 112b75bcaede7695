// SPDX-License-Identifier: Apache-2.0
// The guard and the readers of its anchors, over a simulated machine whose true time is known: whatever happens to it, true time is
// within every bound that was stamped.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOUND_UNKNOWN } from '@strongroom/evidence';
import { stampBy, type Anchor, type ClockState } from '@strongroom/service';
import { anchorOf } from './anchors.ts';
import type { Reference } from '../bound/reference.ts';
import { Guard, type GuardSettings, type Judgement } from './guard.ts';
import { Machine, SECOND } from '../testing/machine.ts';

const SETTINGS: GuardSettings = { oscillatorPpb: 1000, holdoverPpb: 15_000, holdoverNsMax: 86_400n * SECOND };

interface Life {
  readonly machine: Machine;
  readonly states: ClockState[];
  stamped: number;
  known: number;
  contradictions: number;
}

/** Lets `seconds` pass; stamps at random moments between two looks of the guard. */
function live(seed: number, seconds: number, happen: (machine: Machine, second: number) => void = () => undefined): Life {
  const machine = new Machine(seed);
  const guard = new Guard(SETTINGS);
  const life: Life = { machine, states: [], stamped: 0, known: 0, contradictions: 0 };
  let anchor: Anchor | null = null;
  for (let second = 0; second < seconds; second += 1) {
    happen(machine, second);
    const judged = guard.judge(machine.observe());
    life.states.push(judged.state);
    if (judged.contradictionNs !== null) life.contradictions += 1;
    anchor = judged.claim === null ? null : anchorOf(judged.claim, machine.moment(), { boot: machine.boot, sequence: BigInt(second) });
    for (let i = 0; i < 4; i += 1) {
      machine.pass(machine.random() * 0.5);
      const { at, bound } = stampBy(anchor, machine.clocks);
      life.stamped += 1;
      if (bound === BOUND_UNKNOWN) continue;
      life.known += 1;
      const wrong = at > machine.trueNs ? at - machine.trueNs : machine.trueNs - at;
      assert.ok(wrong <= bound, `seed ${seed}, second ${second}: wrong by ${wrong} ns, the bound is ${bound} (${judged.state}: ${judged.reason})`);
    }
  }
  return life;
}

/** More of them in `npm run soak`. */
const FIRST_SEED = Number(process.env['STRONGROOM_SEED'] ?? 1);
const SEEDS = Array.from({ length: Number(process.env['STRONGROOM_CLOCK_LIVES'] ?? 12) }, (_, i) => FIRST_SEED + i);

test('true time is within the bound of a clock that is measured', () => {
  for (const seed of SEEDS) {
    const { known, stamped, states, contradictions } = live(seed, 400);
    assert.ok(known > stamped * 0.9, `${known} of ${stamped}`);
    assert.equal(states.at(-1), 'locked');
    assert.equal(contradictions, 0);
  }
});

test('a clock that nobody measures any more is in holdover, and its bound still holds', () => {
  for (const seed of SEEDS) {
    const { states, known, stamped } = live(seed, 900, (machine, second) => { if (second === 100) machine.isCutOff = true; });
    assert.equal(states.at(-1), 'holdover');
    assert.ok(known > stamped * 0.9);
  }
});

test('a discipline that is gone leaves holdover, and after its time nothing', () => {
  const settled = live(3, 300, (machine, second) => { if (second === 200) machine.isDisciplined = false; });
  assert.equal(settled.states.at(-1), 'holdover');
  const guard = new Guard({ ...SETTINGS, holdoverNsMax: 10n * SECOND });
  const machine = new Machine(5);
  for (let second = 0; second < 100; second += 1, machine.pass(1)) guard.judge(machine.observe());
  machine.isDisciplined = false;
  machine.pass(5);
  assert.equal(guard.judge(machine.observe()).state, 'holdover');
  machine.pass(6);
  const over = guard.judge(machine.observe());
  assert.deepEqual([over.state, over.claim], ['unsynchronised', null]);
});

test('a discipline that is gone while it put much right may have left the clock running wrong: nothing is said', () => {
  for (const [offsetNs, state] of [[150_000, 'unsynchronised'], [-150_000, 'unsynchronised'], [50_000, 'holdover']] as const) {
    const machine = new Machine(41);
    const guard = new Guard(SETTINGS);
    for (let second = 0; second < 20; second += 1, machine.pass(1)) guard.judge(machine.observe());
    const last = machine.observe();
    assert.equal(guard.judge({ ...last, reference: { ...last.reference!, offsetNs } }).state, 'locked');
    machine.isDisciplined = false;
    machine.pass(1);
    const judged = guard.judge(machine.observe());
    assert.deepEqual([judged.state, judged.claim === null], [state, state === 'unsynchronised'], String(offsetNs));
  }
});

test('a clock that was never measured has no bound', () => {
  const { known, states } = live(7, 30, (machine) => { machine.isDisciplined = false; });
  assert.equal(known, 0);
  assert.deepEqual([...new Set(states)], ['unsynchronised']);
});

test('a clock that somebody sets is stepped, its stamps go on by the monotonic clock, and it is locked again once it is measured', () => {
  for (const seed of SEEDS) {
    const { states } = live(seed, 400, (machine, second) => { if (second === 150) machine.set(seed % 2 === 0 ? 3600 : -0.4); });
    assert.equal(states[150], 'stepped');
    assert.equal(states.at(-1), 'locked');
  }
});

test('a stamp just after the clock was set says the right time', () => {
  const machine = new Machine(11);
  const guard = new Guard(SETTINGS);
  for (let second = 0; second < 100; second += 1, machine.pass(1)) guard.judge(machine.observe());
  machine.set(-86_400);
  const judged = guard.judge(machine.observe());
  assert.equal(judged.step?.kind, 'set');
  const anchor = anchorOf(judged.claim!, machine.moment(), { boot: machine.boot, sequence: 1n });
  const { at, bound } = stampBy(anchor, machine.clocks);
  const wrong = at > machine.trueNs ? at - machine.trueNs : machine.trueNs - at;
  assert.ok(wrong <= bound && bound < SECOND / 100n, `${wrong} ${bound}`);
});

/** Some seconds before midnight UTC. */
const EVENING = 20_834n * 86_400n * SECOND - 100n * SECOND;

/** A clock that is measured until about midnight, and then steps by a second. */
function aboutMidnight(leap: Reference['leap'], step: (machine: Machine) => void, startNs = EVENING): { judged: Judgement; machine: Machine; guard: Guard } {
  const machine = new Machine(31, startNs);
  const guard = new Guard(SETTINGS);
  machine.leap = leap;
  for (let second = 0; second < 100; second += 1, machine.pass(1)) guard.judge(machine.observe());
  step(machine);
  machine.pass(0.3);
  return { judged: guard.judge(machine.observe()), machine, guard };
}

test('a leap second that was announced is no step: the clock stays locked, and its times are those of POSIX', () => {
  for (const kind of ['insert', 'delete'] as const) {
    const { judged, machine, guard } = aboutMidnight(kind, (one) => one.takeLeap(kind));
    assert.deepEqual([judged.state, judged.step?.kind, judged.contradictionNs], ['locked', 'leap', null]);
    assert.ok(judged.claim!.boundNs < SECOND / 1000n);
    machine.leap = 'none';
    for (let second = 0; second < 20; second += 1, machine.pass(1)) {
      const { state, claim } = guard.judge(machine.observe());
      const wrong = claim!.utcNs - machine.trueNs;
      assert.ok(state === 'locked' && (wrong < 0n ? -wrong : wrong) <= claim!.boundNs);
    }
  }
});

test('nor is one that nobody announces any more once it is taken, or whose discipline is just not to be heard', () => {
  for (const kind of ['insert', 'delete'] as const) {
    for (const after of [(one: Machine) => { one.leap = 'none'; }, (one: Machine) => { one.isDisciplined = false; }]) {
      const { judged, machine } = aboutMidnight(kind, (one) => {
        one.takeLeap(kind);
        after(one);
      });
      const wrong = judged.claim!.utcNs - machine.trueNs;
      assert.ok(judged.step?.kind === 'leap' && (wrong < 0n ? -wrong : wrong) <= judged.claim!.boundNs, `${kind}: ${judged.state}, wrong by ${wrong} ns`);
    }
  }
});

test('a second that was not announced, the other way, of another length, or at another time is a step', () => {
  const cases: [Reference['leap'], number, bigint][] = [['none', -1, EVENING], ['insert', 1, EVENING], ['delete', -1, EVENING], ['insert', -1.01, EVENING], ['insert', -2, EVENING], ['insert', -1, EVENING - 120n * SECOND], ['insert', -1, EVENING + 120n * SECOND]];
  for (const [leap, bySeconds, startNs] of cases) {
    const { judged } = aboutMidnight(leap, (machine) => machine.set(bySeconds), startNs);
    assert.deepEqual([judged.state, judged.step?.kind], ['stepped', 'set'], `${leap} ${bySeconds} ${startNs}`);
  }
});

test('stamps about a leap second hold true time, before the guard has seen it too', () => {
  for (const kind of ['insert', 'delete'] as const) {
    const machine = new Machine(37, EVENING);
    const guard = new Guard(SETTINGS);
    machine.leap = kind;
    for (let second = 0; second < 100; second += 1, machine.pass(1)) guard.judge(machine.observe());
    const { claim } = guard.judge(machine.observe());
    const anchor = anchorOf(claim!, machine.moment(), { boot: machine.boot, sequence: 1n });
    machine.takeLeap(kind);
    machine.pass(0.5);
    const { at, bound } = stampBy(anchor, machine.clocks);
    const wrong = at > machine.trueNs ? at - machine.trueNs : machine.trueNs - at;
    assert.ok(wrong > SECOND / 2n && wrong <= bound, `${wrong} ${bound}`);
  }
});

test('a machine that slept says nothing until it is measured again', () => {
  const { states, machine } = live(13, 300, (now, second) => { if (second === 150) now.sleep(500); });
  assert.equal(states[150], 'stepped');
  assert.equal(states.at(-1), 'locked');
  assert.ok(machine.trueNs > 0n);
});

test('whatever comes, in any order, true time is within the bound', () => {
  let known = 0;
  for (const seed of SEEDS) {
    known += live(1000 + seed, 1200, (machine) => {
      const chance = machine.random();
      if (chance < 0.004) machine.set((machine.random() - 0.5) * 10 ** (machine.random() * 6 - 3));
      else if (chance < 0.006) machine.sleep(1 + machine.random() * 1000);
      else if (chance < 0.012) machine.isCutOff = !machine.isCutOff;
      else if (chance < 0.016) machine.isDisciplined = !machine.isDisciplined;
    }).known;
  }
  assert.ok(known > 1500 * SEEDS.length, String(known));
});

test('what is there when the guard begins says nothing: the clock may have been set since it was measured', () => {
  const machine = new Machine(23);
  machine.set(5);
  const guard = new Guard(SETTINGS);
  const first = guard.judge(machine.observe());
  assert.deepEqual([first.state, first.claim], ['unsynchronised', null]);
  machine.pass(5);
  assert.equal(guard.judge(machine.observe()).state, 'locked');
});

test('the next life of the guard goes on from the last anchor, and sees that the clock was set between', () => {
  for (const by of [0, 7]) {
    const machine = new Machine(29);
    const guard = new Guard(SETTINGS);
    for (let second = 0; second < 20; second += 1, machine.pass(1)) guard.judge(machine.observe());
    const { claim } = guard.judge(machine.observe());
    const { monotonicNs, wallNs } = machine.moment();
    machine.set(by);
    machine.pass(0.2);
    const next = new Guard(SETTINGS, { claim: claim!, monotonicNs, wallNs });
    const judged = next.judge(machine.observe());
    assert.deepEqual([judged.state, judged.step?.kind], by === 0 ? ['holdover', undefined] : ['stepped', 'set']);
    const wrong = judged.claim!.utcNs - machine.trueNs;
    assert.ok((wrong < 0n ? -wrong : wrong) <= judged.claim!.boundNs);
  }
});

test('a source that the others contradict is named, and the bound stays', () => {
  const { states, machine } = live(17, 60, (now) => { now.checks = [{ name: 'liar', offsetNs: 3e9, errorNs: 1e6 }, { name: 'honest', offsetNs: now.offsetNs, errorNs: 1e6 }]; });
  assert.equal(states.at(-1), 'disputed');
  const guard = new Guard(SETTINGS);
  guard.judge(machine.observe());
  machine.pass(10);
  machine.checks = [{ name: 'liar', offsetNs: 3e9, errorNs: 1e6 }, { name: 'honest', offsetNs: machine.offsetNs, errorNs: 1e6 }];
  const judged = guard.judge(machine.observe());
  assert.deepEqual(judged.falsetickers, ['liar']);
  assert.ok(judged.claim!.boundNs < SECOND / 100n);
});

test('where the majority contradicts the discipline, the bound holds for either', () => {
  const machine = new Machine(19);
  const guard = new Guard(SETTINGS);
  guard.judge(machine.observe());
  machine.pass(10);
  machine.checks = [{ name: 'a', offsetNs: 2e9, errorNs: 1e6 }, { name: 'b', offsetNs: 2e9, errorNs: 1e6 }];
  const judged = guard.judge(machine.observe());
  assert.deepEqual([judged.state, judged.falsetickers], ['disputed', ['clock discipline']]);
  assert.ok(judged.claim!.boundNs >= 2n * SECOND);
  machine.checks = [{ name: 'a', offsetNs: 2e9, errorNs: 1e6 }];
  assert.deepEqual(guard.judge(machine.observe()).falsetickers, ['clock discipline', 'a']);
});
