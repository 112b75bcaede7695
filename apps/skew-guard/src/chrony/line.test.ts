// SPDX-License-Identifier: Apache-2.0
// A chronyc that stays: a real one beside a real chronyd, and one that behaves as the real one cannot be made to.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Chronyd, chronycProgram, chronyMissing } from '@strongroom/testing';
import { ChronyLine } from './line.ts';

const skip = chronyMissing() ?? false;
const SAID = readFileSync(join(import.meta.dirname, '../../vectors/chrony-4.3-falseticker.csv'), 'utf8');

/** `answers`: a shell's words, run for each line that is asked, with it in $asked. */
function line(t: TestContext, answers: string, patienceMs?: number): { line: ChronyLine; started: () => number[] } {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-chronyc-'));
  const program = join(directory, 'chronyc');
  writeFileSync(join(directory, 'said'), SAID);
  writeFileSync(program, `#!/bin/sh\ncd '${directory}'\necho $$ >> started\nwhile read -r asked; do\n${answers}\ndone\nrm -f socket\n`, { mode: 0o755 });
  const one = new ChronyLine({ program, address: '127.0.0.1', port: 323 }, patienceMs);
  t.after(async () => {
    one.close();
    await ended(started());
    rmSync(directory, { recursive: true });
  });
  const started = (): number[] => readFileSync(join(directory, 'started'), 'utf8').trim().split('\n').map(Number);
  return { line: one, started };
}

async function ended(pids: readonly number[]): Promise<void> {
  while (pids.some(isThere)) await delay(20);
}

function isThere(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

const WHOLE = '[ "$asked" != activity ] || { cat said; echo 1,0,0,0,0; }';

test('one is started, and asked for each look', async (t) => {
  const { line: chrony, started } = line(t, WHOLE);
  for (let i = 0; i < 5; i += 1) assert.equal((await chrony.ask()).sources.length, 5);
  assert.equal(started().length, 1);
});

test('one that died between two looks is not waited for', async (t) => {
  const { line: chrony, started } = line(t, WHOLE);
  await chrony.ask();
  process.kill(started()[0]!, 'SIGKILL');
  await ended(started());
  assert.equal((await chrony.ask()).sources.length, 5);
  assert.equal(started().length, 2);
});

test('one that dies in the middle of an answer is followed by another, whose answer alone counts', async (t) => {
  const { line: chrony, started } = line(t, `[ "$asked" != activity ] || { head -c 300 said; [ -e twice ] || { [ ! -e once ] || { : > twice; exit; }; : > once; }; tail -c +301 said; echo 1,0,0,0,0; }`);
  for (let i = 0; i < 2; i += 1) assert.equal((await chrony.ask()).sources.length, 5);
  assert.equal(started().length, 2);
});

test('one that hangs costs its patience and no more, and its late answer is never taken for the next', async (t) => {
  const { line: chrony, started } = line(t, `[ "$asked" != activity ] || { [ -e hung ] || { : > hung; head -c 300 said; sleep 0.4; }; cat said; echo 1,0,0,0,0; }`, 200);
  await assert.rejects(chrony.ask(), { code: 'chrony.away' });
  const pids = started();
  assert.equal((await slow(chrony)).sources.length, 5);
  assert.equal(started().length, pids.length + 1);
});

/** With a patience that is short for the sake of the test, a slow machine may need more than one. */
async function slow(chrony: ChronyLine): ReturnType<ChronyLine['ask']> {
  return await chrony.ask().catch(async () => await slow(chrony));
}

test('one that does not go by itself is ended', async (t) => {
  const { line: chrony, started } = line(t, 'trap "" TERM INT; [ -e never ] || while :; do sleep 0.1; done', 50);
  await assert.rejects(chrony.ask(), { code: 'chrony.away' });
  await ended(started());
});

test('more than any chronyd says is not gathered', async (t) => {
  const { line: chrony } = line(t, 'yes 1,2,3', 60_000);
  await assert.rejects(chrony.ask(), ({ code, why }: { code: string; why: string }) => code === 'chrony.away' && why.includes('more than any'));
});

test('rows that no chronyd prints are refused, and the next look begins anew', async (t) => {
  const { line: chrony, started } = line(t, '[ "$asked" != activity ] || { [ -e once ] && cat said || echo 1,2,3; : > once; echo 1,0,0,0,0; }');
  await assert.rejects(chrony.ask(), { code: 'chrony.row' });
  assert.equal((await chrony.ask()).sources.length, 5);
  assert.equal(started().length, 2);
});

test('whoever closes it is not waited for, and starts nothing more', async (t) => {
  const { line: chrony, started } = line(t, '[ ! -e once ] || sleep 1; [ "$asked" != activity ] || { : > once; cat said; echo 1,0,0,0,0; }', 60_000);
  await chrony.ask();
  const asked = assert.rejects(chrony.ask(), { code: 'chrony.away' });
  chrony.close();
  await asked;
  assert.equal(started().length, 1);
});

test('a chronyd that was started again is found at once, and no socket is left behind', { skip }, async () => {
  await using server = new Chronyd({ lines: ['local stratum 1'] });
  await server.synchronised();
  const place = { program: chronycProgram(), address: server.socket, port: 0 };
  const chrony = new ChronyLine(place);
  assert.equal((await chrony.ask()).tracking?.stratum, 1);
  await server.kill();
  await assert.rejects(chrony.ask(), { code: 'chrony.away' });
  server.again();
  await server.synchronised();
  assert.equal((await chrony.ask()).tracking?.stratum, 1);
  await server.kill();
  server.again();
  await server.synchronised();
  // The one that was asked last knows only the chronyd before.
  assert.equal((await chrony.ask()).tracking?.stratum, 1);
  chrony.close();
  const sockets = (): string[] => readdirSync(dirname(server.socket)).filter((name) => name.startsWith('chronyc.'));
  while (sockets().length > 0) await delay(20);
});
