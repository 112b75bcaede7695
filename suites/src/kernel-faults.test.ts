// SPDX-License-Identifier: Apache-2.0
// What goes wrong between the kernel and the store, with buffers that hold next to nothing: each gap is told, with its reason
// and its time. (auditd and capture that end and come back: audit.test.ts. The long form is run by `npm run soak`.)
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { auditMissing, HostAudit, kernelAlone, type Appliance } from '@strongroom/testing';
import { AuditedHost } from './audited-host.ts';
import { auditSums, ebpfSums, type Kind, type Sums } from './kernel-sums.ts';
import { bothRead, probeMissing, sealedBy, settled, startBoth, Told } from './kernel.ts';
import { buildStorm, storm } from './storms/storm.ts';

const LONG_SECONDS = process.env['STRONGROOM_STOPPED_SECONDS'];
const STOPPED_MS = Number(LONG_SECONDS ?? 1) * 1000;
/** In `npm run soak` alone: what takes longest. */
const inSoak = LONG_SECONDS !== undefined;
/** More than fit into any buffer between the kernel and capture. */
const EXECS = 3000;

await kernelAlone();
const missing = auditMissing() || probeMissing() || buildStorm() || false;

/** An execution that was told this mark. */
const executed = (mark: string): Kind => (raw) => {
  const isOne = raw.startsWith('{"type":"exec",') ? raw.includes(`"quit","${mark}",`) : raw.includes(`a1="quit" a2="${mark}"`);
  return isOne ? 'exec' : null;
};

const summed = (origin: string, { numbers, sealed, lost }: Sums): string => `${origin}: ${numbers} numbers, ${sealed} sealed, ${lost} told as lost`;

function assertAccounted({ kinds, lost }: Sums): void {
  const found = kinds.get('exec') ?? 0;
  assert.ok(found < EXECS && EXECS <= found + lost, `${found} found, ${lost} told as lost, of ${EXECS}`);
}

/** What each origin made of a storm of executions, during which a process stood still. */
async function stormWhileStopped(appliance: Appliance, pid: number, t: TestContext): Promise<readonly Sums[]> {
  const mark = randomUUID();
  process.kill(pid, 'SIGSTOP');
  try {
    const until = delay(STOPPED_MS);
    assert.equal(storm(['execs', String(EXECS), mark])['execs'], EXECS);
    await until;
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await settled(appliance);
  const [ebpf, audit] = [await ebpfSums(appliance, executed(mark)), await auditSums(appliance, executed(mark))];
  for (const line of [summed('ebpf', ebpf), summed('audit', audit)]) t.diagnostic(line);
  return [ebpf, audit];
}

describe('kernel events while something is wrong', { skip: missing }, () => {
  let host: HostAudit;
  let appliance: Appliance;

  before(async () => {
    host = new HostAudit();
    appliance = await startBoth({ ringBytes: 32_768, holdBytes: 0, receiveBytes: 65_536 });
    host.limit('-b', 8192);
    host.enable();
    host.add('always,exit -F arch=b64 -S execve -F key=faults');
  });
  after(async () => {
    host.remove();
    await appliance.stop();
    host.restore();
  });

  const service = async (name: string) => (await appliance.status()).services.find((one) => one.name === name)!;

  it('are lost by number while capture stands still and no buffer holds them, and told by each origin when it goes on', async (t) => {
    const { pid } = await service('capture');
    for (const sums of await stormWhileStopped(appliance, pid!, t)) assertAccounted(sums);
    assert.equal((await service('capture')).pid, pid, 'nobody ended it');

    const told = await Told.by(appliance);
    const lost = told.of('ebpf.missing');
    assert.ok(lost.length > 0 && lost.every(({ reason, fromNs, toNs }) => reason === 'overrun' && BigInt(fromNs as string) < BigInt(toNs as string)));
    assert.ok(lost.some(({ type, count }) => type === 'exec' && Number(count) > 0));
    const holes = told.of('audit.missing');
    assert.ok(holes.every(({ reason, noticedFrom, noticedTo }) => reason === 'overrun' && (noticedFrom as string) <= (noticedTo as string)), JSON.stringify(holes));
    const overruns = told.of('audit.overrun');
    assert.ok(overruns.every(({ from, to, records }) => (from as string) <= (to as string) && Number(records) > 0));
  });

  it('are missing from eBPF while its probe was killed, from when to when is told, and the audit goes on', async () => {
    const mark = randomUUID();
    const { pid } = await service('ebpf-reader');
    process.kill(pid!, 'SIGKILL');
    for (let round = 0; round < 20; round += 1) storm(['execs', '10', mark]);
    await appliance.until(({ services }) => services.some((one) => one.name === 'ebpf-reader' && one.pid !== pid && one.state === 'running'), 'the probe to come back');
    while ((await Told.by(appliance)).of('ebpf.reading').length < 2) await delay(100);
    storm(['execs', '10', mark]);
    await settled(appliance);

    const told = await Told.by(appliance);
    const [gap] = told.of('ebpf.missing').filter(({ reason }) => reason === 'not-watched');
    assert.equal(gap!['count'], null, 'nobody counted');
    const [from, to] = [Number(gap!['fromNs']), Number(gap!['toNs'])];
    assert.ok(from < to);
    const times = (await sealedBy(appliance, 'ebpf', `"quit","${mark}",`)).map((raw) => (JSON.parse(raw) as { time: number }).time);
    assert.deepEqual(times.filter((time) => time > from && time < to), []);
    assert.ok(times.some((time) => time >= to));
    const { kinds, lost } = await auditSums(appliance, executed(mark));
    assert.ok(kinds.get('exec')! + lost >= 210 && kinds.get('exec')! > times.length, 'the other origin has what this one has not');
    assert.deepEqual([told.of('ebpf.probe-gone').length, told.of('reader.ended').length], [1, 1]);
  });

  if (inSoak) it('are missing while all of Strongroom is stopped: each number of the audit is told, and the time of eBPF', async (t) => {
    const mark = randomUUID();
    const before = (await Told.by(appliance)).of('ebpf.missing').length;
    assert.equal(await appliance.halt(), 0);
    const until = delay(STOPPED_MS);
    assert.equal(storm(['execs', String(EXECS), mark])['execs'], EXECS);
    await until;
    await appliance.start();
    await bothRead(appliance);
    storm(['execs', '10', mark]);
    await settled(appliance);
    const sums = await auditSums(appliance, executed(mark));
    t.diagnostic(summed('audit', sums));
    const { kinds, lost } = sums;
    const found = kinds.get('exec') ?? 0;
    assert.ok(found <= 10 && found + lost >= EXECS + 10, `${found} found, ${lost} told as lost`);
    const gaps = (await Told.by(appliance)).of('ebpf.missing').slice(before).filter(({ reason }) => reason === 'not-watched');
    assert.equal(gaps.length, 1);
    const [from, to] = [Number(gaps[0]!['fromNs']), Number(gaps[0]!['toNs'])];
    assert.ok(to - from >= STOPPED_MS * 1e6, `${to - from} ns`);
    const times = (await sealedBy(appliance, 'ebpf', `"quit","${mark}",`)).map((raw) => (JSON.parse(raw) as { time: number }).time);
    assert.ok(times.length <= 10 && times.every((time) => time >= to), 'nothing of that time is there');
  });
});

if (inSoak) describe('kernel events while capture stands still', { skip: missing }, () => {
  it('wait in the buffers that there are by default, and none is lost', async (t) => {
    const audited = new AuditedHost('stands-still');
    const { host } = audited;
    const appliance = await startBoth();
    try {
      host.limit('-b', 8192);
      host.enable();
      host.add('always,exit -F arch=b64 -S execve -F key=stands-still');
      const { pid } = (await appliance.status()).services.find(({ name }) => name === 'capture')!;
      for (const sums of await stormWhileStopped(appliance, pid!, t)) assert.deepEqual([sums.kinds.get('exec'), sums.lost], [EXECS, 0]);
    } finally {
      await audited.end(appliance);
    }
  });
});
