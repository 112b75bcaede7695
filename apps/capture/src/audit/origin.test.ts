// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FLAG, KIND, NO_KEY } from '@strongroom/evidence';
import { Feed } from '../feed.ts';
import { LocalStream } from '../stream.ts';
import { lostOf } from '../sums.ts';
import { helloFrame, linesFrame, lostFrame, noteFrame, recordsFrame, statusFrame, syscallRecords, type Frame, type Sent } from '../testing/audit-frames.ts';
import { SealedLine } from '../testing/sealed-line.ts';
import { decodeToken, type Position } from '../token.ts';
import { AuditOrigin } from './origin.ts';
import { Own } from './own.ts';

const boot = 'c4f591bd-85de-4bf1-b443-196190be7b3b';
const refused = (code: string) => ({ name: 'Refused', code });
const settled = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
const stamp = (serial: number): string => `audit(1700000000.001:${serial})`;
const change = (serial: number, text: string): Sent => ({ type: 1305, text: `${stamp(serial)}: ${text}` });

const ownRecords = (serial: number): Sent[] => [
  { type: 1300, text: `${stamp(serial)}: syscall=82 success=yes ppid=77 pid=80 key="deletion"` },
  { type: 1302, text: `${stamp(serial)}: item=0 name="/srv/strongroom/store/x"` }, { type: 1320, text: `${stamp(serial)}: ` },
];

class Life {
  readonly line = new SealedLine();
  readonly origin: AuditOrigin;
  readonly feed: Feed;

  constructor(last: Partial<Position> = {}) {
    this.feed = new Feed(this.line, { boot, kmsg: null, audit: null, cursor: null, ...last }, () => assert.fail('denied'));
    const stream = new LocalStream({ id: 'spiffe://test/service/capture', keyHash: NO_KEY }, 'audit', () => undefined);
    this.origin = new AuditOrigin({ feed: this.feed, stream, say: () => undefined, recordBytesMax: 4096, own: new Own({ supervisor: 77, homes: ['/srv/strongroom'] }) }, 0);
  }

  take(...frames: Frame[]): this {
    for (const { kind, payload } of frames) this.origin.frame(kind, payload);
    void this.feed.drain();
    return this;
  }

  /** Serials of the sealed events, in order. */
  get serials(): number[] {
    return this.line.texts('audit').map((text) => Number(/:(\d+)\)/.exec(text)?.[1]));
  }

  events(name: string): Record<string, unknown>[] {
    return this.line.events().filter(({ event }) => event === name).map(({ fields }) => fields);
  }

  async position(): Promise<Position> {
    await settled();
    return decodeToken(this.line.token)!;
  }
}

function assertBalanced({ origin, feed }: Life): void {
  const fields = origin.ledger.fields(feed.tally('audit'), null, null) as Record<string, number>;
  const { produced, events, own, late, daemon, unstamped, beside, received, sealed, denied, waiting, lost } = fields;
  assert.equal(lost, fields['lostOverrun']! + fields['lostNotRead']! + fields['lostKernel']! + fields['lostAuditd']! + fields['lostUnseen']!);
  assert.equal(produced, events! + own! + lost!);
  assert.equal(produced! + beside!, received! + own! + lost!);
  assert.equal(events! + late! + daemon! + unstamped!, received);
  assert.equal(received, sealed! + denied! + waiting!);
}

describe('audit origin', () => {
  it('seals an event as its lines, each as the kernel wrote it', async () => {
    const life = new Life().take(helloFrame(), recordsFrame(0, syscallRecords(7)));
    await settled();
    assert.deepEqual(life.line.texts('audit'), [syscallRecords(7).map(({ type, text }) => `type=${type === 1300 ? 'SYSCALL' : type === 1309 ? 'EXECVE' : 'EOE'} msg=${text}`).join('\n')]);
    assert.deepEqual(life.events('audit.began'), [{ serial: 7, boot }]);
    assertBalanced(life);
  });

  it('joins what interleaves over frames, and gives out what has no end when it is quiet', async () => {
    const [a, b] = [syscallRecords(1), syscallRecords(2)];
    const life = new Life().take(
      helloFrame(), recordsFrame(0, [a[0]!, b[0]!], { drained: false }), recordsFrame(9000, [b[1]!, a[1]!, b[2]!, change(3, 'op=set audit_enabled=1 old=0 auid=0 res=1')], { drained: false }),
      recordsFrame(9001, [a[2]!]), recordsFrame(12_000, []),
    );
    await settled();
    assert.deepEqual(life.serials, [2, 1, 3]);
    assert.deepEqual(life.events('audit.incomplete'), []);
    assert.deepEqual(life.events('audit.changed'), [{ serial: 3, op: 'set', audit_enabled: '1', old: '0', auid: '0', res: '1' }]);
    assertBalanced(life);
  });

  it('tells which events never came, how many, why, and about when', async () => {
    const life = new Life().take(helloFrame(), recordsFrame(0, [...syscallRecords(10), ...syscallRecords(13), ...syscallRecords(15), ...syscallRecords(14)]), recordsFrame(6000, []));
    await settled();
    assert.deepEqual(life.events('audit.missing'), [{ count: 2, reason: 'unseen', noticedFrom: '2023-11-14T22:13:20.000Z', noticedTo: '2023-11-14T22:13:20.000Z', ranges: 1, serials: '11-12', boot }]);
    assert.equal(lostOf(life.feed.tally('audit')), 2);
    assertBalanced(life);
  });

  it('puts down what is missing to a full buffer, or to the kernel, when those say so', async () => {
    const overrun = new Life().take(helloFrame(), recordsFrame(0, syscallRecords(1)), lostFrame(14));
    const at = Number(process.hrtime.bigint() / 1_000_000n);
    overrun.take(recordsFrame(at, syscallRecords(4)), recordsFrame(at + 6000, []));
    await settled();
    assert.deepEqual(overrun.events('audit.missing').map(({ count, reason }) => [count, reason]), [[2, 'overrun']]);
    assert.deepEqual(overrun.events('audit.overrun'), [{ records: 14, from: '2023-11-14T22:13:20.000Z', to: '2023-11-14T22:13:21.000Z' }]);
    assert.equal(overrun.origin.ledger.droppedRecords, 14);
    const kernel = new Life().take(helloFrame(), statusFrame(), recordsFrame(at, syscallRecords(1)), statusFrame({ lost: 3 }), recordsFrame(at, syscallRecords(3)), recordsFrame(at + 6000, []));
    await settled();
    assert.deepEqual(kernel.events('audit.missing').map(({ reason }) => reason), ['kernel']);
    assert.deepEqual(kernel.events('audit.kernel-lost').map(({ records, total }) => [records, total]), [[3, 3]]);
    for (const life of [overrun, kernel]) assertBalanced(life);
  });

  it('tells of events that lack records', async () => {
    const [syscall, , eoe] = syscallRecords(1);
    const life = new Life().take(helloFrame(), recordsFrame(0, [eoe!, ...syscallRecords(2)]), recordsFrame(1, [{ ...syscall!, text: syscall!.text.replace(':1)', ':3)') }]), recordsFrame(9000, []));
    await settled();
    assert.deepEqual(life.events('audit.incomplete').map(({ serials }) => serials), ['1', '3']);
    assertBalanced(life);
  });

  it('goes on in the next life with exactly what was not sealed', async () => {
    const life = new Life().take(helloFrame(), recordsFrame(0, [...syscallRecords(1), syscallRecords(2)[0]!, ...syscallRecords(3)]));
    const last = await life.position();
    assert.deepEqual(last.audit, { next: 4, missing: [{ from: 2, to: 2 }] });
    const next = new Life(last);
    const again = { drained: false, again: true };
    next.take(helloFrame(), recordsFrame(0, [...syscallRecords(1), ...syscallRecords(2).slice(0, 1), ...syscallRecords(3)], again), recordsFrame(1, [...syscallRecords(2).slice(1), ...syscallRecords(4)]), recordsFrame(9000, []));
    assert.deepEqual((await next.position()).audit, { next: 5, missing: [] });
    assert.deepEqual(next.serials, [2, 4]);
    assert.equal(next.line.texts('audit')[0]!.split('\n').length, 3);
    assert.deepEqual([next.origin.ledger.repeatedRecords, next.events('audit.missing')], [6, []]);
    assertBalanced(next);
  });

  it('counts what came while nobody read as not read', async () => {
    const life = new Life({ audit: { next: 100, missing: [{ from: 98, to: 98 }] } }).take(helloFrame(), recordsFrame(0, syscallRecords(105)), recordsFrame(6000, []));
    await settled();
    assert.deepEqual(life.events('audit.missing').map(({ count, reason, serials }) => [count, reason, serials]), [[6, 'not-read', '98 100-104']]);
    life.origin.end('it was killed');
    life.take(helloFrame(), recordsFrame(7000, syscallRecords(107)), recordsFrame(14_000, []));
    await settled();
    assert.deepEqual(life.events('audit.missing').slice(1).map(({ count, reason }) => [count, reason]), [[1, 'not-read']]);
    assertBalanced(life);
  });

  it('gives out what is open when the reader goes, and what comes of it later as late', async () => {
    const [syscall, execve, eoe] = syscallRecords(1);
    const life = new Life().take(helloFrame(), recordsFrame(0, [syscall!]));
    life.origin.end('it was killed');
    life.take(helloFrame(), recordsFrame(1, [execve!, eoe!]));
    await settled();
    assert.deepEqual(life.serials, [1, 1]);
    assert.deepEqual([life.origin.ledger.events, life.origin.ledger.incomplete], [1, 1]);
    assertBalanced(life);
  });

  it('keeps a record without a stamp, and of a long event its beginning and its hash', async () => {
    const long = { type: 1123, text: `${stamp(1)}: msg='${'x'.repeat(5000)}'` };
    const life = new Life().take(helloFrame(), recordsFrame(0, [{ type: 1300, text: 'no stamp' }, long]));
    await settled();
    const [plain, cut] = life.line.records().filter(({ run }) => run.kind <= 1);
    assert.equal(plain!.raw.toString(), 'type=SYSCALL msg=no stamp');
    assert.deepEqual([cut!.raw.length, cut!.run.cut!.fullLength], [4096, BigInt(`type=USER_CMD msg=${long.text}`.length)]);
    assertBalanced(life);
  });

  it('takes what auditd writes to a plugin, wherever its octets are cut', async () => {
    const daemon = 'type=DAEMON_START msg=audit(1700000000.001:5731): op=start ver=3.0.9 pid=77 res=success\n';
    const text = `${daemon}${[...syscallRecords(1), ...syscallRecords(2)].map(({ type, text: octets }) => `type=${type === 1300 ? 'SYSCALL' : type === 1309 ? 'EXECVE' : 'EOE'} msg=${octets}\n`).join('')}`;
    for (const cut of [1, 13, 50, text.length]) {
      const life = new Life().take(helloFrame(1));
      for (let at = 0; at < text.length; at += cut) life.take(linesFrame(at, text.slice(at, at + cut), { drained: false }));
      await settled();
      assert.deepEqual(life.serials, [5731, 1, 2]);
      assert.equal(life.line.texts('audit').join('\n'), text.slice(0, -1));
      assert.deepEqual(life.events('audit.daemon').map(({ type, op, pid }) => [type, op, pid]), [['DAEMON_START', 'start', '77']]);
      assert.equal((await life.position()).audit!.next, 3, "auditd's own serials are not the kernel's");
      assertBalanced(life);
    }
  });

  it("marks what it cannot know again after a restart, auditd's own above all, and nothing else", async () => {
    const daemon = 'type=DAEMON_START msg=audit(1700000000.001:5731): op=start\n';
    const kernel = syscallRecords(2).map(({ type, text }) => `type=${type === 1300 ? 'SYSCALL' : type === 1309 ? 'EXECVE' : 'EOE'} msg=${text}\n`).join('');
    const life = new Life({ audit: { next: 2, missing: [] } }).take(helloFrame(1), linesFrame(0, `${daemon}no stamp\n${kernel}`, { again: true }), linesFrame(1, daemon.replace('5731', '5732')));
    await settled();
    const flags = life.line.records().filter(({ run }) => run.kind === KIND.data).map(({ run, raw }) => [/:(\d+)\)/.exec(raw.toString())?.[1], run.flags & FLAG.mayRepeat]);
    assert.deepEqual(flags, [['5731', FLAG.mayRepeat], [undefined, FLAG.mayRepeat], ['2', 0], ['5732', 0]]);
    assertBalanced(life);
  });

  it('knows which events it had', async () => {
    const life = new Life().take(helloFrame(), recordsFrame(0, [...syscallRecords(10), ...syscallRecords(13)]), recordsFrame(6000, []));
    await settled();
    assert.deepEqual([5, 10, 11, 12, 13, 14].map((serial) => life.origin.isHad(serial)), [false, true, false, false, true, false]);
    assert.equal(new Life({ audit: { next: 10, missing: [{ from: 8, to: 8 }] } }).origin.isHad(7), true);
  });

  it('tells what others change, and when the count of lost records was set back', async () => {
    const life = new Life().take(helloFrame(), statusFrame({ lost: 5 }), statusFrame({ lost: 5 }), statusFrame({ lost: 5, pid: 900, backlogLimit: 64 }));
    life.take(recordsFrame(0, [change(1, 'op=set lost=0 old=9 auid=1000 ses=2 res=1')]), recordsFrame(9000, []), statusFrame({ lost: 1, pid: 900, backlogLimit: 64 }));
    life.take(statusFrame({ lost: 0, pid: 900, backlogLimit: 64 }), statusFrame({ lost: 2 ** 32 - 2, pid: 900, backlogLimit: 64 }), statusFrame({ lost: 1, pid: 900, backlogLimit: 64 }));
    await settled();
    assert.equal(life.events('audit.status').length, 1);
    assert.deepEqual(life.events('audit.status-changed'), [{ pidFrom: 0, pidTo: 900, backlogLimitFrom: 8192, backlogLimitTo: 64 }]);
    assert.deepEqual(life.events('audit.lost-reset'), [{ from: 9, to: 1, recorded: true }, { from: 1, to: 0, recorded: false }]);
    assert.deepEqual(life.events('audit.lost-wrapped'), [{ from: 2 ** 32 - 2, to: 1 }]);
    assert.deepEqual(life.events('audit.kernel-lost').map(({ records }) => records), [5, 2 ** 32 - 2, 3]);
  });

  it('counts our own work, and seals it not', async () => {
    const life = new Life().take(helloFrame(), recordsFrame(0, [...syscallRecords(1), ...ownRecords(2), ...ownRecords(3), ...syscallRecords(4)]), recordsFrame(9000, []));
    assert.deepEqual((await life.position()).audit, { next: 5, missing: [] });
    assert.deepEqual([life.serials, life.origin.ledger.own, life.events('audit.missing')], [[1, 4], 2, []]);
    assertBalanced(life);
  });

  it('refuses a reader that does not speak as agreed', async () => {
    const life = new Life();
    assert.throws(() => life.take(recordsFrame(0, [])), refused('audit.frame'));
    life.take(helloFrame(), noteFrame(1, 'status not read'));
    assert.throws(() => life.take(helloFrame()), refused('audit.frame'));
    assert.throws(() => life.take({ kind: 99, payload: Buffer.alloc(0) }), refused('audit.frame'));
    assert.throws(() => life.take({ kind: 1, payload: recordsFrame(0, syscallRecords(1)).payload.subarray(0, -1) }), refused('audit.frame'));
    assert.throws(() => life.take({ kind: 4, payload: Buffer.concat([statusFrame().payload, Buffer.alloc(1)]) }), refused('bytes.trailing'));
    assert.throws(() => new Life().take({ kind: 0, payload: Buffer.concat([Buffer.from([2]), helloFrame().payload.subarray(1)]) }), refused('audit.frame'));
    await settled();
    assert.deepEqual(life.events('audit.note'), [{ errno: 1, text: 'status not read' }]);
  });

  it('balances its sums through loss, repeats, late records and restarts', async () => {
    let state = 5;
    const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
    let life = new Life().take(helloFrame());
    const seen = new Set<string>();
    let serial = 1;
    for (let round = 0, at = 0; round < 400; round += 1, at += random(4000)) {
      const records: Sent[] = [];
      for (let count = random(6); count > 0; count -= 1, serial += 1 + (random(8) === 0 ? random(4) : 0)) records.push(...syscallRecords(serial).filter(() => random(12) > 0));
      if (random(20) === 0) records.push({ type: 1300, text: 'no stamp' });
      if (random(10) === 0 && serial > 9) records.push(syscallRecords(serial - random(8))[1]!);
      life.take(recordsFrame(at, records, { drained: random(3) > 0, again: random(5) === 0 }));
      if (random(40) === 0) {
        life.origin.end('a test');
        life = new Life(await life.position()).take(helloFrame());
      }
      if (random(10) === 0) life.origin.seal();
      await settled();
      assertBalanced(life);
      for (const name of ['late', 'unstamped', 'incomplete', 'repeatedRecords'] as const) if (life.origin.ledger[name] > 0) seen.add(name);
      if (life.origin.ledger.lostEvents > 0) seen.add('lost');
    }
    for (const reason of ['late', 'unstamped', 'incomplete', 'repeatedRecords', 'lost']) assert.ok(seen.has(reason), reason);
  });
});
