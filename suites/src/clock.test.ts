// SPDX-License-Identifier: Apache-2.0
// The whole appliance beside a real chronyd: what is sealed carries the bound, and what befalls the clock is sealed. This machine's own
// clock is the truth that the servers tell.
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { nowNs } from '@strongroom/service';
import { Chronyd, chronycProgram, chronyMissing, eventually, RelpClient, startAppliance, type Appliance } from '@strongroom/testing';

const PORT = 20_000 + (process.pid % 10_000);
const LINE = '<13>1 2026-03-01T00:00:00Z web app - - - line';

interface Sealed {
  readonly id: string;
  readonly receivedAt: string;
  readonly boundNs: number | null;
  readonly raw: string;
}

interface Clock {
  readonly now: { readonly state: string; readonly boundNs: number | null; readonly sources: readonly { readonly name: string; readonly verdict: string }[]; readonly checks: readonly { readonly name: string; readonly offsetNs: number; readonly errorNs: number }[] };
  readonly producers: readonly { readonly source: string; readonly state: string; readonly skewNs: number }[];
}

/** Null while nobody answers, or has looked yet: skew-guard is being started again. */
async function clockOf(appliance: Appliance): Promise<Clock | null> {
  const clock = JSON.parse((await appliance.cli('clock', '-o', 'json')).stdout || 'null') as { readonly now: Clock['now'] | null; readonly producers: Clock['producers'] } | null;
  return clock === null || clock.now === null ? null : { now: clock.now, producers: clock.producers };
}

const HOUR_MS = 3_600_000;

async function clockUntil(appliance: Appliance, wished: (now: Clock['now']) => boolean, what: string): Promise<Clock> {
  return (await eventually(() => clockOf(appliance), (clock) => clock !== null && wished(clock.now), what))!;
}

async function found(appliance: Appliance, ...query: readonly string[]): Promise<Sealed[]> {
  const { stdout, stderr, code } = await appliance.cli('search', ...query, '-o', 'json');
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Sealed[];
}

/** RFC 3339 with nine digits at most, in nanoseconds. */
const nanoseconds = (text: string): bigint => Temporal.Instant.from(text).epochNanoseconds;

describe('the clock', { skip: chronyMissing() ?? false }, () => {
  it('gives each receipt its bound while it is measured, and none once nothing can be said', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'strongroom-clock-'));
    chmodSync(directory, 0o755);
    const program = join(directory, 'chronyc');
    copyFileSync(chronycProgram(), program);
    chmodSync(program, 0o755);
    try {
      await using _ = new Chronyd({ serve: { address: '127.0.0.2', port: PORT }, lines: ['local stratum 1'] });
      await using chronyd = new Chronyd({ commandPort: PORT + 1, lines: [`server 127.0.0.2 port ${PORT} iburst minpoll -2 maxpoll 0`] });
      await using appliance = await startAppliance({ config: { clock: { enabled: true, holdoverHours: 0, checks: [`127.0.0.2:${PORT}`], checkSeconds: 4, producerSeconds: 3, chrony: { program, port: PORT + 1 } } } });
      const { now } = await clockUntil(appliance, ({ state }) => state === 'locked', 'the clock to be locked');
      assert.deepEqual(now.sources.map(({ name, verdict }) => [name, verdict]), [['127.0.0.2', 'selected']]);
      const { now: { checks: [check] } } = await clockUntil(appliance, ({ checks }) => checks.length > 0, 'a second opinion');
      assert.ok(check!.name === `127.0.0.2:${PORT}` && Math.abs(check!.offsetNs) <= check!.errorNs, JSON.stringify(check));
      const identity = await appliance.enrol('web-01');
      const client = new RelpClient({ address: appliance.addresses['relp-tls']!, identity, window: 16 });
      await using cleanup = new AsyncDisposableStack();
      cleanup.defer(() => client.close());
      const earlier = nowNs();
      // Services look for a new anchor about once a second.
      const send = async (text: string): Promise<Sealed[]> => {
        await client.send([text]);
        await client.settle();
        return found(appliance, '--source', 'web-01', text);
      };
      const records = (await eventually(() => send(LINE), (all) => all.some(({ boundNs }) => boundNs !== null), 'a record to carry a bound')).filter(({ boundNs }) => boundNs !== null);
      for (const { receivedAt, boundNs } of records) {
        const [at, bound] = [nanoseconds(receivedAt), BigInt(boundNs!)];
        assert.ok(at + bound >= earlier && at - bound <= nowNs(), `${receivedAt} ± ${boundNs}`);
      }
      assert.match((await appliance.cli('show', records[0]!.id)).stdout, /received +\S+ +± [\d.]+ (ns|µs|ms)/);
      // The vault's own records too: each reading is one.
      await eventually(() => found(appliance, '--source', 'service/vault'), (all) => all.some(({ boundNs }) => boundNs !== null), 'a record of the vault to carry a bound');
      await eventually(() => found(appliance, '--source', 'service/skew-guard'), (all) => all.some(({ raw }) => raw.includes('"clock.locked"')), 'clock.locked to be sealed');

      // Whoever sends goes by a clock that is an hour behind.
      const hourAgo = (): string => `<13>1 ${new Date(Date.now() - HOUR_MS).toISOString()} web app - - - line`;
      const { producers: [producer] } = (await eventually(async () => { await client.send([hourAgo()]); return clockOf(appliance); }, (clock) => clock?.producers[0]?.state === 'behind', 'a producer to be behind'))!;
      assert.ok(producer!.source === 'web-01' && Math.abs(producer!.skewNs / 1e6 + HOUR_MS) < 60_000, JSON.stringify(producer));
      const off = await eventually(() => found(appliance, '--source', 'service/skew-guard', '"clock.producer-off"'), (all) => all.length > 0, 'that to be sealed');
      assert.equal(off.length, 1);

      // A guard that is killed comes back; whether in time for its last anchor is a matter of the machine.
      await appliance.kill('skew-guard');
      await eventually(() => found(appliance, '--source', 'service/skew-guard', '"clock.started"'), (all) => all.length > 1, 'the next life of skew-guard');
      await clockUntil(appliance, ({ state }) => state === 'locked', 'the clock to be locked again');

      // A discipline that is gone, where no holdover is allowed: nothing can be said, nothing stops, and that is sealed.
      await chronyd.kill();
      await clockUntil(appliance, ({ boundNs }) => boundNs === null, 'the bound to be gone');
      assert.equal(existsSync(appliance.paths.anchor), false);
      assert.equal((await appliance.cli('clock')).code, 4);
      await eventually(() => send(`${LINE} without a bound`), (all) => all.some(({ boundNs }) => boundNs === null), 'a record without a bound');
      const sealed = async (): Promise<string[]> => (await found(appliance, '--source', 'service/skew-guard')).map(({ raw }) => (JSON.parse(raw) as { event: string }).event);
      await eventually(sealed, (all) => ['clock.started', 'clock.reference-away', 'clock.state', 'clock.bound-limit'].every((event) => all.includes(event)), 'all of it to be sealed');
      assert.equal((await appliance.cli('verify')).code, 0);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
