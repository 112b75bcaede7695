// SPDX-License-Identifier: Apache-2.0
// A whole appliance and a time stamping authority outside it: what is kept, who can check it, and what happens when the
// authority does not answer.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Status, TimestampFacts } from '@strongroom/service';
import { eventually, startAppliance, TestTimestampAuthority, type Appliance } from '@strongroom/testing';

/** Polls the status until its facts of timestamps are as wished. */
async function until(appliance: Appliance, wished: (facts: TimestampFacts) => boolean, what: string): Promise<Status> {
  return (await appliance.until((status) => wished((status as unknown as Status).timestamp!), what)) as unknown as Status;
}

function opensslTakes(store: string, size: number, roots: string, data = join(store, `timestamps/${size}.checkpoint`)): boolean {
  return spawnSync('openssl', ['ts', '-verify', '-data', data, '-in', join(store, `timestamps/${size}.tsr`), '-CAfile', roots]).status === 0;
}

test('a log is stamped from outside, told when it is not, and what is kept is checked by anybody', async () => {
  await using authority = new TestTimestampAuthority('rsa');
  const url = await authority.listen();
  await using appliance = await startAppliance({ config: { witness: { timestamps: { url, ca: authority.caFile, intervalSeconds: 1 } } } });

  const { timestamp } = await until(appliance, ({ kept }) => kept >= 2, 'two timestamps');
  assert.equal(timestamp?.by, 'CN=Test TSA');
  const { store } = appliance.paths;
  const roots = join(appliance.home, 'roots.pem');
  writeFileSync(roots, authority.root.certificatePem);
  const verified = await appliance.cli('verify', '--tsa-ca', roots);
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  assert.match(verified.stdout, /^ {2}timestamps {2}(\d+) of \1 hold: entries 0–\d+ existed before .* ± 1\.5 s, says CN=Test TSA$/m);
  const sizes = readdirSync(join(store, 'timestamps')).filter((name) => name.endsWith('.tsr')).map((name) => Number.parseInt(name, 10)).toSorted((a, b) => a - b);
  const first = sizes[0]!;
  assert.ok(opensslTakes(store, first, roots));

  // The first record of all is covered by the first timestamp.
  const proof = await appliance.cli('prove', await firstRecord(appliance));
  const proven = await appliance.cliWith({ input: proof.stdout }, 'verify-proof', '-', '--tsa-ca', roots, '-o', 'json');
  assert.equal((JSON.parse(proven.stdout) as { timestamp: { size: number; authority: string } }).timestamp.size, first, proven.stdout + proven.stderr);

  authority.mood = 'failing';
  const out = await until(appliance, ({ since }) => since !== null, 'an authority that fails to be noticed');
  assert.equal(out.health.ok, true, 'sealing goes on');
  assert.match(out.health.degraded ?? '', /^untimestamped since 20/);
  assert.equal((await appliance.cli('status')).code, 4);
  authority.mood = 'well';
  await until(appliance, ({ since, kept }) => since === null && kept > out.timestamp!.kept, 'a timestamp by itself');
  const events = ['vault.timestamped', 'vault.untimestamped', 'vault.timestamped-again', 'witness.timestamp-failed', 'witness.timestamp-back'];
  const sealed = async (): Promise<string> => (await appliance.cli('search', 'timestamp', '--kind', 'event', '-o', 'jsonl')).stdout;
  await eventually(sealed, (all) => events.every((event) => all.includes(`\\"${event}\\"`)), `${events.join()} to be sealed`);

  const copy = join(appliance.home, 'copy');
  assert.equal((await appliance.cli('snapshot', copy)).code, 0);
  assert.ok(opensslTakes(copy, first, roots));
  const changed = join(appliance.home, 'changed');
  writeFileSync(changed, readFileSync(join(copy, `timestamps/${first}.checkpoint`), 'utf8').replace('\n', '!\n'));
  assert.ok(!opensslTakes(copy, first, roots, changed));
  const token = join(copy, `timestamps/${first}.tsr`);
  const bytes = readFileSync(token);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(token, bytes);
  const tampered = await appliance.cli('verify', '--store', copy, '--tsa-ca', roots);
  assert.equal(tampered.code, 3);
  assert.match(tampered.stdout, new RegExp(`^timestamp\\.token +timestamps/${first}\\.tsr`, 'm'));
  assert.ok(!opensslTakes(copy, first, roots));
});

test('the operator has one taken between intervals, and hears why there is none', async () => {
  await using authority = new TestTimestampAuthority();
  const url = await authority.listen();
  await using appliance = await startAppliance({ config: { witness: { timestamps: { url, ca: authority.caFile, intervalSeconds: 3600 } } } });
  await until(appliance, ({ kept }) => kept === 1, 'the first timestamp');
  const roots = join(appliance.home, 'roots.pem');
  writeFileSync(roots, authority.root.certificatePem);
  const first = (await taken(appliance)).size;

  const { code, stdout, stderr } = await appliance.cli('timestamp');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^The log is stamped\.\n {2}time {8}20\S+ \S+Z ± 1\.5 s\n {2}authority {3}CN=Test TSA\n {2}checkpoint {2}\d+ entries$/m);
  const second = await taken(appliance);
  assert.ok(second.size > first && Math.abs(Date.parse(second.at) - Date.now()) < 3_600_000);
  assert.ok(opensslTakes(appliance.paths.store, second.size, roots));
  const verified = await appliance.cli('verify', '--tsa-ca', roots);
  assert.match(verified.stdout, /^ {2}timestamps {2}4 of 4 hold/m, verified.stdout + verified.stderr);
  const { stdout: sealed } = await appliance.cli('search', 'timestamp-ordered', '--kind', 'event', '-o', 'jsonl');
  assert.ok(sealed.includes('supervisor.timestamp-ordered'));

  for (const [mood, said] of [['failing', 'witness.timestamp-status'], ['denying', 'witness.timestamp-answer'], ['flooding', 'witness.answer-too-long']] as const) {
    authority.mood = mood;
    const refused = await appliance.cli('timestamp');
    assert.equal(refused.code, 1, refused.stdout + refused.stderr);
    assert.ok(refused.stderr.includes(said), refused.stderr);
  }
  authority.mood = 'well';
  // What failed is still wished for, and comes by itself or with the next order.
  assert.ok((await taken(appliance)).size > second.size);
});

test('without an authority the order is refused', async () => {
  await using appliance = await startAppliance();
  const { code, stderr } = await appliance.cli('timestamp');
  assert.equal(code, 1, stderr);
  assert.match(stderr, /timestamp\.no-authority[^]*witness\.timestamps\.url is not configured/);
});

async function taken(appliance: Appliance): Promise<{ readonly size: number; readonly at: string }> {
  const { code, stdout, stderr } = await appliance.cli('timestamp', '-o', 'json');
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as { size: number; at: string };
}

/** The id of the vault's first record. */
async function firstRecord(appliance: Appliance): Promise<string> {
  const { stdout } = await appliance.cli('search', 'vault.started', '-o', 'jsonl');
  return (JSON.parse(stdout.split('\n')[0]!) as { id: string }).id;
}
