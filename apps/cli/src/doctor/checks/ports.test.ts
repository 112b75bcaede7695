// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort, TestAuthority } from '@strongroom/testing';
import { makeEvent } from '@strongroom/service';
import { denialIn } from '../denials.ts';
import { examine } from '../examine.ts';
import { APPARMOR_CAPABILITY, APPARMOR_DATAGRAMS, APPARMOR_STREAM, APPARMOR_STREAM_V6, asAuditd, asMessage, SELINUX_PORT, SELINUX_SYSLOG_PORT } from '../testing/denials.table.ts';
import { codesOf, FoundedHome } from '../testing/founded-home.ts';
import { portsCheck } from './ports.ts';

const authority = await TestAuthority.make('Strongroom CA');

test('ports that are free say nothing', async () => {
  using home = await FoundedHome.make(authority);
  home.configure(listeningOn(await freePort()));
  const diagnosis = await home.examine(portsCheck);
  assert.deepEqual([diagnosis.findings, diagnosis.unseen], [[], []]);
});

test('a port that is taken is told with who has it', async () => {
  using home = await FoundedHome.make(authority);
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  home.configure(listeningOn(port));
  const { findings } = await home.examine(portsCheck);
  server.close();
  assert.deepEqual(findings.map(({ code, evidence }) => [code, evidence['port'], evidence['pid']]), [['port.taken', port, process.pid]]);
});

test('an address of another machine is told', async () => {
  using home = await FoundedHome.make(authority);
  home.configure({ gateway: { listeners: { syslogTls: { address: '203.0.113.77', port: 16_514 }, relpTls: { enabled: false } } } });
  assert.deepEqual(codesOf(await home.examine(portsCheck)), ['port.address']);
});

test('a port that the system refuses is told, with the denial where one is on record', { skip: process.getuid?.() === 0 ? false : 'there is no root to give up its rights' }, async () => {
  using home = await FoundedHome.make(authority);
  home.configure(listeningOn(514));
  const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all', process.execPath, '--input-type=module', '--eval', `
    const [{ examine }, { patientOf, MACHINE }, { portsCheck }, { layout }] = await Promise.all([import('../examine.ts'), import('../patient.ts'), import('./ports.ts'), import('@strongroom/service')]);
    const [home, configFile, auditLog] = process.argv.slice(1);
    const patient = await patientOf({ paths: layout(home), configFile, nowMs: Date.now(), machine: { ...MACHINE, auditLog } });
    console.log(JSON.stringify((await examine([portsCheck], patient)).findings));
  `];
  const auditLog = join(home.directory, 'audit.log');
  const ask = () => {
    const { stdout, stderr } = spawnSync('unshare', ['--net', 'setpriv', ...asNobody, home.paths.home, join(home.directory, 'strongroom.yaml'), auditLog], { cwd: import.meta.dirname, encoding: 'utf8' });
    return JSON.parse(stdout || `"${stderr}"`) as { code: string; what: string; fix: string; evidence: Record<string, unknown> }[];
  };
  spawnSync('chmod', ['0755', home.directory]);
  assert.deepEqual(ask().map(({ code, evidence }) => [code, evidence['module']]), [['port.refused', null]]);
  home.write(auditLog, `${asAuditd(APPARMOR_CAPABILITY)}\n`);
  const [found] = ask();
  assert.deepEqual([found?.code, found?.evidence['module'], found?.fix.startsWith('aa-complain strongroom-cap ')], ['port.refused', 'AppArmor', true]);
});

test('a denial is believed only of this port, of what it is about, and of Node', () => {
  for (const written of [asMessage, asAuditd]) {
    assert.equal(denialIn(written(APPARMOR_CAPABILITY), 514)?.module, 'AppArmor');
    assert.equal(denialIn(written(APPARMOR_CAPABILITY), 6514), null, 'it takes no capability to listen above 1023');
    for (const said of [APPARMOR_STREAM, APPARMOR_STREAM_V6, APPARMOR_DATAGRAMS]) assert.equal(denialIn(written(said), 6514)?.module, 'AppArmor');
    assert.equal(denialIn(written(APPARMOR_CAPABILITY.replace('node-MainThread', 'nginx')), 514), null);
    assert.equal(denialIn(written(SELINUX_PORT), 6514)?.fix, 'semanage port -a -t syslogd_port_t -p tcp 6514 (-m where the port has a type already)');
    assert.match(denialIn(written(SELINUX_SYSLOG_PORT), 514)!.fix, /audit2allow -M strongroom/);
    assert.equal(denialIn(written(SELINUX_PORT), 514), null);
    assert.equal(denialIn(written(APPARMOR_STREAM.replace('DENIED', 'ALLOWED')), 6514), null);
    assert.equal(denialIn(written(APPARMOR_STREAM), 6514)?.atMs, 1_795_822_465_483);
  }
});

test('a line in which somebody else has a word is no denial, and a name in one is a word for a shell', () => {
  const forged = APPARMOR_STREAM.replace('strongroom-net', "x'; touch /tmp/owned; '");
  for (const line of [
    `6,1,2,-;usb 1-1: Product: ${forged}`, `12,1,2,-;audit: type=1400 ${forged}`, `type=USER_LOGIN msg=audit(1795822465.483:8): op=login acct="${forged}"`, `Nov 27 sshd[1]: type=AVC msg=${forged}`,
  ]) assert.equal(denialIn(line, 6514), null, line);
  assert.ok(denialIn(asAuditd(forged), 6514)!.fix.startsWith("aa-complain 'x'\\''; touch /tmp/owned; '\\''' ("));
});

test('what was forbidden before the last start is no reason for what is not listened on now', async () => {
  using home = await FoundedHome.make(authority);
  home.configure(listeningOn(await freePort()));
  home.write(join(home.directory, 'audit.log'), `${asAuditd(APPARMOR_STREAM)}\n`);
  const patient = await home.patient({ auditLog: join(home.directory, 'audit.log') });
  const started = (atMs: number) => ({ ...patient, events: [{ ...makeEvent('supervisor', 'supervisor.started', 'info'), time: new Date(atMs).toISOString() }] });
  const [before, after] = [await examine([portsCheck], started(1_795_822_465_000)), await examine([portsCheck], started(1_795_822_466_000))];
  assert.deepEqual([codesOf(before), codesOf(after)], [['port.refused'], []]);
});

function listeningOn(port: number): Record<string, unknown> {
  return { gateway: { listeners: { syslogTls: { address: '127.0.0.1', port }, relpTls: { enabled: false } } } };
}
