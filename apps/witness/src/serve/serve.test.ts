// SPDX-License-Identifier: Apache-2.0
// A witness in a process of its own, spoken to over HTTP as any log would.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { cosignaturesOf, encodeAddCheckpoint, openCheckpoint, parseCosignerVkey } from '@strongroom/evidence';
import { WitnessProcess } from '@strongroom/testing';
import { GrowingLog } from '../testing/growing-log.ts';

const log = new GrowingLog('peer.example/log');

async function post(url: string, body: string | Buffer): Promise<{ status: number; type: string | null; text: string }> {
  const response = await fetch(`${url}/add-checkpoint`, { method: 'POST', body });
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
}
const request = (oldSize: number, from: GrowingLog = log): string => encodeAddCheckpoint({ oldSize, proof: from.consistency(oldSize, from.size), note: from.published.note });
const monitored = (url: string, origin = log.origin): Promise<Response> => fetch(`${url}/${createHash('sha256').update(origin).digest('hex')}/checkpoint`);

test('it cosigns a log that grows, tells others the size, shows what it cosigned, and knows it after a kill', async () => {
  await using witness = await WitnessProcess.start({ name: 'witness.example/w', logs: [log.vkey] });
  const key = parseCosignerVkey(witness.vkey);
  assert.equal((await monitored(witness.url)).status, 404);
  log.grow(5);
  const first = await post(witness.url, request(0));
  assert.equal(first.status, 200);
  assert.equal(cosignaturesOf(log.published.note + first.text, [key]).length, 1);
  log.grow(300);
  assert.deepEqual(await post(witness.url, request(0)), { status: 409, type: 'text/x.tlog.size', text: '5\n' });
  await witness.kill();
  await witness.start();
  assert.deepEqual(await post(witness.url, request(0)), { status: 409, type: 'text/x.tlog.size', text: '5\n' });
  assert.equal((await post(witness.url, request(5))).status, 200);
  const shown = await (await monitored(witness.url)).text();
  assert.deepEqual([openCheckpoint(shown, log.key).size, cosignaturesOf(shown, [key]).length], [305, 1]);
});

test('killed at any moment, it never cosigned what it does not remember', async () => {
  const mine = new GrowingLog('kill.example/log');
  await using witness = await WitnessProcess.start({ name: 'witness.example/w', logs: [mine.vkey] });
  let answered = 0;
  for (let round = 0; round < 4; round += 1) {
    let going = true;
    const load = (async () => {
      for (let old = answered; going; old = mine.size) {
        mine.grow(1);
        const answer = await post(witness.url, request(old, mine)).catch(() => null);
        if (answer?.status !== 200) return;
        answered = mine.size;
      }
    })();
    await new Promise((resolve) => setTimeout(resolve, 30 + Math.random() * 120));
    await witness.kill();
    going = false;
    await load;
    await witness.start();
    const size = Number((await post(witness.url, encodeAddCheckpoint({ oldSize: mine.size, proof: [], note: mine.published.note }))).text);
    // 409 with what it remembers, or 200 (no number) where that is this very size.
    const remembered = Number.isNaN(size) ? mine.size : size;
    assert.ok(remembered >= answered, `answered ${answered}, remembered ${remembered}`);
    answered = remembered;
  }
});

test('two requests for one log at once are one after the other', async () => {
  const mine = new GrowingLog('race.example/log');
  await using witness = await WitnessProcess.start({ name: 'witness.example/w', logs: [mine.vkey] });
  mine.grow(3);
  await post(witness.url, request(0, mine));
  const bodies = Array.from({ length: 8 }, () => { mine.grow(1); return request(3, mine); });
  const answers = await Promise.all(bodies.map((body) => post(witness.url, body)));
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, ...Array.from({ length: 7 }, () => 409)]);
});

test('a fork is refused, told and kept', async () => {
  const mine = new GrowingLog('fork.example/log');
  const twin = new GrowingLog('fork.example/log', mine);
  await using witness = await WitnessProcess.start({ name: 'witness.example/w', logs: [mine.vkey] });
  mine.grow(7);
  twin.grow(7, 'other');
  assert.equal((await post(witness.url, request(0, mine))).status, 200);
  assert.equal((await post(witness.url, encodeAddCheckpoint({ oldSize: 7, proof: [], note: twin.published.note }))).status, 422);
  twin.grow(2, 'other');
  assert.equal((await post(witness.url, request(7, twin))).status, 422);
  assert.match(witness.said, /"event":"witness\.fork-shown"/);
  const kept = readdirSync(join(witness.state, 'logs')).find((name) => name.endsWith('.contradiction'))!;
  assert.ok(readFileSync(join(witness.state, 'logs', kept), 'utf8').includes(twin.origin));
});

test('what it does not know or cannot read is refused, each in its way', async () => {
  await using witness = await WitnessProcess.start({ name: 'witness.example/w', logs: [log.vkey] });
  const stranger = new GrowingLog('stranger.example/log');
  stranger.grow(1);
  const impostor = new GrowingLog(log.origin);
  impostor.grow(1);
  const statuses = [
    await post(witness.url, request(0, stranger)), await post(witness.url, request(0, impostor)), await post(witness.url, 'old 0\n'), await post(witness.url, randomBytes(200_000)),
    await post(witness.url, ''),
  ].map(({ status }) => status);
  assert.deepEqual(statuses, [404, 403, 400, 413, 400]);
  assert.equal((await fetch(`${witness.url}/add-checkpoint`)).status, 405);
  assert.equal((await fetch(`${witness.url}/${'0'.repeat(64)}/checkpoint`, { method: 'DELETE' })).status, 405);
  assert.equal((await monitored(witness.url, 'x')).status, 404);
  assert.equal((await fetch(`${witness.url}/`)).status, 404);
});

test('those who say nothing hold nothing up', async () => {
  const mine = new GrowingLog('slow.example/log');
  await using witness = await WitnessProcess.start({ name: 'witness.example/w', logs: [mine.vkey] });
  const { hostname, port } = new URL(witness.url);
  const silent = Array.from({ length: 100 }, () => {
    const socket = connect(Number(port), hostname).on('error', () => undefined);
    socket.write('POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: 9000\r\n\r\nold');
    return socket;
  });
  mine.grow(1);
  assert.equal((await post(witness.url, request(0, mine))).status, 200);
  for (const socket of silent) socket.destroy();
});

test('one state serves one witness, its key is its owner’s alone, and what cannot be read ends it', async () => {
  const first = await WitnessProcess.start({ name: 'witness.example/w', logs: [log.vkey] });
  const again = { name: 'witness.example/w', logs: [log.vkey], state: first.state };
  await assert.rejects(WitnessProcess.start(again), (error: Error & { why?: string }) => error.why!.includes('witness.in-use'));
  assert.equal(statSync(join(first.state, 'key.pem')).mode & 0o777, 0o600);
  await post(first.url, request(0));
  await first.kill();
  await using second = await WitnessProcess.start(again);
  assert.equal(second.vkey, first.vkey);
  await second.kill();
  const [file] = readdirSync(join(first.state, 'logs'));
  const note = readFileSync(join(first.state, 'logs', file!));
  writeFileSync(join(first.state, 'logs', file!), note.subarray(0, 20));
  await assert.rejects(WitnessProcess.start(again), (error: Error & { why?: string }) => error.why!.includes('witness.state'));
  writeFileSync(join(first.state, 'logs', file!), note);
  chmodSync(join(first.state, 'key.pem'), 0o644);
  await assert.rejects(WitnessProcess.start(again), (error: Error & { why?: string }) => error.why!.includes('witness.key'));
  await first.stop();
});
