// SPDX-License-Identifier: Apache-2.0
// What a sender, or a service that was taken over, could do to whoever asks the doctor as root: act upon the terminal, have a wrong
// command pasted, hold the doctor up, or hide a fault from it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TestAuthority } from '@strongroom/testing';
import { makeEvent, type Status } from '@strongroom/service';
import { certificatesCheck } from './checks/certificates.ts';
import { hsmCheck } from './checks/hsm.ts';
import { secretsCheck } from './checks/secrets.ts';
import { servicesCheck } from './checks/services.ts';
import { silenceCheck } from './checks/silence.ts';
import { examine } from './examine.ts';
import { diagnosisLines } from './screen.ts';
import { codesOf, FoundedHome } from './testing/founded-home.ts';

const authority = await TestAuthority.make('Strongroom CA');
const plain = (_: unknown, text: string): string => text;

test('a FIFO where a certificate or a key should be is told, and waited for by nobody', async () => {
  using home = await FoundedHome.make(authority);
  const { certificate, key } = home.paths.identity('vault');
  for (const path of [certificate, key]) {
    rmSync(path);
    spawnSync('mkfifo', [path]);
    assert.deepEqual(codesOf(await home.examine(certificatesCheck)), ['certificate.unreadable'], path);
    rmSync(path);
    await home.issue('vault', { uris: ['spiffe://doctor/service/vault'], toDays: 80 });
  }
  home.write(join(home.paths.keysToken, 'founded.json'), '{}');
  home.write(join(home.paths.keysToken, 'token/one'), 'x');
  spawnSync('mkfifo', [join(home.paths.keysToken, 'pin')]);
  assert.ok(codesOf(await home.examine(hsmCheck)).includes('hsm.pin-away'));
});

test('the command for a secret that is open takes rights away and gives none, whatever its path is when it is run', async () => {
  using home = await FoundedHome.make(authority);
  const { certificate, key } = home.paths.identity('vault');
  spawnSync('chmod', ['4777', certificate, key]);
  spawnSync('chmod', ['0750', join(certificate, '..')]);
  const { findings } = await home.examine(secretsCheck);
  assert.deepEqual(findings.map(({ code }) => code), ['secret.open', 'secret.open']);
  for (const { fix } of findings) assert.match(fix, /^chmod (?:[ugo]+-[rwxst]+,?)+ \S+  #/);
});

test('who floods the log of events hides nothing that happened before, and a service cannot say that all began anew', async () => {
  using home = await FoundedHome.make(authority);
  const write = (...events: readonly unknown[]): void => appendFileSync(home.paths.events, events.map((one) => `${JSON.stringify(one)}\n`).join(''));
  home.write(home.paths.events, '');
  write(makeEvent('supervisor', 'supervisor.started', 'info'), makeEvent('keys', 'keys.hsm-away', 'error', { message: 'it does not answer' }), makeEvent('vault', 'service.failed', 'error', { message: 'gone', code: 'vault.gone' }));
  for (let block = 0; block < 12; block += 1) write(...Array.from({ length: 1000 }, () => makeEvent('gateway', 'gateway.no-certificate', 'warn', { peer: '203.0.113.66:4711', why: 'x'.repeat(200) })));
  write(makeEvent('gateway', 'supervisor.started', 'info'));
  const patient = await home.patient();
  const { findings } = await examine([hsmCheck, servicesCheck], patient);
  assert.deepEqual([findings.map(({ code }) => code).filter((code) => !code.startsWith('hsm.module')), findings.find(({ code }) => code === 'service.not-running')?.evidence['lastFailure']], [['hsm.away', 'service.not-running'], 'vault.gone']);
});

test('no name acts upon a terminal, nor as more than a word', async () => {
  using home = await FoundedHome.make(authority);
  const name = "web\u001b[2J\u202e\n✔ all is well'; id; '";
  const silent = [{ source: name, since: new Date(0).toISOString(), usualSilenceSeconds: 60, usualEventsHourly: 60, cause: 'silent-source' as const, confidence: 'weak' as const, because: name, connections: 0 }];
  const patient = { ...await home.patient(), status: { services: [{ name: 'gateway', index: 0, pid: 1, state: 'stalled', reason: name, since: new Date().toISOString() }], health: { ok: true, reason: null } } as unknown as Status, habits: { watched: 1, learning: 0, silent } };
  const diagnosis = await examine([servicesCheck, silenceCheck], patient);
  assert.deepEqual(codesOf(diagnosis), ['service.stalled', 'flow.fell-silent']);
  for (const line of diagnosisLines(diagnosis, plain, 80)) assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]|^✔/u);
  for (const { fix } of diagnosis.findings) assert.equal(spawnSync('bash', ['-n'], { input: fix }).status, 0, fix);
});
