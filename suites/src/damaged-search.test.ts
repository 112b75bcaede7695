// SPDX-License-Identifier: Apache-2.0
// A store with a damaged segment and damaged bundles of the log, searched from the command line: what can be read is found,
// what cannot is named.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RelpClient, startAppliance, type Appliance } from '@strongroom/testing';

const CONFIG = { deployment: 'damaged-search' };
/** Entries of a full bundle. */
const BUNDLE = 256;

/** Each text in a batch of its own. */
async function seal(appliance: Appliance, identity: string, texts: readonly string[]): Promise<void> {
  const client = new RelpClient({ address: appliance.addresses['relp-tls']!, identity, window: 1 });
  await client.send(texts.map((text) => `<13>1 2026-03-01T00:00:00Z web app - - - ${text}`));
  await client.settle();
  await client.close();
}

const numbered = (what: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${what} ${i} of them`);

interface Searched { readonly code: number | null; readonly found: string[]; readonly told: string }
async function searched(appliance: Appliance, text: string, ...options: string[]): Promise<Searched> {
  const { code, stdout, stderr } = await appliance.cli('search', text, '--source', 'web', ...options);
  return { code, found: stdout.split('\n').map((line) => new RegExp(`${text} \\d+ of them`).exec(line)?.[0]).filter((one) => one !== undefined), told: stderr };
}

function change(path: string, how: (bytes: Buffer) => Buffer): void {
  spawnSync('chattr', ['-i', '-a', path], { stdio: 'ignore' });
  writeFileSync(path, how(readFileSync(path)));
}

const flipped = (at: number) => (bytes: Buffer): Buffer => {
  bytes[at]! ^= 1;
  return bytes;
};

test('a search from the command line goes on behind damaged evidence, says what it was, and ends with 4', async () => {
  await using appliance = await startAppliance({ config: CONFIG });
  const identity = await appliance.enrol('web');
  await seal(appliance, identity, numbered('early', 40));
  const [first = ''] = readdirSync(appliance.paths.segments).toSorted();
  // The next life has a segment of its own.
  await appliance.halt();
  await appliance.start();
  await seal(appliance, identity, numbered('late', BUNDLE + 20));
  assert.equal((await appliance.until(({ log }) => log.size > BUNDLE, 'a full bundle')).log.size > BUNDLE, true);
  assert.deepEqual((await searched(appliance, 'early')).found, numbered('early', 40));
  assert.equal((await searched(appliance, 'late')).code, 0);

  // A segment: one octet in the middle of its frames.
  const segment = join(appliance.paths.segments, first);
  change(segment, flipped(Math.floor(readFileSync(segment).length / 2)));
  const early = await searched(appliance, 'early');
  assert.equal(early.code, 4, early.told);
  assert.ok(early.found.length > 0 && early.found.length < 40 && early.found.at(-1) === 'early 39 of them', String(early.found.length));
  assert.match(early.told, new RegExp(`could not be looked at:\n  ${first.slice(0, 16)}: .*\\[read\\.damaged\\]\n  do:  run "strongroom verify"`));
  const late = await searched(appliance, 'late');
  assert.deepEqual([late.code, late.found.length], [4, BUNDLE + 20]);

  // A bundle of the log: one octet of one entry, then the whole of it.
  const bundle = join(appliance.paths.log, 'tile/entries/000');
  const whole = readFileSync(bundle);
  change(bundle, (bytes) => flipped(bytes.lastIndexOf('\nfrom ') + 8)(bytes));
  const altered = await searched(appliance, 'late', '-o', 'jsonl');
  assert.equal(altered.code, 4);
  assert.equal(altered.found.length, BUNDLE + 20 - 1);
  assert.deepEqual((JSON.parse(altered.told) as { unread: { entries: number } }).unread.entries, 1);
  rmSync(bundle);
  const lost = await searched(appliance, 'late');
  assert.equal(lost.code, 4);
  assert.ok(lost.found.length > 0 && lost.found.at(-1) === `late ${BUNDLE + 19} of them`);
  assert.match(lost.told, /256 entries of the log could not be read.*\n {2}from 0: 256 entries: .*tile\/entries\/000 is missing \[vault\.log-damaged\]/);
  assert.deepEqual((await searched(appliance, 'late', '--reverse')).found, lost.found.toReversed());
  assert.equal((await appliance.cli('verify')).code, 3, 'what a search passes over is damage to whoever verifies');

  writeFileSync(bundle, whole);
  assert.equal((await searched(appliance, 'late')).found.length, BUNDLE + 20);
});
