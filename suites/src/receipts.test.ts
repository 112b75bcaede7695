// SPDX-License-Identifier: Apache-2.0
// What producers can hold against us: receipts with each answer, and a list of what they sent.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { openCheckpoint, parseVkey } from '@strongroom/evidence';
import { RelpClient, Rsyslog, rsyslogMissing, startAppliance, type Appliance } from '@strongroom/testing';

const texts = (what: string, count: number): string[] => Array.from({ length: count }, (_, i) => `<13>1 2026-03-01T00:00:0${i % 10}Z ${what} app - - - line ${i}`);

describe('receipts', () => {
  it('tell a RELP client that offers them where each record lies and under which checkpoint, and others see nothing of them', async () => {
    await using appliance = await startAppliance();
    const [address, identity] = [appliance.addresses['relp-tls']!, await appliance.enrol('careful')];
    const careful = new RelpClient({ address, identity, window: 64, receipts: 2 });
    const plain = new RelpClient({ address, identity, window: 64 });
    await Promise.all([careful.send(texts('careful', 200)), plain.send(texts('plain', 200))]);
    await Promise.all([careful.settle(), plain.settle()]);
    assert.match(careful.offered, /\nstrongroom_receipts=2$/);
    assert.doesNotMatch(plain.offered, /receipts/);
    assert.deepEqual([careful.receipts.length, plain.receipts.length, plain.acked.length], [200, 0, 200]);
    const { log } = await appliance.status();
    for (const { text, origin, id, size } of [...careful.receipts.slice(0, 3), ...careful.receipts.slice(-3)]) {
      assert.equal(origin, log.origin);
      assert.ok(Number(id.split('-')[0]) < size);
      // The status is as old as the vault's last figures.
      await appliance.until((status) => size <= status.log.size, 'the status to know of the record');
      const { stdout, stderr } = await appliance.cli('show', id, '-o', 'json');
      assert.equal((JSON.parse(stdout) as { raw: string }).raw, text, stderr);
    }
    // Each comes with what the log's key signed when it was committed: from then on the sender is a witness of the log.
    const vkey = (await appliance.cli('vkey')).stdout.trim();
    for (const { checkpoint, size } of careful.receipts) assert.ok(openCheckpoint(checkpoint, parseVkey(vkey)).size >= size);
    const kept = join(appliance.home, 'kept-by-the-sender.note');
    writeFileSync(kept, careful.receipts.at(-1)!.checkpoint);
    const compared = await appliance.cli('verify', '--checkpoint', kept);
    assert.equal(compared.code, 0, compared.stdout + compared.stderr);
    await Promise.all([careful.close(), plain.close()]);
  });

  it('and lists of ids, hashes and lines are held against the log, as producers have them', { skip: rsyslogMissing() ?? false }, async () => {
    await using appliance = await startAppliance();
    const directory = mkdtempSync(join(tmpdir(), 'strongroom-lists-'));
    const list = join(directory, 'list');
    try {
      const identity = await appliance.enrol('web-01');
      const client = new RelpClient({ address: appliance.addresses['relp-tls']!, identity, window: 64, receipts: 1 });
      const sent = [...texts('web-01', 100), ...texts('web-01', 3)];
      await client.send(sent);
      await client.settle();
      await client.close();

      writeFileSync(list, client.receipts.map(({ origin, id, size }) => `strongroom ${origin} ${id} ${size}\n`).join(''));
      assert.deepEqual(await reconciled(appliance, 0, list), ['ids', 103, 0]);
      appendFileSync(list, 'strongroom x/log 1-99999 1\n');
      assert.deepEqual(await reconciled(appliance, 3, list), ['ids', 103, 1]);

      // As `sha256sum` prints them, of files that hold a message each; one of them was never sent.
      const files = ['never sent', ...sent.slice(0, 5)].map((text, i) => { const file = join(directory, `message-${i}`); writeFileSync(file, text); return file; });
      writeFileSync(list, spawnSync('sha256sum', files).stdout);
      assert.deepEqual(await reconciled(appliance, 3, list), ['hashes', 5, 1]);

      // A log file that rsyslog sends, and of which it never saw two lines: one of them stands in it twice.
      const enrolled = await appliance.enrol('rsyslog');
      const rsyslog = new Rsyslog(join(directory, 'rsyslog'), join(enrolled, 'rsyslog-relp.conf'));
      rsyslog.start();
      const lines = Array.from({ length: 500 }, (_, i) => `session ${i % 400} opened for ärger ${'x'.repeat(i % 50)}`);
      rsyslog.write(lines.filter((_, i) => i !== 7 && i !== 450));
      const log = join(directory, 'app.log');
      writeFileSync(log, lines.map((line) => `${line}\n`).join(''));
      const lost = join(directory, 'lost');
      while ((await appliance.cli('reconcile', log, '--source', 'rsyslog', '--missing', lost, '-o', 'json')).stdout.includes('"found":498') === false) await delay(500);
      await rsyslog.stop();
      assert.equal(readFileSync(lost, 'utf8'), `${lines[7]}\n${lines[450]}\n`);
      const { code, stdout } = await appliance.cli('reconcile', log);
      assert.equal(code, 3);
      assert.match(stdout, /^MISSING {2}2 of 500 lines on the list are not in the log\.\n[^]*\n408: session 7 opened/);
      assert.equal((await appliance.cliWith({ input: lines.slice(0, 7).join('\n') }, 'reconcile', '-')).code, 0);
      assert.match((await appliance.cli('search', '"verb":"reconcile"', '--kind', 'event')).stdout, /vault\.reading/);

      const snapshot = join(directory, 'snapshot');
      assert.equal((await appliance.cli('snapshot', snapshot)).code, 0);
      assert.deepEqual(await reconciled(appliance, 3, log, '--store', snapshot, '--source', 'rsyslog'), ['lines', 498, 2]);
      const local = join(directory, 'socket');
      const none = await appliance.cli('reconcile', local);
      assert.deepEqual([none.code, /file\.enoent/.test(none.stderr)], [1, true]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

async function reconciled(appliance: Appliance, code: number, ...args: string[]): Promise<[string, number, number]> {
  const done = await appliance.cli('reconcile', ...args, '-o', 'json');
  assert.equal(done.code, code, done.stderr);
  const { as, found, missing } = JSON.parse(done.stdout) as { as: string; found: number; missing: number };
  return [as, found, missing];
}
