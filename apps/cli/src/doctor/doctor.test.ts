// SPDX-License-Identifier: Apache-2.0
// A whole appliance: the doctor is silent while it is well, and says what is wrong when it is not, also when nothing runs.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startAppliance } from '@strongroom/testing';
import type { Diagnosis } from './examine.ts';

const appliance = await startAppliance();
after(() => appliance.stop());

async function doctor(...words: readonly string[]): Promise<Diagnosis & { readonly ok: boolean; readonly exit: number | null }> {
  const { code, stdout, stderr } = await appliance.cli('doctor', ...words, '-o', 'json');
  assert.notEqual(stdout, '', stderr);
  return { ...(JSON.parse(stdout) as Diagnosis & { readonly ok: boolean }), exit: code };
}

/** Of the machine: the test has no say in them. */
const OF_THE_MACHINE = /^(memory\.swap|limit\.backlog|clock\.(unsynchronised|hardware|offset|disputed|bound)|disk\.(flags|nearly-full))$/;
const codes = ({ findings }: Diagnosis): string[] => findings.map(({ code }) => code).filter((code) => !OF_THE_MACHINE.test(code));

test('it is silent on an appliance that is well, and has looked', async () => {
  const diagnosis = await doctor();
  assert.deepEqual([codes(diagnosis), diagnosis.exit, diagnosis.ok], [[], 0, true]);
  assert.deepEqual(diagnosis.unseen.filter(({ code }) => !OF_THE_MACHINE.test(code)), []);
  const { stdout } = await appliance.cli('doctor');
  assert.match(stdout, /^(?:! .*\n.*\n.*\n\n)*(Nothing is wrong|It works).* \d+ checks are fine/m);
});

test('from a producer it is silent too, names a name that is not in the certificate, and a revocation', async () => {
  const [at, web] = [appliance.addresses['syslog-tls']!, await appliance.enrol('web-01')];
  const well = await doctor('--to', at, '--identity', web);
  assert.deepEqual([well.findings, well.unseen, well.exit], [[], [], 0]);
  assert.deepEqual(codes(await doctor('--to', at, '--identity', web, '--name', 'logs.example.com')), ['way.server-name']);
  await appliance.cli('revoke', 'web-01', '--reason', 'test');
  const revoked = await doctor('--to', at, '--identity', web);
  assert.deepEqual([codes(revoked), revoked.exit], [['way.not-accepted'], 4]);
});

test('a service that keeps ending is told', async () => {
  for (let time = 0; time < 3; time += 1) {
    const [pid] = await appliance.kill('gateway');
    await appliance.until(({ services }) => services.every((one) => one.state === 'running' && (one.name !== 'gateway' || one.pid !== pid)), 'the gateway to come back');
  }
  const found = await doctor();
  assert.deepEqual([codes(found), found.exit], [['service.restarting'], 4]);
});

test('when it is down that is told, and all that needs no service is still looked at', async () => {
  await appliance.halt();
  const down = await doctor();
  assert.deepEqual([codes(down), down.exit], [['service.not-running'], 4]);
  for (const code of ['certificate.expired', 'disk.full', 'secret.open', 'port.taken', 'config.invalid', 'clock.behind']) assert.ok(down.fine.includes(code), code);
});
