// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { BOUND_UNKNOWN, KIND, NO_KEY, decodeContext, type ReceivedRun, type RunKind } from '@strongroom/evidence';
import { EMPTY_REGISTRY, type Registry } from '@strongroom/service';
import { Admission } from './admission.ts';
import { permitFor } from './permit.ts';
import { Producers } from './producers.ts';

const GATEWAY = 'spiffe://d/service/gateway';
const KEY = randomBytes(32);
const stream = randomBytes(16);

function run(firstSequence: number, count: number, kind: RunKind = KIND.data, of: Partial<ReceivedRun> = {}): ReceivedRun {
  const lengths = Buffer.alloc(count * 4);
  return {
    kind, flags: 0, receivedAt: 1n, bound: BOUND_UNKNOWN, source: 'spiffe://d/source/web-01', sourceKey: KEY, protocol: 'syslog-tls', peer: '127.0.0.1:1',
    stream, firstSequence, count, lengths, data: Buffer.alloc(0), ...of,
  };
}

const everything = (): null => null;
const body = (text: string): Buffer => Buffer.from(text);

describe('admission', () => {
  it('admits numbers in order, once, and knows a repeat from a changed one', () => {
    const admission = new Admission(GATEWAY, randomBytes(16), undefined);
    assert.equal(admission.admit(1, Buffer.alloc(0), [run(0, 2)], body('a'), 9n, everything)?.runs.length, 1);
    assert.equal(admission.admit(1, Buffer.alloc(0), [run(0, 2)], body('a'), 9n, everything), null);
    assert.throws(() => admission.admit(1, Buffer.alloc(0), [run(0, 2)], body('b'), 9n, everything), { code: 'submission.changed' });
    assert.throws(() => admission.admit(3, Buffer.alloc(0), [run(2, 1)], body('c'), 9n, everything), { code: 'submission.number' });
    const outcome = admission.admit(2, Buffer.from('token'), [run(2, 1)], body('c'), 9n, everything);
    assert.equal(outcome?.state.last, 2);
    assert.equal(outcome?.state.token.toString(), 'token');
    const context = decodeContext(outcome.runs[0]!.context);
    assert.deepEqual([context.asserter, context.admittedAt], [GATEWAY, 9n]);
  });

  it('goes on after a restart where the commit log says, repeats included', () => {
    const instance = randomBytes(16);
    const first = new Admission(GATEWAY, instance, undefined);
    const outcome = first.admit(1, Buffer.alloc(0), [run(0, 2)], body('a'), 9n, everything)!;
    const producers = new Producers();
    producers.apply([outcome.state]);
    const second = new Admission(GATEWAY, instance, producers.find(instance));
    assert.equal(second.admit(1, Buffer.alloc(0), [run(0, 2)], body('a'), 9n, everything), null);
    assert.deepEqual(second.admit(2, Buffer.alloc(0), [run(2, 1)], body('b'), 9n, everything)?.gaps, []);
  });

  it('sees numbers that a stream left out, and refuses to number records twice', () => {
    const admission = new Admission(GATEWAY, randomBytes(16), undefined);
    const outcome = admission.admit(1, Buffer.alloc(0), [run(0, 2), run(5, 1), run(3, 1)], body('a'), 9n, everything)!;
    assert.deepEqual(outcome.gaps, [{ source: 'spiffe://d/source/web-01', stream: stream.toString('hex'), expected: 2, found: 5 }]);
    assert.deepEqual(outcome.denials.map(({ code }) => code), ['stream.sequence']);
    assert.equal(outcome.runs.length, 2);
  });

  it('ends streams with their end record, and names those that never had one', () => {
    const admission = new Admission(GATEWAY, randomBytes(16), undefined);
    const other = randomBytes(16);
    const outcome = admission.admit(1, Buffer.alloc(0), [run(0, 2), run(2, 1, KIND.end), run(0, 4, KIND.data, { stream: other })], body('a'), 9n, everything)!;
    assert.deepEqual(outcome.state.streams.map(({ open }) => open), [false, true]);
    const { gaps, state } = admission.abandon(10n);
    assert.deepEqual(gaps.map(({ stream: id, expected, found }) => [id, expected, found]), [[other.toString('hex'), 4, null]]);
    assert.equal(state.streams[0]?.open, false);
  });
});

/** A life of the gateway with one submission that gives this token. */
function life(token: string, seenAt: bigint) {
  const admission = new Admission(GATEWAY, randomBytes(16), undefined);
  return { admission, state: admission.admit(1, Buffer.from(token), [run(0, 1)], body(token), seenAt, everything)!.state };
}

describe('resume token of a service', () => {
  it('is that of the newest life, whatever the clock says and whoever ends later', () => {
    const producers = new Producers();
    const [old, young] = [life('old', 50n), life('young', 20n)];
    producers.apply([old.state]);
    producers.apply([young.state]);
    assert.equal(producers.token(GATEWAY).toString(), 'young');
    producers.apply([old.admission.abandon(90n).state]);
    assert.equal(producers.token(GATEWAY).toString(), 'young');
    const recovered = new Producers();
    recovered.apply(producers.states());
    assert.equal(recovered.token(GATEWAY).toString(), 'young');
  });

  it('is given by a life that may be resumed', () => {
    assert.deepEqual(['', 'token'].map((token) => life(token, 1n).admission.isResumable), [false, true]);
  });
});

describe('permit', () => {
  const enrolment = { id: 'spiffe://d/source/web-01', keyHash: KEY.toString('hex'), serial: '1', enrolledAt: '', notAfter: '', revokedAt: null };
  let registry: Registry = { ...EMPTY_REGISTRY, sources: { 'web-01': enrolment } };
  const permit = permitFor('d', () => registry);

  it('lets the gateway speak for enrolled sources with the enrolled key, and everybody for itself', () => {
    assert.equal(permit(GATEWAY, run(0, 1)), null);
    assert.equal(permit(GATEWAY, run(0, 1, KIND.event, { source: GATEWAY })), null);
    assert.equal(permit(GATEWAY, run(0, 1, KIND.data, { sourceKey: randomBytes(32) })), 'source.other-key');
    assert.equal(permit(GATEWAY, run(0, 1, KIND.data, { source: 'spiffe://d/source/web-02' })), 'source.unknown');
    assert.equal(permit(GATEWAY, run(0, 1, KIND.data, { source: 'spiffe://d/service/vault' })), 'source.unknown');
    assert.equal(permit('spiffe://d/service/capture', run(0, 1)), 'source.foreign');
  });

  it('refuses a revoked source from that moment on', () => {
    registry = { ...registry, sources: { 'web-01': { ...enrolment, revokedAt: '2026-01-01T00:00:00Z' } } };
    assert.equal(permit(GATEWAY, run(0, 1)), 'source.revoked');
    assert.equal(permit(GATEWAY, run(1, 1, KIND.end)), null);
  });

  it('lets plain protocols name addresses alone', () => {
    const plain = { source: 'spiffe://d/source/plain-192.0.2.7', sourceKey: NO_KEY, protocol: 'syslog-udp' };
    assert.equal(permit(GATEWAY, run(0, 1, KIND.data, plain)), null);
    assert.equal(permit(GATEWAY, run(0, 1, KIND.data, { ...plain, protocol: 'syslog-tls' })), 'source.unknown');
    assert.equal(permit(GATEWAY, run(0, 1, KIND.data, { ...plain, source: 'spiffe://d/source/web-01' })), 'source.revoked');
  });
});

const deny = (): string => 'source.revoked';

function codes(of: Admission): unknown[] {
  return of.denials.map(({ number, code }) => [number, code]);
}

describe('what was denied', () => {
  it('is known to the next vault, from the cycle and from a snapshot', () => {
    const first = new Admission(GATEWAY, randomBytes(16), undefined);
    const producers = new Producers();
    producers.apply([first.admit(1, Buffer.alloc(0), [run(0, 1)], body('a'), 9n, deny)!.state]);
    producers.apply([first.admit(2, Buffer.alloc(0), [run(0, 1)], body('b'), 9n, everything)!.state]);
    producers.apply([first.admit(3, Buffer.alloc(0), [run(1, 1)], body('c'), 9n, deny)!.state]);
    const recovered = new Producers();
    recovered.apply(producers.states());
    for (const known of [producers, recovered]) {
      assert.deepEqual(codes(new Admission(GATEWAY, first.instance, known.find(first.instance))), [[1, 'source.revoked'], [3, 'source.revoked']]);
    }
  });

  it('is forgotten once it was heard, by the next vault too', () => {
    const first = new Admission(GATEWAY, randomBytes(16), undefined);
    const producers = new Producers();
    const admit = (number: number): void => producers.apply([first.admit(number, Buffer.alloc(0), [run(0, 1)], body('a'), 9n, deny)!.state]);
    for (const number of [1, 2, 3]) admit(number);
    first.heard(2);
    assert.deepEqual(codes(first), [[3, 'source.revoked']]);
    admit(4);
    const recovered = new Producers();
    recovered.apply(producers.states());
    for (const known of [producers, recovered]) {
      assert.deepEqual(codes(new Admission(GATEWAY, first.instance, known.find(first.instance))), [[3, 'source.revoked'], [4, 'source.revoked']]);
    }
  });
});

describe('what is kept of lives that ended', () => {
  it('is bounded: the oldest of many go, whoever goes on stays', () => {
    const producers = new Producers();
    const denials = Array.from({ length: 4096 }, () => ({ number: 1, stream, code: 'source.revoked' }));
    const lives = Array.from({ length: 320 }, (_, i) => ({ ...life('', BigInt(i)).state, streams: [], denials }));
    producers.apply(lives);
    producers.expire(1000n, (instance) => instance.equals(lives[0]!.instance));
    const kept = lives.map(({ instance }) => producers.find(instance) !== undefined);
    assert.deepEqual([kept[0], kept[1], kept.at(-1)], [true, false, true]);
    assert.ok(kept.filter(Boolean).length > 250);
  });
});
