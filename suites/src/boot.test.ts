// SPDX-License-Identifier: Apache-2.0
// All units together, as a server has them: systemd starts them, watches them and stops them. `npm run soak -- --only boot` has each
// of them stop answering, asks the doctor, boots a second time, and makes memory short.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it, type TestContext } from 'node:test';
import { kernelAlone, type CommandResult } from '@strongroom/testing';
import { BootedContainer, bootMissing, ROOT } from './booted-container.ts';
import { allRunning, BOOT_CONFIG, isLong, LONG_CONFIG, SERVICES, unitFileOf, unitOf } from './booted-units.ts';

/** So that a test need not wait for minutes; those of the others are as in the units. */
const WATCHED = isLong() ? SERVICES : ['rack-monitor' as const];
const READERS = isLong() ? ['files', 'ebpf'] : ['files'];
const SENDER = '/root/web-01';
const WATCHDOG = ['WatchdogSec=10'];

describe('the units, booted by systemd', { skip: bootMissing() }, () => {
  let container: BootedContainer;

  before(async () => {
    if (isLong()) await kernelAlone();
    container = new BootedContainer({ config: isLong() ? LONG_CONFIG : BOOT_CONFIG, dropIns: Object.fromEntries(WATCHED.map((service) => [unitFileOf(service), WATCHDOG])) });
    await container.boot();
  });

  it('come up, are held as the units say, start again what no longer answers, and stop in order', async (t) => {
    await using _ = container;
    await allRunning(container);
    for (const service of SERVICES) await t.test(`${service} is itself alone`, () => heldAsItsUnitSays(container, service));
    // Before: a service that does not take a changed registry is ended by the supervisor, sooner than by its watchdog.
    await done(container.strongroom('enrol', 'web-01', '--out', SENDER));
    // Its watchdog runs while the rest is looked at.
    const stopped = await wedge(container, 'rack-monitor');
    await t.test('what native readers read comes to capture', () => readersRead(container));
    await t.test('a record that a sender sends is sealed, and found', () => sendAndFind(container, 'the first'));
    await t.test('a service that no longer answers is started again', () => startedAgain(container, 'rack-monitor', stopped));
    if (isLong()) await endures(t, container);
    await t.test('power off stops in order', () => stopsInOrder(container));
    if (isLong()) await t.test('the next start knows that it was stopped, and recovers nothing', () => startsClean(container));
  });
});

async function heldAsItsUnitSays(container: BootedContainer, service: string): Promise<void> {
  const { MainPID: pid } = await container.show(unitOf(service), 'MainPID');
  const status = (await container.run('cat', `/proc/${pid}/status`)).stdout;
  const value = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)![1]!;
  const { stdout: uid } = await container.run('id', '-u', service === 'supervisor' ? 'root' : `strongroom-${service.replace(/@.*/, '')}`);
  assert.deepEqual(value('Uid').split('\t'), Array(4).fill(uid.trim()));
  if (service === 'supervisor') return;
  assert.deepEqual([value('CapEff'), value('CapBnd'), value('CapAmb'), value('NoNewPrivs'), value('Seccomp')], [...Array<string>(3).fill('0'.repeat(16)), '1', '2']);
  const score = Number(/^OOMScoreAdjust=(.*)$/m.exec(readFileSync(join(ROOT, 'appliance/units', unitFileOf(service)), 'utf8'))![1]);
  const { stdout: adjusted } = await container.run('cat', `/proc/${pid}/oom_score_adj`);
  // Nobody lowers it without CAP_SYS_RESOURCE, not systemd either, which lets it be then.
  assert.equal(Number(adjusted), container.mayLowerScores ? score : Math.max(0, score));
}

/**
 * Under the supervisor's bounding set, as a user that is no service's. What they read has to come to capture too: it does so by a
 * socket that belongs to their group, because the supervisor gave the directory the set-group bit.
 */
async function readersRead(container: BootedContainer): Promise<void> {
  const { stdout } = await done(container.strongroom('status', '-o', 'json'));
  const { services } = JSON.parse(stdout) as { services: { name: string; pid: number; state: string }[] };
  const uid = (await container.run('id', '-u', 'strongroom-reader')).stdout.trim();
  for (const protocol of READERS) {
    const { pid, state } = services.find(({ name }) => name === `${protocol}-reader`)!;
    const { stdout: status } = await container.run('cat', `/proc/${pid}/status`);
    assert.deepEqual([state, /^Uid:\t(\d+)/m.exec(status)?.[1]], ['running', uid], protocol);
    let tries = 0;
    await container.until(async () => {
      // A new one each time: what is there when the reader begins to look is no difference.
      await done(container.run('touch', `/etc/was-here-${tries += 1}`));
      return (await container.strongroom('search', 'was-here', '--protocol', protocol)).stdout.includes('was-here');
    }, `${protocol} to tell of a file`);
  }
}

async function sendAndFind(container: BootedContainer, text: string): Promise<void> {
  const line = `<13>1 2026-11-27T12:00:00Z web-01 test - - - ${text} of all`;
  await container.until(async () => {
    // A listener that is just coming back refuses; what was not sent is sent again, as a sender does.
    const { code } = await container.runWith(`${line.length} ${line}`, 'openssl', 's_client', '-quiet', '-no_ign_eof', '-verify_return_error', '-connect', 'localhost:6514', '-cert', `${SENDER}/cert.pem`, '-key', `${SENDER}/key.pem`, '-CAfile', `${SENDER}/ca.pem`);
    return code === 0;
  }, 'the gateway to take a record');
  await find(container, text);
}

function find(container: BootedContainer, text: string): Promise<void> {
  return container.until(async () => (await container.strongroom('search', `${text} of all`, '--source', 'web-01')).stdout.includes(`${text} of all`), `"${text}" to be found`);
}

/** SIGSTOP: nobody feeds the watchdog any more. Resolves with the process. */
async function wedge(container: BootedContainer, service: string): Promise<string> {
  const { MainPID: pid } = await container.show(unitOf(service), 'MainPID');
  await done(container.run('kill', '-STOP', pid!));
  return pid!;
}

/** By systemd, which ends the one that no longer answers. */
async function startedAgain(container: BootedContainer, service: string, before: string): Promise<void> {
  await container.until(async () => {
    const { NRestarts: restarts, MainPID: pid } = await container.show(unitOf(service), 'NRestarts', 'MainPID');
    return Number(restarts) > 0 && pid !== '0' && pid !== before;
  }, `${service} to be started again`);
  assert.match(await container.journal('--unit', unitOf(service)), /Watchdog timeout/);
  await allRunning(container);
}

/** Each of them stops answering, and what was acknowledged is there, and all runs again. */
async function endures(t: TestContext, container: BootedContainer): Promise<void> {
  for (const service of SERVICES) {
    await t.test(`${service} is started again when it no longer answers`, async () => {
      await startedAgain(container, service, await wedge(container, service));
      await allRunningAgain(container);
    });
  }
  await t.test('what was sent before and after is there', async () => {
    await sendAndFind(container, 'the second');
    await find(container, 'the first');
  });
  await t.test('the doctor finds nothing bad', () => examined(container));
}

async function allRunningAgain(container: BootedContainer): Promise<void> {
  await container.until(async () => {
    const { stdout } = await container.strongroom('status', '-o', 'json');
    return stdout !== '' && (JSON.parse(stdout) as { services: { state: string }[] }).services.every(({ state }) => state === 'running');
  }, 'all to run again');
}

/** A container has no clock of its own to be disciplined, and no audit: the doctor says so, and that is all. */
async function examined(container: BootedContainer): Promise<void> {
  const { code, stdout, stderr } = await container.strongroom('doctor', '-o', 'json');
  const { findings } = JSON.parse(stdout) as { findings: { code: string; severity: string }[] };
  assert.deepEqual(findings.filter(({ severity }) => severity === 'bad'), [], stderr);
  assert.equal(code, 0);
}

async function stopsInOrder(container: BootedContainer): Promise<void> {
  await container.powerOff();
  const said = container.journalOfTheLast();
  assert.match(said, /stopped; everything that was acknowledged is sealed/);
  // What a service said came from one of its processes that systemd still knew.
  assert.doesNotMatch(said, /Cannot find unit for notify message|reception only permitted/);
  const stopping = said.slice(said.indexOf('stopping in order'));
  assert.doesNotMatch(stopping, /service-ended|some services did not stop/);
}

async function startsClean(container: BootedContainer): Promise<void> {
  await container.boot();
  await allRunning(container);
  const { stdout } = await done(container.strongroom('coverage', '--since', '1h', '-o', 'json'));
  const { appliance: { gaps } } = JSON.parse(stdout) as { appliance: { gaps: { cause: string; confidence: string }[] } };
  assert.deepEqual(gaps.map(({ cause, confidence }) => `${cause}, ${confidence}`).at(-1), 'clean-shutdown, certain');
  await container.powerOff();
}

async function done(running: Promise<CommandResult>): Promise<CommandResult> {
  const result = await running;
  assert.equal(result.code, 0, result.stderr);
  return result;
}
