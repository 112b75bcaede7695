// SPDX-License-Identifier: Apache-2.0
// Real masters and one that follows them. All read this machine's clock, so the truth is an offset of 0, and what is measured is error.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { PtpNetwork, pmcProgram, ptpMissing } from '@strongroom/testing';
import { boundBy, type Reference } from '../bound/reference.ts';
import { Wander } from '../bound/wander.ts';
import { askPtp } from './follow.ts';
import { ptpReference } from './reference.ts';

const DRIFT = { oscillatorPpb: 1000, holdoverPpb: 15_000 };
const MASTER_NS = 100;
const SAMPLES = 20;

/** Asks who follows; each reference that there is must hold the truth: a wall clock that is right. */
class Watch {
  readonly #network: PtpNetwork;
  readonly #wander = new Wander();

  constructor(network: PtpNetwork) {
    this.#network = network;
  }

  async look(): Promise<Reference | string> {
    const report = await askPtp({ program: pmcProgram(), socket: this.#network.socket, domain: 0 }, join(this.#network.directory, 'own')).catch(() => null);
    if (report === null) return 'away';
    const reference = ptpReference(report, MASTER_NS, DRIFT.oscillatorPpb + DRIFT.holdoverPpb, this.#wander);
    if (typeof reference === 'string') return reference;
    const { boundNs, isHoldover } = boundBy(reference, 0n, DRIFT);
    assert.ok(!isHoldover && boundNs > BigInt(MASTER_NS + Math.abs(reference.offsetNs)) && boundNs < 100_000_000n, String(boundNs));
    assert.ok(reference.rootDelayNs > 0);
    return reference;
  }

  /** Until it is as wished. */
  async until(wished: (found: Reference | string) => boolean): Promise<Reference | string> {
    for (;;) {
      const found = await this.look();
      if (wished(found)) return found;
      await delay(50);
    }
  }

  /** So many references, each by a measurement of its own. */
  async references(count: number): Promise<Reference[]> {
    const found = new Map<string, Reference>();
    while (found.size < count) {
      const reference = await this.until((one) => typeof one !== 'string' && !found.has(one.update)) as Reference;
      found.set(reference.update, reference);
    }
    return [...found.values()];
  }
}

const masterOf = ({ update }: Reference): string => update.split(' ')[0]!;

test('whoever follows a master has a bound, none while packets are lost or once the master is gone, and one again in between', { skip: ptpMissing() ?? false }, async () => {
  await using network = new PtpNetwork();
  const watch = new Watch(network);
  await watch.references(SAMPLES);
  network.cut(true);
  await watch.until((found) => typeof found === 'string');
  network.cut(false);
  await watch.references(SAMPLES);
  await network.loseMaster();
  assert.match(String(await watch.until((found) => typeof found === 'string')), /follows no grandmaster/);
});

test('a change of the master is another measurement, and the bound holds before and after it', { skip: ptpMissing() ?? false }, async () => {
  await using network = new PtpNetwork(2);
  const watch = new Watch(network);
  const [first] = await watch.references(3);
  await network.loseMaster();
  const second = await watch.until((found) => typeof found !== 'string' && masterOf(found) !== masterOf(first!)) as Reference;
  await watch.references(3);
  network.masterAgain();
  const third = await watch.until((found) => typeof found !== 'string' && masterOf(found) !== masterOf(second)) as Reference;
  assert.equal(masterOf(third), masterOf(first!));
});
