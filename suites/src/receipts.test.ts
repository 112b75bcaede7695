// SPDX-License-Identifier: Apache-2.0
// What producers can hold against us: receipts with each answer, and a list of what they sent.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RelpClient, startAppliance } from '@strongroom/testing';

const texts = (what: string, count: number): string[] => Array.from({ length: count }, (_, i) => `<13>1 2026-03-01T00:00:0${i % 10}Z ${what} app - - - line ${i}`);

describe('receipts', () => {
  it('tell a RELP client that offers them where each record lies, and others see nothing of them', async () => {
    await using appliance = await startAppliance();
    const [address, identity] = [appliance.addresses['relp-tls']!, await appliance.enrol('careful')];
    const careful = new RelpClient({ address, identity, window: 64, receipts: true });
    const plain = new RelpClient({ address, identity, window: 64 });
    const [kept, others] = [texts('careful', 200), texts('plain', 200)];
    await Promise.all([careful.send(kept), plain.send(others)]);
    await Promise.all([careful.settle(), plain.settle()]);
    assert.match(careful.offered, /\nstrongroom_receipts=1$/);
    assert.doesNotMatch(plain.offered, /receipts/);
    assert.deepEqual([careful.receipts.length, plain.receipts.length, plain.acked.length], [200, 0, 200]);
    const { log } = await appliance.status();
    for (const { text, origin, id, size } of [...careful.receipts.slice(0, 3), ...careful.receipts.slice(-3)]) {
      assert.equal(origin, log.origin);
      assert.ok(Number(id.split('-')[0]) < size && size <= (await appliance.status()).log.size);
      const { stdout, stderr } = await appliance.cli('show', id, '-o', 'json');
      assert.equal((JSON.parse(stdout) as { raw: string }).raw, text, stderr);
    }
    await Promise.all([careful.close(), plain.close()]);
  });
});
