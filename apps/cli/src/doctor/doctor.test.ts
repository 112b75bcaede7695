// SPDX-License-Identifier: Apache-2.0
// A whole appliance: the doctor is silent while it is well, and says what is wrong when it is not, also when nothing runs.
import assert from 'node:assert/strict';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { RelpClient, startAppliance } from '@strongroom/testing';
import { memoryIo } from '../memory-io.ts';
import { doctor as verb } from '../verbs/doctor.ts';
import type { Call } from '../verb.ts';
import type { Diagnosis } from './examine.ts';

const appliance = await startAppliance();
after(() => appliance.stop());

/** The verb in this process, as the command calls it: that starts once and not twenty times. */
async function doctor(options: Readonly<Record<string, string>> = {}): Promise<Diagnosis & { readonly ok: boolean; readonly exit: number | null }> {
  const io = { ...memoryIo(), now: () => Temporal.Now.instant().epochNanoseconds };
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
  assert.ok(!codes(await doctor()).includes('flow.held'));
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
