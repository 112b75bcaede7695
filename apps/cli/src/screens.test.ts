// SPDX-License-Identifier: Apache-2.0
// Golden screens of verbs whose data comes from services.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askedSource, ItemRows, shortSource } from './items.ts';
import { memoryIo } from './memory-io.ts';
import { writeStream } from './output.ts';
import { progressLine } from './progress.ts';
import { shownLines, type Shown } from './verbs/show.ts';
import { sourceLines } from './verbs/sources.ts';
import { statusLines, troubleOf } from './verbs/status.ts';
import { tapRow } from './verbs/tap.ts';
import type { Item } from '@strongroom/evidence';
import type { Status } from '@strongroom/service';

const plain = (_: unknown, text: string): string => text;
const AT = BigInt(Date.parse('2026-09-21T14:13:20Z')) * 1_000_000n;
const ITEM: Item = {
  id: '42-7', receivedAt: '2026-09-21T14:13:19.123456Z', boundNs: 50_000, source: 'spiffe://strongroom-berlin/source/web-01', stream: '0'.repeat(32), sequence: 3,
  protocol: 'syslog-tls', peer: '192.0.2.7:40404', kind: 'data', raw: '<34>1 - web-01 sshd - - - Failed \u001b[31mpassword',
};
const STATUS: Status = {
  log: { origin: 'strongroom-berlin/log', size: 2400, rootHash: 'cm9vdA==', vkey: 'strongroom-berlin/log+0a1b2c3d+a2V5', checkpointAt: '2026-09-21T14:13:19.600Z' },
  records: 1_234_567, batches: 2345, bytes: 296_000_000, deployment: 'strongroom-berlin', home: '/srv/strongroom',
  services: [
    { name: 'supervisor', index: 0, pid: 100, state: 'running', reason: null, since: '2026-09-21T11:00:00Z' },
    { name: 'gateway', index: 0, pid: 101, state: 'running', reason: null, since: '2026-09-21T11:00:01Z' },
    { name: 'gateway', index: 1, pid: 12_345, state: 'running', reason: null, since: '2026-09-21T14:13:00Z' },
  ],
  listeners: [{ protocol: 'syslog-tls', address: '[::]:6514' }], separation: { kind: 'users', reason: null }, upkeep: null, custody: null, worm: { append: true, immutable: true, reason: null },
  witness: {
    size: 2398, at: '2026-09-21T14:13:18Z', by: ['hamburg', 'auditor'], unwitnessed: { ageMs: 1200, records: 40, bytes: 9000 }, since: null, compared: true,
    comparison: { of: 3, known: ['hamburg', 'auditor'], unknown: ['cloud'], ahead: [] },
  },
  timestamp: null, counter: null, clock: null, health: { ok: true, reason: null, degraded: null }, incidents: [], notes: [],
};

test('status: all is well', () => {
  assert.deepEqual(statusLines(STATUS, AT, plain), [
    'Strongroom is running. Nothing needs attention.', '',
    '  deployment  strongroom-berlin',
    '  sealed      1,234,567 records in 2,345 batches, 282 MiB',
    '  log         2,400 entries, checkpoint 400 ms old',
    '  root hash   cm9vdA==',
    '  key         strongroom-berlin/log+0a1b2c3d+a2V5',
    '  witnessed   2,398 entries, 2.0 s ago by hamburg, auditor; 40 records wait, the oldest commit for 1.2 s',
    '  compared    with 2 of 3 witnesses; new to cloud',
    '  separation  each service has a user of its own',
    '  home        /srv/strongroom', '',
    'SERVICE       PID  STATE         SINCE',
    'supervisor    100  running  3 h 13 min',
    'gateway       101  running  3 h 13 min',
    'gateway 2   12345  running        20 s', '',
    'LISTENER    ADDRESS',
    'syslog-tls  [::]:6514',
  ]);
});

const INCIDENT = { id: '1', service: 'capture', subject: 'audit', reason: 'overrun', from: '2026-09-21T14:00:00.000Z', to: '2026-09-21T14:00:03.500Z', count: 1200, uncounted: 0, openedAt: '2026-09-21T14:00:04.000Z', closedAt: null };

test('status: shows what was lost, from when to when, while it goes on and after', () => {
  const over = { ...INCIDENT, subject: 'ebpf', reason: 'not-watched', count: 0, uncounted: 1, closedAt: '2026-09-21T14:05:00.000Z' };
  const lines = statusLines({ ...STATUS, incidents: [INCIDENT, over, { ...over, count: 7 }, { ...over, uncounted: 0 }] }, AT, plain);
  assert.equal(lines[0], 'Strongroom needs attention: 1 open incident (audit overrun).');
  assert.deepEqual(lines.slice(-5), [
    'INCIDENT                 COUNT  FROM                      TO                        STATE',
    'audit: overrun           1,200  2026-09-21 14:00:00.000Z  2026-09-21 14:00:03.500Z  open',
    'ebpf: not-watched  not counted  2026-09-21 14:00:00.000Z  2026-09-21 14:00:03.500Z  over',
    'ebpf: not-watched   7 and more  2026-09-21 14:00:00.000Z  2026-09-21 14:00:03.500Z  over',
    'ebpf: not-watched            -  2026-09-21 14:00:00.000Z  2026-09-21 14:00:03.500Z  over',
  ]);
  assert.equal(statusLines({ ...STATUS, incidents: [over] }, AT, plain)[0], 'Strongroom is running. Nothing needs attention.');
  assert.equal(statusLines({ ...STATUS, incidents: Array.from({ length: 20 }, () => over) }, AT, plain).at(-1), 'and 8 more incidents (-o json has all)');
});

test('status: says that a comparison was none, and why', () => {
  const witness = { ...STATUS.witness!, compared: false, comparison: { of: 3, known: [], unknown: ['a'], ahead: ['b'] } };
  assert.ok(statusLines({ ...STATUS, witness }, AT, plain).includes('  compared    no quorum yet: with 0 of 3 witnesses; new to a; b names more than there is'));
});

function timestampLine(now: Status): string | undefined {
  return statusLines(now, AT, plain).find((one) => one.startsWith('  timestamped'));
}

test('status: says up to where timestamps reach, where an authority is configured', () => {
  const timestamp = { kept: 3, size: 2100, at: '2026-09-21T13:50:00Z', by: 'CN=Test \u001b[31mTSA', since: null };
  assert.equal(timestampLine({ ...STATUS, timestamp }), '  timestamped  2,100 entries, 23 min 20 s ago by CN=Test \\e[31mTSA');
  assert.equal(timestampLine({ ...STATUS, timestamp: { kept: 0, size: 0, at: null, by: null, since: null } }), '  timestamped  nothing yet');
});

const counterLine = (counter: Status['counter']): string | undefined => statusLines({ ...STATUS, counter }, AT, plain).find((one) => one.startsWith('  counter'));

test('status: says where the hardware counter stands, where one is configured', () => {
  assert.equal(counterLine(null), undefined);
  const counter = { kind: 'tpm', value: 1042, size: 2300, comparedAt: '2026-09-21T14:10:20Z', away: null } as const;
  assert.equal(counterLine(counter), '  counter     TPM at 1,042, stepped for 2,300 entries; compared 3 min ago');
  assert.equal(counterLine({ ...counter, value: null, comparedAt: null, away: 'no TPM: ENOENT' }), '  counter     TPM, not stepped yet; not compared since the start; does not answer: no TPM: ENOENT');
});

function custodyLine(custody: Status['custody']): string | undefined {
  return statusLines({ ...STATUS, custody }, AT, plain).find((one) => one.startsWith('  custody'));
}

test('status: says what there is of holds and orders, and nothing where there is none', () => {
  const none = { holds: 0, waiting: 0, destroying: 0, due: 0, failure: null };
  assert.equal(custodyLine({ ...none, holds: 1, waiting: 2, destroying: 1, due: 2 }), '  custody     1 legal hold in force, 2 buckets over their time, 2 orders waiting, 1 destruction under way');
  assert.equal(custodyLine(none), undefined);
});

test('status: says what needs attention, and what is missing', () => {
  const stalled = { ...STATUS, services: [{ ...STATUS.services[0]!, name: 'vault', pid: null, state: 'stalled', reason: 'the disk is full' }], notes: ['Separation is nominal: no root.'], log: null };
  assert.equal(troubleOf(stalled), 'vault is stalled (the disk is full)');
  const lines = statusLines(stalled, AT, plain);
  assert.equal(lines[0], 'Strongroom needs attention: vault is stalled (the disk is full).');
  assert.equal(lines.at(-1), '! Separation is nominal: no root.');
  assert.equal(troubleOf({ ...STATUS, health: { ok: false, reason: 'the last commit was long ago', degraded: null } }), 'the last commit was long ago');
  assert.equal(troubleOf({ ...STATUS, health: { ok: true, reason: null, degraded: 'unwitnessed since 2026-09-21T14:00:00Z' } }), 'unwitnessed since 2026-09-21T14:00:00Z');
  assert.ok(statusLines({ ...STATUS, witness: null }, AT, plain).includes('  witnessed   no witnesses configured'));
  const incidents = [INCIDENT, { ...INCIDENT, reason: 'not-read' }, { ...INCIDENT, subject: 'ebpf' }, { ...INCIDENT, subject: 'files' }, { ...INCIDENT, closedAt: '2026-09-21T14:05:00.000Z' }];
  assert.equal(troubleOf({ ...STATUS, incidents }), '4 open incidents (audit overrun, audit not-read, ebpf overrun, …)');
  assert.equal(troubleOf({ ...stalled, incidents: [INCIDENT] }), 'vault is stalled (the disk is full); 1 open incident (audit overrun)');
  assert.equal(troubleOf({ ...STATUS, incidents: [incidents.at(-1)!] }), null);
  assert.equal(troubleOf(STATUS), null);
});

test('show: the record, its receipt, where it is sealed', () => {
  const shown: Shown = {
    ...ITEM,
    receipt: { admittedAt: '2026-09-21T14:13:19.123999Z', asserter: 'spiffe://strongroom-berlin/service/gateway', instance: 'ab'.repeat(16), sourceKey: 'cd'.repeat(32), unreliable: true, mayRepeat: false, cut: { fullLength: 300_000, fullHash: 'ef'.repeat(32) } },
    batch: { kind: 'batch', records: 12, bytes: 4096, segment: '0000000000000003', frame: 5, root: 'cm9vdA==', key: 'wrap/default/2027-11' },
  };
  assert.deepEqual(shownLines(shown, (text) => text), [
    '<34>1 - web-01 sshd - - - Failed \\e[31mpassword', '',
    'Receipt',
    '  received  2026-09-21T14:13:19.123456Z  ± 50.0 µs',
    '  source    web-01  spiffe://strongroom-berlin/source/web-01',
    `  its key   ${'cd'.repeat(32)}`,
    '  by        syslog-tls from 192.0.2.7:40404',
    '  kind      data, by an unreliable transport',
    `  sent      293 KiB, the beginning of which is kept; SHA-256 of all ${'ef'.repeat(32)}`,
    `  stream    ${'0'.repeat(32)}, record 3`,
    `  asserted  by spiffe://strongroom-berlin/service/gateway, instance ${'ab'.repeat(16)}`,
    "  admitted  2026-09-21T14:13:19.123999Z  by the vault's own clock", '',
    'Sealed',
    '  id     42-7',
    '  batch  of 12 records, 4.0 KiB, in segment 0000000000000003, frame 5',
    '  root   cm9vdA==',
    '  key    wrap/default/2027-11', '',
    'To prove it to anybody: strongroom prove 42-7 --out proof-42-7.json',
  ]);
});

test('rows of records: whole where there is no terminal, one line each where there is one', () => {
  const row = '42-7      2026-09-21 14:13:19.123Z  web-01    <34>1 - web-01 sshd - - - Failed \\e[31mpassword';
  assert.equal(new ItemRows(memoryIo().out).row(ITEM), row);
  const rows = new ItemRows(memoryIo({ columns: 70 }).out);
  assert.equal(rows.row(ITEM), '42-7      2026-09-21 14:13:19.123Z  web-01    <34>1 - web-01 sshd - -…');
  assert.equal([...rows.row({ ...ITEM, raw: 'x'.repeat(300_000) })].length, 70);
  assert.match(rows.row({ ...ITEM, kind: 'gap', raw: '{}', source: 'spiffe://strongroom-berlin/service/vault' }), /service\/vault {2}\[gap\] \{\}$/);
  const { raw: _, ...bytes } = ITEM;
  assert.match(new ItemRows(memoryIo().out).row({ ...bytes, rawBase64: '//4=' }), /base64 \/\/4=$/);
  assert.match(tapRow({ skipped: 2 }, rows), /^… 2 records passed over/);
});

test('sources are short for people and whole for the vault', () => {
  assert.deepEqual(['spiffe://d/source/web-01', 'spiffe://d/service/vault', 'spiffe://d/reader/anna', 'web-01', 'spiffe://d/other/x\u001b'].map(shortSource), ['web-01', 'service/vault', 'reader/anna', 'web-01', 'spiffe://d/other/x\\e']);
  assert.deepEqual(['web-01', 'service/vault', 'spiffe://d/source/x'].map((one) => askedSource(one, 'd')), ['web-01', 'spiffe://d/service/vault', 'spiffe://d/source/x']);
});

test('sources: who is enrolled, and how to begin', () => {
  const enrolment = { id: 'spiffe://d/source/web-01', keyHash: 'ab'.repeat(32), serial: '01', enrolledAt: '2026-09-01T00:00:00.000Z', notAfter: '2027-09-01T00:00:00.000Z', revokedAt: null };
  assert.deepEqual(sourceLines([{ ...enrolment, name: 'web-01', role: 'source' }, { ...enrolment, name: 'anna', role: 'reader', revokedAt: '2026-09-02T00:00:00.000Z', reason: 'left\n' } as never]), [
    'NAME    ROLE    ENROLLED                  EXPIRES                   KEY (SHA-256)     STATE',
    'web-01  source  2026-09-01 00:00:00.000Z  2027-09-01 00:00:00.000Z  abababababababab  enrolled',
    'anna    reader  2026-09-01 00:00:00.000Z  2027-09-01 00:00:00.000Z  abababababababab  revoked 2026-09-02 00:00:00.000Z: left\\n',
  ]);
  assert.match(sourceLines([])[0]!, /strongroom enrol web-01/);
});

test('lists are one array, a value a line, or rows, also when they are empty', async () => {
  assert.deepEqual([await write('jsonl', [1, 2]), await write('table', [1, 2]), await write('jsonl', []), await write('table', [])], ['1\n2\n', '1\n2\n', '', '']);
  assert.deepEqual([JSON.parse(await write('json', [1, 2])), JSON.parse(await write('json', []))], [[1, 2], []]);
});

test('progress: a bar, the rate, and what is left once it can be told', () => {
  assert.equal(progressLine('verifying', 0, 4_194_304, 0), 'verifying ░░░░░░░░░░░░░░░░░░░░░░░░   0 %  0 B of 4.0 MiB  0 B/s');
  assert.equal(progressLine('verifying', 1_048_576, 4_194_304, 2000), 'verifying ██████░░░░░░░░░░░░░░░░░░  25 %  1.0 MiB of 4.0 MiB  512 KiB/s  6.0 s left');
  assert.equal(progressLine('copying', 5, 0, 10), 'copying ████████████████████████ 100 %  5 B of 0 B  500 B/s');
});

async function write(format: 'json' | 'jsonl' | 'table', values: readonly number[]): Promise<string> {
  const io = memoryIo();
  assert.equal(await writeStream({ format, io }, (async function* () { yield* values; })(), String), values.length);
  return io.written.out;
}
