// SPDX-License-Identifier: Apache-2.0
// What was dark is worked out and sealed at the next start: a stop in order, and one of everything at once.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Item } from '@strongroom/evidence';
import { decodeCoverage, SourceWatch, type CoverageRecord, type DarkZone } from '@strongroom/service/coverage';
import { eventually, RelpClient, startAppliance, type Appliance, type CommandResult } from '@strongroom/testing';

async function sealed(appliance: Appliance): Promise<CoverageRecord[]> {
  const ask = (): Promise<CommandResult> => appliance.cli('search', '--protocol', 'coverage', '--kind', 'data', '-o', 'jsonl');
  let [{ code, stdout, stderr }, tries] = [await ask(), 0];
  for (; stderr.includes('rpc.unreachable') && tries < 100; tries += 1) ({ code, stdout, stderr } = await ask()); // the vault is coming back
  assert.equal(code, 0, stderr);
  return stdout.split('\n').filter((line) => line !== '').map((line) => decodeCoverage((JSON.parse(line) as Item).raw!)!);
}

describe('dark zones', () => {
  it('tells a stop in order, a silent source, a gateway and a vault that were gone, and a crash of the whole product apart', async () => {
    await using appliance = await startAppliance({ config: { supervisor: { heartbeatSeconds: 1 } } });
    const identity = await appliance.enrol('web-01');
    const asked = Date.now();
    await appliance.halt();
    writeFileSync(appliance.paths.habits, talkative('web-01'));
    const halted = Date.now();
    await appliance.start();

    await appliance.tells('incident.opened', '"subject":"source web-01"', '"reason":"silent"');
    const client = new RelpClient({ address: appliance.addresses['relp-tls']!, identity, window: 1 });
    await client.send(['<13>1 - - web - - - here I am again']);
    await client.settle();
    await client.close();
    // The gateway tells each second what came: of one that is killed before nobody hears it.
    await eventually(() => sealed(appliance), (all) => all.some((record) => record.type === 'heard' && record.source === 'web-01'), 'web-01 to be heard');
    for (const service of ['gateway', 'vault'] as const) {
      const gone = await killed(appliance, service);
      assert.deepEqual([gone.cause, gone.confidence, gone.toNs > gone.fromNs], ['service-crash', 'certain', true], service);
    }

    const before = (await sealed(appliance)).findLast((record) => record.type === 'heartbeat')!;
    await appliance.crash();
    const crashed = Date.now();
    await appliance.start();

    const { all } = await zoneSince(appliance, before.wallNs);
    const zones = all.filter((record) => record.type === 'dark-zone').map(({ zone }) => ({ ...zone, fromMs: Number(zone.fromNs / 1_000_000n), toMs: Number(zone.toNs / 1_000_000n) }));
    const [stop, crash] = [zones[0]!, zones.at(-1)!];
    assert.deepEqual([stop.cause, stop.confidence, crash.cause, crash.confidence], ['clean-shutdown', 'certain', 'service-crash', 'certain'], JSON.stringify(zones, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)));
    assert.ok(stop.fromMs >= asked && stop.fromMs <= halted && stop.toMs >= halted, `${stop.fromMs} to ${stop.toMs}: stopped from ${asked} to ${halted}`);
    assert.ok(crash.fromNs >= before.wallNs && crash.fromMs <= crashed && crash.toMs >= crashed, `${crash.fromMs} to ${crash.toMs}: crashed at ${crashed}`);
    const { lastSealed } = all.findLast((record) => record.type === 'dark-zone')!.facts;
    assert.ok(lastSealed !== null && lastSealed.timeNs > before.wallNs && crash.fromNs === lastSealed.timeNs, 'it begins at the last that was sealed');
    assert.ok(crash.beganByNs !== null && crash.beganByNs > crash.fromNs);
    assert.equal((await appliance.cli('show', lastSealed.id)).code, 0);
    const lives = Map.groupBy(all.filter((record) => record.type === 'heartbeat'), ({ life }) => life);
    assert.equal(lives.size, 3);
    for (const beats of lives.values()) assert.deepEqual(beats.map(({ number }) => number), beats.map((_, index) => index + 1), 'no heartbeat is missing');
    const [silent, heard] = [all.find((record) => record.type === 'silent'), all.findLast((record) => record.type === 'heard' && record.source === 'web-01')];
    assert.deepEqual([silent?.source, silent?.cause, silent?.confidence], ['web-01', 'silent-source', 'weak']);
    assert.equal(heard?.type === 'heard' && heard.silence?.fromNs, silent?.fromNs);
    const answer = await appliance.cli('coverage', '--since', '1h', '-o', 'json');
    assert.equal(answer.code, 0, answer.stderr);
    const { appliance: covered, sources } = JSON.parse(answer.stdout) as { appliance: { share: number; gaps: { cause: string }[] }; sources: { source: string; gaps: { cause: string }[] }[] };
    assert.deepEqual(covered.gaps.map(({ cause }) => cause), zones.map(({ cause }) => cause));
    assert.ok(covered.share > 0 && covered.share < 1);
    assert.deepEqual(sources.find(({ source }) => source === 'web-01')?.gaps.map(({ cause }) => cause), ['silent-source']);
    assert.match((await appliance.cli('coverage', '--since', '1h', '-o', 'svg')).stdout, /^<svg .*service crash: /s);
    assert.equal((await appliance.cli('verify', '-o', 'json')).code, 0);
  });
});

/** Kills the service, and hands back what was sealed of the time in which it was gone. */
async function killed(appliance: Appliance, service: 'gateway' | 'vault'): Promise<DarkZone> {
  const before = BigInt(Date.now()) * 1_000_000n;
  await appliance.kill(service);
  await appliance.until(({ services }) => services.every(({ state }) => state === 'running'), `${service} to come back`);
  return (await zoneSince(appliance, before)).zone;
}

/** A zone is sealed soon after there is light again, and so is all that was before. */
async function zoneSince(appliance: Appliance, fromNs: bigint): Promise<{ readonly zone: DarkZone; readonly all: readonly CoverageRecord[] }> {
  for (let tries = 0; tries < 100; tries += 1) {
    const all = await sealed(appliance);
    const zone = all.findLast((record) => record.type === 'dark-zone')?.zone;
    if (zone !== undefined && zone.fromNs >= fromNs) return { zone, all };
  }
  throw new assert.AssertionError({ message: 'no dark zone was sealed' });
}

/** What is known of a source that was heard each minute for eight days, and for nearly three minutes not. */
function talkative(source: string): Buffer {
  const watch = new SourceWatch({ seal: () => undefined, silent: () => undefined, heard: () => undefined });
  const look = (ms: number, minutes: number, events: number): void => watch.look({
    now: { boot: '', life: '', bootNs: 0n, monotonicNs: 0n, wallNs: BigInt(ms) * 1_000_000n, boundNs: null }, minutes, counts: new Map([[source, { events, connections: 0 }]]), linkDown: false,
  });
  const end = Date.now();
  for (let minute = 8 * 1440; minute >= 0; minute -= 1) look(end - minute * 60_000, 1, 100_000 - minute);
  look(end, 2.98, 100_000);
  return Buffer.from(watch.save());
}
