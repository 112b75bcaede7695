// SPDX-License-Identifier: Apache-2.0
// What pmc 3.1.1 (Debian 12) printed of a free-running slave and of a master, with software time stamps over a pair of virtual interfaces.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Wander } from '../bound/wander.ts';
import { askPtp } from './follow.ts';
import { parsePmc } from './pmc.ts';
import { ptpReference } from './reference.ts';

const vector = (name: string): string => readFileSync(join(import.meta.dirname, '../../vectors', name), 'utf8');
const SLAVE = vector('pmc-3.1.1-slave.txt');

test('a report of a slave', () => {
  assert.deepEqual(parsePmc(SLAVE), {
    isMasterPresent: true, master: '9a21a4.fffe.096141', masterOffsetNs: -591, meanPathDelayNs: 1998, stepsRemoved: 1, ingressTime: '1795800072254513485', portState: 'UNCALIBRATED',
    syncIntervalNs: 2.5e8, masterAccuracyNs: null, leap: 'none',
  });
});

test('the grandmaster has to be known to some accuracy, by itself or by the configuration', () => {
  const wander = new Wander();
  assert.match(String(ptpReference(parsePmc(SLAVE), null, 16_000, wander)), /does not say how accurate/);
  const reference = ptpReference(parsePmc(SLAVE), 100, 16_000, wander);
  assert.ok(typeof reference !== 'string');
  assert.deepEqual([reference.offsetNs, reference.rootDelayNs, reference.rootDispersionNs, reference.updatedAtNs], [591, 3996, 4100, 1_795_800_072_254_513_485n]);
  const accurate = ptpReference(parsePmc(SLAVE.replace('0xfe', '0x21')), null, 0, wander);
  assert.ok(typeof accurate !== 'string' && accurate.rootDispersionNs === 100);
});

test('before the way was measured an offset of 0 says nothing', () => {
  const early = SLAVE.replace(/meanPathDelay\s+\S+/, 'meanPathDelay 0.0').replace('-591', '0');
  assert.match(String(ptpReference(parsePmc(early), 100, 0, new Wander())), /has not measured the way/);
});

test('who follows nobody is no reference', () => {
  assert.match(String(ptpReference(parsePmc(vector('pmc-3.1.1-master.txt')), 100, 0, new Wander())), /follows no grandmaster/);
});

test('what no ptp4l tells is refused', () => {
  assert.throws(() => parsePmc(''), { code: 'ptp.missing' });
  assert.throws(() => parsePmc(SLAVE.replace('-591', 'soon')), { code: 'ptp.number' });
  assert.throws(() => parsePmc('x'.repeat(2 ** 17)), { code: 'ptp.too-long' });
});

test('nobody there to ask is an error that says where', async () => {
  await assert.rejects(askPtp({ program: '/nowhere/pmc', socket: '/nowhere/ptp4l', domain: 0 }, '/nowhere/own'), { code: 'ptp.away' });
});
