// SPDX-License-Identifier: Apache-2.0
// A whole appliance: the doctor is silent while it is well, and says what is wrong when it is not, also when nothing runs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { SourceWatch } from '@strongroom/service/coverage';
import { eventually, RelpClient, startAppliance } from '@strongroom/testing';
import { memoryIo } from '../memory-io.ts';
import { doctor as verb } from '../verbs/doctor.ts';
import type { Call } from '../verb.ts';
import type { Diagnosis } from './examine.ts';

// Sources are held against their habits as often as a heartbeat is sealed.
const appliance = await startAppliance({ config: { supervisor: { heartbeatSeconds: 1 } } });
after(() => appliance.stop());

/** The verb in this process, as the command calls it: that starts once and not twenty times. */
async function doctor(options: Readonly<Record<string, string>> = {}, laterMs = 0): Promise<Diagnosis & { readonly ok: boolean; readonly exit: number | null }> {
  const io = { ...memoryIo(), now: () => Temporal.Now.instant().epochNanoseconds + BigInt(laterMs) * 1_000_000n };
  const call = { options, arguments: {}, format: 'json', paths: appliance.paths, configFile: appliance.environment['STRONGROOM_CONFIG'], io, verbs: [] };
  const exit = await verb.run(call as unknown as Call);
  return { ...(JSON.parse(io.written.out) as Diagnosis & { readonly ok: boolean }), exit };
}

/** Of the machine: the test has no say in them. */
const OF_THE_MACHINE = /^(memory\.swap|limit\.backlog|clock\.(unsynchronised|hardware|offset|disputed|bound)|disk\.(flags|nearly-full))$/;
/** A sender that was revoked above is a finding for a quarter of an hour. */
const notRefused = (code: string): boolean => code !== 'flow.refused';
const codes = ({ findings }: Diagnosis): string[] => findings.map(({ code }) => code).filter((code) => !OF_THE_MACHINE.test(code));

test('it is silent on an appliance that is well, and has looked', async () => {
  const diagnosis = await doctor();
  assert.deepEqual([codes(diagnosis), diagnosis.exit, diagnosis.ok], [[], 0, true]);
  assert.deepEqual(diagnosis.unseen.filter(({ code }) => !OF_THE_MACHINE.test(code)), []);
  const { code, stdout } = await appliance.cli('doctor');
  assert.equal(code, 0);
  assert.match(stdout, /^(?:! .*\n.*\n.*\n\n)*(Nothing is wrong|It works).* \d+ checks are fine/m);
});

test('from a producer it is silent too, names a name that is not in the certificate, and a revocation', async () => {
  const [at, web] = [appliance.addresses['syslog-tls']!, await appliance.enrol('web-01')];
  const well = await doctor({ to: at, identity: web });
  assert.deepEqual([well.findings, well.unseen, well.exit], [[], [], 0]);
  assert.deepEqual(codes(await doctor({ to: at, identity: web, name: 'logs.example.com' })), ['way.server-name']);
  await appliance.cli('revoke', 'web-01', '--reason', 'test');
  const revoked = await doctor({ to: at, identity: web });
  assert.deepEqual([codes(revoked), revoked.exit], [['way.not-accepted'], 4]);
  const { findings } = await doctor();
  const refused = findings.find(({ code }) => code === 'flow.refused');
  assert.deepEqual([refused?.evidence['event'], String(refused?.evidence['who']).startsWith('web-01 at 127.0.0.1')], ['gateway.certificate-revoked', true]);
});

/** As if it were asked so much later. */
const flat = async (laterMs: number): Promise<string[]> => codes(await doctor({}, laterMs)).filter((code) => /^flow\.(nobody|silent)$/.test(code));

test('when nobody is connected, or who is has nothing to say, that is told once the gateway is old enough', async () => {
  const identity = await appliance.enrol('web-09');
  assert.deepEqual([await flat(0), await flat(660_000)], [[], ['flow.nobody']]);
  const client = new RelpClient({ address: appliance.addresses['relp-tls']!, identity, window: 1 });
  while (client.offered === '') await delay(20);
  let mute = await flat(660_000);
  while (mute.includes('flow.nobody')) mute = await flat(660_000); // services tell of themselves each second
  await client.close();
  assert.deepEqual(mute, ['flow.silent']);
});

test('who is not root is told what could not be looked at, and nothing that is not so', { skip: process.getuid?.() === 0 ? false : 'there is no root to give up its rights' }, () => {
  const { stdout, stderr, status } = spawnSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', join(import.meta.dirname, '../../bin/strongroom'), 'doctor', '-o', 'json'], { env: appliance.environment, encoding: 'utf8' });
  const { unseen, ...diagnosis } = JSON.parse(stdout || `"${stderr}"`) as Diagnosis;
  assert.deepEqual([codes({ unseen, ...diagnosis }), status], [[], 0]);
  const why = new Map(unseen.map((one) => [one.code, one.why]));
  assert.match(why.get('flow.fell-silent')!, /may ask the supervisor/);
  assert.ok(!why.has('clock.behind'));
});

test('a port that was configured since the start is told as not listened on', async () => {
  const file = appliance.environment['STRONGROOM_CONFIG']!;
  const before = readFileSync(file, 'utf8');
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const config = JSON.parse(before) as { gateway: { listeners: Record<string, unknown> } };
  config.gateway.listeners['relpTls'] = { address: '127.0.0.1', port };
  writeFileSync(file, JSON.stringify(config));
  try {
    const { findings, exit } = await doctor();
    assert.deepEqual([findings.filter(({ code }) => code === 'port.not-served').map(({ evidence }) => evidence['port']), exit], [[port], 4]);
  } finally {
    writeFileSync(file, before);
  }
});

test('a supervisor that stands still is told, and the rest is looked at all the same', async () => {
  process.kill(appliance.pid!, 'SIGSTOP');
  try {
    const { findings, exit, fine } = await doctor();
    assert.deepEqual([findings.map(({ code }) => code).filter((code) => code.startsWith('service.')), exit], [['service.not-answering'], 4]);
    assert.ok(findings.find(({ code }) => code === 'service.not-answering')!.fix.includes(`kill -CONT ${appliance.pid}`));
    assert.ok(fine.includes('certificate.expired'));
  } finally {
    process.kill(appliance.pid!, 'SIGCONT');
  }
});

test('a vault that does not move while records wait is told, and no more once it does', async () => {
  const client = new RelpClient({ address: appliance.addresses['relp-tls']!, identity: await appliance.enrol('web-02'), window: 4 });
  await client.send(['<13>1 - - - - - - before']);
  await client.settle();
  const vault = (await appliance.status()).services.find(({ name }) => name === 'vault')!.pid!;
  process.kill(vault, 'SIGSTOP');
  try {
    await client.send(['<13>1 - - - - - - held']);
    let held = await doctor();
    while (!codes(held).includes('flow.held')) held = await doctor(); // services tell of themselves each second
    assert.equal(held.exit, 4);
  } finally {
    process.kill(vault, 'SIGCONT');
  }
  await client.settle();
  await client.close();
  await eventually(doctor, (now) => !codes(now).includes('flow.held'), 'nothing to be held any more');
});

test('a service that keeps ending is told', async () => {
  for (let time = 0; time < 3; time += 1) {
    const [pid] = await appliance.kill('gateway');
    await appliance.until(({ services }) => services.every((one) => one.state === 'running' && (one.name !== 'gateway' || one.pid !== pid)), 'the gateway to come back');
  }
  const found = await doctor();
  assert.deepEqual([codes(found).filter(notRefused), found.exit], [['service.restarting'], 4]);
});

test('when it is down that is told, and all that needs no service is still looked at', async () => {
  await appliance.halt();
  const down = await doctor();
  assert.deepEqual([codes(down).filter(notRefused), down.exit], [['service.not-running'], 4]);
  for (const code of ['certificate.expired', 'disk.full', 'secret.open', 'port.taken', 'config.invalid', 'clock.behind', 'hsm.token-away']) assert.ok(down.fine.includes(code), code);
});

test('a token that was moved away, and a PIN that is wrong, are told before and after a start was tried', async () => {
  const [token, pin] = [join(appliance.paths.keysToken, 'token'), join(appliance.paths.keysToken, 'pin')];
  renameSync(token, `${token}.away`);
  assert.ok(codes(await doctor()).includes('hsm.token-away'));
  renameSync(`${token}.away`, token);
  const right = readFileSync(pin);
  writeFileSync(pin, 'wrong-pin-of-the-test\n');
  await assert.rejects(appliance.start());
  const { findings, exit } = await doctor();
  assert.deepEqual([findings.some(({ code }) => code === 'hsm.pin-wrong'), exit], [true, 4]);
  assert.ok(!JSON.stringify(findings).includes('wrong-pin-of-the-test') && !JSON.stringify(findings).includes(right.toString().trim()));
  writeFileSync(pin, '');
  assert.ok(codes(await doctor()).includes('hsm.pin-away'));
  writeFileSync(pin, right);
  await appliance.start();
  assert.deepEqual(codes(await doctor()).filter((code) => code.startsWith('hsm.')), []);
});

test('a source that really falls silent is told against its habit, with the reason', async () => {
  await appliance.enrol('web-05');
  await appliance.halt();
  writeFileSync(appliance.paths.habits, talkative('web-05'));
  await appliance.start();
  await appliance.tells('incident.opened', '"subject":"source web-05"', '"reason":"silent"');
  const silent = async () => (await doctor()).findings.find(({ code }) => code === 'flow.fell-silent')!;
  const away = await silent();
  assert.match(away.what, /^web-05 is silent for .*; usually 3 records\/s on a \w+day at \d+ h UTC, and silent for \d+ min at most$/);
  assert.match(away.fix, /^strongroom doctor --to /);
  const identity = join(dirname(appliance.home), 'enrolled/web-05');
  await appliance.cli('revoke', 'web-05', '--reason', 'test');
  await doctor({ to: appliance.addresses['syslog-tls']!, identity });
  assert.match((await silent()).why, /most likely this: it is revoked \(refused at /);
});

/** What is known of a source that brought 180 records each minute for eight days, and none for nearly three minutes. */
function talkative(source: string): Buffer {
  const watch = new SourceWatch({ seal: () => undefined, silent: () => undefined, heard: () => undefined });
  const look = (ms: number, minutes: number, events: number): void => watch.look({
    now: { boot: '', life: '', bootNs: 0n, monotonicNs: 0n, wallNs: BigInt(ms) * 1_000_000n, boundNs: null }, minutes, counts: new Map([[source, { events, connections: 0 }]]), linkDown: false,
  });
  const end = Date.now();
  for (let minute = 8 * 1440; minute >= 0; minute -= 1) look(end - minute * 60_000, 1, 10_000_000 - 180 * minute);
  look(end, 2.98, 10_000_000);
  return Buffer.from(watch.save());
}
