// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { makeEvent } from '@strongroom/service';
import { EventLog, terminalLine } from './event-log.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'strongroom-events-'));
  path = join(directory, 'events.log');
});
afterEach(() => rmSync(directory, { recursive: true }));

test('all events go into the file, warnings and errors to the terminal', async () => {
  const printed: string[] = [];
  const log = new EventLog(path, (line) => printed.push(line));
  log.add(makeEvent('vault', 'test.info', 'info'));
  log.add(makeEvent('vault', 'test.warn', 'warn', { a: 1 }));
  await log.close();
  assert.deepEqual(readFileSync(path, 'utf8').trim().split('\n').map((line) => (JSON.parse(line) as { event: string }).event), ['test.info', 'test.warn']);
  assert.equal(printed.length, 1);
  assert.match(printed[0]!, /warn vault test\.warn a=1\n$/);
});

test('a flood of one kind is counted on the terminal and kept in the file', async () => {
  const printed: string[] = [];
  const log = new EventLog(path, (line) => printed.push(line));
  for (let i = 0; i < 20; i += 1) log.add(makeEvent('gateway', 'test.refused', 'warn', { i }));
  log.add(makeEvent('gateway', 'test.other', 'warn'));
  await log.close();
  assert.equal(printed.length, 7);
  assert.match(printed.at(-1)!, /15 more/);
  assert.equal(readFileSync(path, 'utf8').trim().split('\n').length, 21);
});

test('a full file is set aside once', async () => {
  writeFileSync(path, Buffer.alloc(16 * 1024 * 1024, 'x'));
  const log = new EventLog(path);
  log.add(makeEvent('vault', 'test.info', 'info'));
  await log.close();
  assert.ok(existsSync(`${path}.1`));
  assert.ok(statSync(path).size < 1000);
});

test('what a peer sent cannot move the cursor', () => {
  const line = terminalLine(makeEvent('gateway', 'test', 'warn', { name: 'a\u001b[2Jb\nc', number: 1 }));
  // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
  assert.ok(!/[\u0000-\u001f]/.test(line));
});
