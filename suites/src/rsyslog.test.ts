// SPDX-License-Identifier: Apache-2.0
// A real rsyslog with the configuration that `strongroom enrol` writes: what it sends is found, byte for byte, in order.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Item } from '@strongroom/evidence';
import { Rsyslog, rsyslogMissing, startAppliance, type Appliance } from '@strongroom/testing';

const MESSAGES = 20_000;
/** How many seconds long a host goes on logging before what is missing counts as lost. */
const NEXT_MESSAGES = 180;
const missing = rsyslogMissing();
const skip = missing ?? false;

function messages(name: string, count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, at) => from + at).map((i) => `${name} ${i} user=alice${i % 97} session opened from 192.0.2.${i % 251} ${'x'.repeat(i % 180)}`);
}

async function found(appliance: Appliance, source: string, ...options: string[]): Promise<Item[]> {
  const { code, stdout, stderr } = await appliance.cli('search', '--source', source, '--kind', 'data', '-o', 'jsonl', ...options);
  assert.equal(code, 0, stderr);
  return stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Item);
}

/** Polls until so many different texts of a source are sealed; ends with what there is when no more come. */
async function settled(appliance: Appliance, source: string, count: number): Promise<Item[]> {
  for (let last = -1, still = 0; ; ) {
    const items = await found(appliance, source);
    still = items.length === last ? still + 1 : 0;
    if (new Set(texts(items)).size >= count || still > 40) return items;
    last = items.length;
    await delay(500);
  }
}

/** What rsyslog put in front ends before the text that was written. */
function texts(items: readonly Item[]): string[] {
  return items.map(({ raw }) => /^<134>1 \S+ \S+ suite - - - ?(.*?)\n?$/s.exec(raw!)?.[1]?.trimStart() ?? `unexpected: ${raw}`);
}

describe('rsyslog', { skip }, () => {
  let appliance: Appliance;
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-rsyslog-'));
  const running: Rsyslog[] = [];

  const start = async (source: string, file: string): Promise<Rsyslog> => {
    const enrolled = await appliance.enrol(source);
    const rsyslog = new Rsyslog(join(directory, `${source}-${file}`), join(enrolled, file));
    running.push(rsyslog);
    rsyslog.start();
    return rsyslog;
  };

  /** What is not sealed of the first `count` messages, of a host that logs one more every second; ends when nothing is. */
  const missingWhileItLogs = async (rsyslog: Rsyslog, source: string, count: number): Promise<readonly string[]> => {
    for (let more = 0; ; more++) {
      rsyslog.write(messages(source, 1, count + more));
      const seen = new Set(texts(await found(appliance, source)));
      const missing = messages(source, count).filter((text) => !seen.has(text));
      if (missing.length === 0 || more === NEXT_MESSAGES) return missing;
      await delay(1000);
    }
  };

  before(async () => { appliance = await startAppliance(); });
  after(async () => {
    for (const rsyslog of running) await rsyslog.stop();
    await appliance.stop();
    rmSync(directory, { recursive: true });
  });

  for (const [file, source, protocol] of [['rsyslog.conf', 'tls-01', 'syslog-tls'], ['rsyslog-relp.conf', 'relp-01', 'relp-tls']] as const) {
    it(`sends by ${protocol} what is then found, whole and in order`, async () => {
      const rsyslog = await start(source, file);
      const sent = messages(source, MESSAGES);
      rsyslog.write(sent);
      const items = await settled(appliance, source, MESSAGES);
      assert.deepEqual(texts(items), sent, rsyslog.output);
      for (const item of items) assert.equal(item.protocol, protocol);
      assert.equal(new Set(items.map(({ stream }) => stream)).size, 1);
      assert.deepEqual(items.map(({ sequence }) => sequence), sent.map((_, i) => i));
      await rsyslog.stop();
      const ends = await appliance.cli('search', '--source', source, '--kind', 'end', '-o', 'jsonl');
      const end = JSON.parse((JSON.parse(ends.stdout.split('\n')[0]!) as Item).raw!) as { records: number };
      assert.equal(end.records, MESSAGES);
    });
  }

  it('keeps what it cannot send while the appliance restarts, and sends it with the next message', async () => {
    const source = 'relp-02';
    const rsyslog = await start(source, 'rsyslog-relp.conf');
    rsyslog.write(messages(source, 500));
    await settled(appliance, source, 500);
    const { services } = await appliance.status();
    // Stopped first, so that rsyslog has sent what nobody read: with nothing more to send it would wait for ever.
    process.kill(services.find(({ name }) => name === 'gateway')!.pid!, 'SIGSTOP');
    rsyslog.write(messages(source, 500, 500));
    const killed = await appliance.kill('gateway');
    await appliance.until((now) => now.services.every(({ state, pid }) => state === 'running' && !killed.includes(pid!)), 'another gateway');
    // It sends again what it has not read an answer for: each message at least once, none missing.
    const missing = await missingWhileItLogs(rsyslog, source, 1000);
    assert.deepEqual(missing, [], rsyslog.output);
    const gaps = await appliance.cli('search', source, '--kind', 'gap', '-o', 'jsonl');
    assert.equal(gaps.code, 0);
  });

  it('leaves a store that verifies', async () => {
    const { code, stdout } = await appliance.cli('verify', '-o', 'json');
    assert.equal(code, 0, stdout);
    const verdict = JSON.parse(stdout) as { ok: boolean; failures: unknown[]; records: number };
    assert.deepEqual(verdict.failures, []);
    assert.ok(verdict.ok && verdict.records > 2 * MESSAGES);
  });
});
