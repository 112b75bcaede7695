// SPDX-License-Identifier: Apache-2.0
// What pmc 3.1.1 (Debian 12) printed of a free-running slave and of a master, with software time stamps over a pair of virtual interfaces.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { boundBy } from '../bound/reference.ts';
import { Wander } from '../bound/wander.ts';
import { askPtp } from './follow.ts';
import { parsePmc } from './pmc.ts';
import { ptpReference } from './reference.ts';

const vector = (name: string): string => readFileSync(join(import.meta.dirname, '../../vectors', name), 'utf8');
const SLAVE = vector('pmc-3.1.1-slave.txt');

test('a report of a slave', () => {
  assert.deepEqual(parsePmc(SLAVE), {
    isMasterPresent: true, master: '12a52a.fffe.f29f81', masterOffsetNs: -17_243, meanPathDelayNs: 22_293, stepsRemoved: 1, ingressTime: '1795814316899360088', portState: 'UNCALIBRATED', timestamping: 'SOFTWARE',
    syncIntervalNs: 1.25e8, masterAccuracyNs: null, leap: 'none',
  });
});

test('the grandmaster has to be known to some accuracy, by itself or by the configuration', () => {
  const wander = new Wander();
  assert.match(String(ptpReference(parsePmc(SLAVE), null, 16_000, wander)), /does not say how accurate/);
  const reference = ptpReference(parsePmc(SLAVE), 100, 16_000, wander);
  assert.ok(typeof reference !== 'string');
  assert.deepEqual([reference.offsetNs, reference.rootDelayNs, reference.rootDispersionNs, reference.updatedAtNs], [17_243, 44_586, 2100, 1_795_814_316_899_360_088n]);
  const accurate = ptpReference(parsePmc(SLAVE.replace('0xfe', '0x21')), null, 0, wander);
  assert.ok(typeof accurate !== 'string' && accurate.rootDispersionNs === 100);
});

test('a master that is not heard of for a while leaves a bound that has grown since', () => {
  const drift = { oscillatorPpb: 1000, holdoverPpb: 15_000 };
  const reference = ptpReference(parsePmc(SLAVE), 100, 16_000, new Wander());
  assert.ok(typeof reference !== 'string');
  const [now, later] = [0n, 9_000_000_000n].map((ageNs) => Number(boundBy(reference, ageNs, drift).boundNs)) as [number, number];
  assert.ok(later - now >= 8.8 * 16_000, `${now} and ${later}`);
});

test('before the way was measured an offset of 0 says nothing', () => {
  const early = SLAVE.replace(/meanPathDelay\s+\S+/, 'meanPathDelay 0.0').replace('-17243', '0');
  assert.match(String(ptpReference(parsePmc(early), 100, 0, new Wander())), /has not measured the way/);
});

test('the clock of a network card is not this one', () => {
  for (const text of [SLAVE.replace('SOFTWARE', 'HARDWARE'), SLAVE.replace('timestamping', 'unheard')]) assert.match(String(ptpReference(parsePmc(text), 100, 0, new Wander())), /does not discipline this clock/);
});

/** What another port says. */
function port(number: number, state: string, stamps: string): string {
  return ['PORT_DATA_SET', 'PORT_PROPERTIES_NP'].map((set) =>
    `\te6597c.fffe.fdf1ea-${number} seq 9 RESPONSE MANAGEMENT ${set} \n\t\tportIdentity e6597c.fffe.fdf1ea-${number}\n\t\tportState ${state}\n\t\tlogSyncInterval 0\n\t\ttimestamping ${stamps}\n`).join('');
}

test('of several ports the one that follows counts', () => {
  const { portState, timestamping, syncIntervalNs } = parsePmc(`${SLAVE}${port(2, 'MASTER', 'HARDWARE')}`);
  assert.deepEqual([portState, timestamping, syncIntervalNs], ['UNCALIBRATED', 'SOFTWARE', 1.25e8]);
});

test('who follows nobody is no reference', () => {
  assert.match(String(ptpReference(parsePmc(vector('pmc-3.1.1-master.txt')), 100, 0, new Wander())), /follows no grandmaster/);
});

test('what no ptp4l tells is refused', () => {
  assert.throws(() => parsePmc(''), { code: 'ptp.missing' });
  assert.throws(() => parsePmc(SLAVE.replace('-17243', 'soon')), { code: 'ptp.number' });
  assert.throws(() => parsePmc('x'.repeat(2 ** 17)), { code: 'ptp.too-long' });
  for (const interval of ['127', '99999', '-128', '0.5']) assert.throws(() => parsePmc(SLAVE.replace(/logSyncInterval\s+\S+/, `logSyncInterval ${interval}`)), { code: 'ptp.number' }, interval);
  for (const time of ['1795814316899360088.5', '-1', '99999999999999999999']) assert.throws(() => parsePmc(SLAVE.replace(/ingress_time\s+\S+/, `ingress_time ${time}`)), { code: 'ptp.number' }, time);
});

test('nobody there to ask is an error that says where', async () => {
  await assert.rejects(askPtp({ program: '/nowhere/pmc', socket: '/nowhere/ptp4l', domain: 0 }, '/nowhere/own'), { code: 'ptp.away' });
});
