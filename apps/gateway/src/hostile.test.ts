// SPDX-License-Identifier: Apache-2.0
// What hostile, broken and mistaken peers do: each gets its own event, sealed as evidence; a bystander never notices.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { KIND } from '@strongroom/evidence';
import { GatewayProcess, TestAuthority, counted, endOf, rawOf, type IssuedCertificate } from '@strongroom/testing';

const RELP_OPEN = '1 open 30 relp_version=1\ncommands=syslog\n';

/** A producer that sends before, during and after whatever the others do. */
class Bystander {
  readonly #gateway: GatewayProcess;
  readonly #socket: TLSSocket;
  readonly #sent: string[] = [];

  private constructor(gateway: GatewayProcess, socket: TLSSocket) {
    this.#gateway = gateway;
    this.#socket = socket;
  }

  static async join(gateway: GatewayProcess): Promise<Bystander> {
    const bystander = new Bystander(gateway, await gateway.connect('syslog-tls', await gateway.enrol('bystander')));
    bystander.send();
    return bystander;
  }

  send(): void {
    const more = Array.from({ length: 100 }, (_, i) => `<13>bystander ${this.#sent.length + i}`);
    this.#sent.push(...more);
    this.#socket.write(counted(more));
  }

  async isUnharmed(): Promise<void> {
    this.send();
    this.#socket.end();
    const [stream] = await this.#gateway.ended('bystander', 1);
    assert.deepEqual(rawOf(stream), this.#sent);
    assert.equal(endOf(stream)?.reason, 'closed');
  }
}

/** Connects with a certificate, waits to be thrown out, and returns the sealed event. */
async function refused(gateway: GatewayProcess, shown: IssuedCertificate | undefined, event: string): Promise<Record<string, unknown>> {
  const before = gateway.vault.events(event).length;
  const socket = await gateway.connect('syslog-tls', shown);
  socket.write(counted(['<13>this must not be taken']));
  await once(socket, 'close');
  await gateway.vault.until(() => gateway.vault.events(event).length > before);
  return gateway.vault.events(event).at(-1)!['fields'] as Record<string, unknown>;
}

function memoryKib(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

test('every certificate that does not do is told apart, and the event names peer, subject and times', async () => {
  await using gateway = await GatewayProcess.start();
  const bystander = await Bystander.join(gateway);
  const foreign = await TestAuthority.make('Foreign');
  const { authority } = gateway;
  const uris = [gateway.idOf('web-01')];
  const revoked = await gateway.enrol('web-02');
  await gateway.revoke('web-02');
  const replaced = await gateway.enrol('web-03');
  await gateway.enrol('web-03');
  const cases: [IssuedCertificate | undefined, string, RegExp][] = [
    [undefined, 'gateway.no-certificate', /no certificate/],
    [await authority.issue({ uris, fromDays: -20, toDays: -1 }), 'gateway.certificate-expired', /CERT_HAS_EXPIRED/],
    [await authority.issue({ uris, fromDays: 1, toDays: 20 }), 'gateway.certificate-not-yet-valid', /CERT_NOT_YET_VALID/],
    [await foreign.issue({ uris }), 'gateway.certificate-foreign', /UNABLE_TO/],
    [await foreign.issue({ uris, fromDays: -20, toDays: -1 }), 'gateway.certificate-expired', /CERT_HAS_EXPIRED/],
    [await authority.issue({ uris, usages: ['server'] }), 'gateway.certificate-wrong-purpose', /INVALID_PURPOSE/],
    [await authority.issue({ dns: ['web-01.example.com'] }), 'gateway.certificate-wrong-name', /exactly one SPIFFE ID/],
    [revoked, 'gateway.certificate-revoked', /is revoked/],
    [replaced, 'gateway.certificate-replaced', /another key/],
    [await authority.issue({ uris }), 'gateway.source-not-enrolled', /not enrolled/],
  ];
  for (const [shown, event, why] of cases) {
    const fields = await refused(gateway, shown, event);
    assert.match(String(fields['why']), why, event);
    assert.match(String(fields['peer']), /^127\.0\.0\.1:\d+$/, event);
    assert.match(String(fields['now']), /^20\d\d-/, event);
    if (shown !== undefined) assert.equal(fields['keyHash'], shown.keyHash, 'the only thing in it that is proved');
    if (shown !== undefined) for (const name of ['subject', 'issuer', 'notBefore', 'notAfter']) assert.ok(String(fields[name]).length > 0, `${event}: ${name}`);
  }
  for (const id of [gateway.idOf('web-01'), gateway.idOf('web-02'), gateway.idOf('web-03')]) assert.deepEqual(gateway.vault.of(id), []);
  await bystander.isUnharmed();
});

test('names that are no source of this deployment are refused', async () => {
  await using gateway = await GatewayProcess.start();
  const names = [['spiffe://elsewhere/source/web-01'], ['spiffe://test/service/vault'], [gateway.idOf('a'), gateway.idOf('b')], ['spiffe://test/source/a/b']];
  for (const [i, uris] of names.entries()) {
    const socket = await gateway.connect('syslog-tls', await gateway.authority.issue({ uris }));
    await once(socket, 'close');
    await gateway.said('gateway.certificate-wrong-name', i + 1);
  }
});

test('an older TLS, no TLS and a handshake that never ends are told apart', async () => {
  await using gateway = await GatewayProcess.start({ gateway: { handshakeTimeoutMs: 5000 } });
  const bystander = await Bystander.join(gateway);
  const shown = await gateway.enrol('web-01');
  await assert.rejects(gateway.connect('syslog-tls', shown, { maxVersion: 'TLSv1.2' }));
  await gateway.said('gateway.protocol-version');
  const plain = connectPlain(gateway.ports['syslog-tls']!, '127.0.0.1').on('error', () => undefined);
  plain.write('<13>syslog without TLS\n');
  await once(plain.resume(), 'close');
  await gateway.said('gateway.not-tls');
  const web = connectPlain(gateway.ports['relp-tls']!, '127.0.0.1').on('error', () => undefined);
  web.write('GET / HTTP/1.1\r\n\r\n');
  await once(web.resume(), 'close');
  await gateway.said('gateway.not-tls', 2);
  const silent = connectPlain(gateway.ports['syslog-tls']!, '127.0.0.1').on('error', () => undefined);
  await once(silent.resume(), 'close');
  await gateway.said('gateway.handshake-timeout');
  for (const { event, fields } of gateway.events) {
    if (/protocol-version|not-tls|handshake/.test(event)) assert.match(String(fields['peer']), /^127\.0\.0\.1:\d+$/, event);
  }
  await bystander.isUnharmed();
});

test('a producer that does not accept our certificate is told apart', async () => {
  const foreign = await TestAuthority.make('Foreign');
  await using gateway = await GatewayProcess.start({ files: { 'foreign.pem': foreign.certificatePem } });
  const client = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${gateway.ports['syslog-tls']}`, '-CAfile', join(gateway.paths.home, 'foreign.pem'), '-verify_return_error'], { stdio: 'ignore' });
  await once(client, 'exit');
  await gateway.said('gateway.certificate-refused-by-peer');
});

test('lengths that cannot be meant end the connection after all that came before is kept', async () => {
  await using gateway = await GatewayProcess.start();
  const bystander = await Bystander.join(gateway);
  const shown = await gateway.enrol('web-01');
  for (const hostile of ['1234567890 x', '7'.repeat(1_000_000)]) {
    const socket = await gateway.connect('syslog-tls', shown);
    socket.write(Buffer.concat([counted(['<13>before']), Buffer.from(hostile)]));
    await once(socket.resume(), 'close');
  }
  const streams = await gateway.ended('web-01', 2);
  for (const stream of streams) {
    assert.deepEqual(rawOf(stream), ['<13>before']);
    assert.equal(endOf(stream)?.reason, 'refused:wire.syslog.length-too-long');
  }
  await gateway.vault.until(() => gateway.vault.events('gateway.frame-refused').length === 2);
  assert.equal((gateway.vault.events('gateway.frame-refused')[0]!['fields'] as { code: string }).code, 'wire.syslog.length-too-long');
  await bystander.isUnharmed();
});

test('a frame of 100 MB is kept cut, with its length and hash, in bounded memory', async () => {
  await using gateway = await GatewayProcess.start();
  const bystander = await Bystander.join(gateway);
  const socket = await gateway.connect('syslog-tls', await gateway.enrol('web-01'));
  const before = memoryKib(gateway.pid);
  const chunk = Buffer.alloc(1_000_000, 'x');
  socket.write('100000000 ');
  for (let i = 0; i < 100; i += 1) if (!socket.write(chunk)) await once(socket, 'drain');
  socket.end(counted(['<13>after']));
  const [stream] = await gateway.ended('web-01', 1);
  const [cut] = stream!.records;
  assert.equal(cut?.kind, KIND.cut);
  assert.equal(cut.raw.length, 262_144);
  assert.equal(cut.run.cut?.fullLength, 100_000_000n);
  assert.deepEqual(cut.run.cut.fullHash, hash('sha256', Buffer.alloc(100_000_000, 'x'), 'buffer'));
  assert.deepEqual(rawOf(stream), ['<13>after']);
  await gateway.said('gateway.record-cut');
  assert.ok(memoryKib(gateway.pid) - before < 200_000, 'memory grew with the frame');
  await bystander.isUnharmed();
});

test('half a frame is kept cut when its producer goes away', async () => {
  await using gateway = await GatewayProcess.start();
  const shown = await gateway.enrol('web-01');
  const socket = await gateway.connect('syslog-tls', shown);
  socket.end('100 <13>half');
  const [stream] = await gateway.ended('web-01', 1);
  const [cut] = stream!.records;
  assert.equal(cut?.kind, KIND.cut);
  assert.equal(cut.raw.toString(), '<13>half');
  assert.equal(cut.run.cut?.fullLength, 100n);
  assert.equal(endOf(stream)?.reason, 'closed-in-frame');
  await gateway.said('gateway.record-unfinished');
});

test('slow loris: a frame that is not finished in time is kept cut and ends its connection', async () => {
  await using gateway = await GatewayProcess.start({ gateway: { frameTimeoutMs: 2000 } });
  const bystander = await Bystander.join(gateway);
  const slow = await gateway.connect('syslog-tls', await gateway.enrol('slow'));
  const idle = await gateway.connect('syslog-tls', await gateway.enrol('idle'));
  const dripping = setInterval(() => slow.write('x'), 20);
  slow.write('1000 ');
  await once(slow.resume(), 'close');
  clearInterval(dripping);
  const [stream] = await gateway.ended('slow', 1);
  assert.equal(stream?.records[0]?.kind, KIND.cut);
  assert.match(stream.records[0].raw.toString(), /^x+$/);
  assert.equal(endOf(stream)?.reason, 'frame-timeout-in-frame');
  await gateway.said('gateway.frame-timeout');
  idle.end(counted(['<13>silence is no offence']));
  assert.deepEqual(rawOf((await gateway.ended('idle', 1))[0]), ['<13>silence is no offence']);
  await bystander.isUnharmed();
});

test('silence ends a connection only where that is configured', async () => {
  await using gateway = await GatewayProcess.start({ gateway: { idleTimeoutMs: 100 } });
  const socket = await gateway.connect('syslog-tls', await gateway.enrol('web-01'));
  await once(socket.resume(), 'close');
  await gateway.said('gateway.idle-timeout');
  assert.equal(endOf((await gateway.ended('web-01', 1))[0])?.reason, 'idle-timeout');
});

test('NULs, binary content and things that look like frames pass untouched', async () => {
  await using gateway = await GatewayProcess.start();
  const contents = [Buffer.alloc(1000), Buffer.from(Array.from({ length: 256 }, (_, i) => i)), Buffer.from('9 <134>\n5 hello\0<13>')];
  const socket = await gateway.connect('syslog-tls', await gateway.enrol('web-01'));
  socket.end(Buffer.concat(contents.flatMap((content) => [Buffer.from(`${content.length} `), content])));
  const [stream] = await gateway.ended('web-01', 1);
  assert.deepEqual(stream?.records.filter(({ kind }) => kind === KIND.data).map(({ raw }) => raw), contents);
});

test('what is no RELP ends the connection; nothing of it is answered', async () => {
  await using gateway = await GatewayProcess.start();
  const bystander = await Bystander.join(gateway);
  const shown = await gateway.enrol('web-01');
  const hostile: [string, string][] = [
    ['<13>syslog on the RELP port\n', 'wire.relp.number'],
    ['1'.repeat(100_000), 'wire.relp.number'],
    ['1 syslog 1 a\n', 'wire.relp.not-open'],
    [`${RELP_OPEN}3 syslog 1 a\n`, 'wire.relp.order'],
    [`${RELP_OPEN}2 syslog 1 ab\n`, 'wire.relp.trailer'],
    ['1 open 0\n', 'wire.relp.offers'],
  ];
  for (const [octets, code] of hostile) {
    const socket = await gateway.connect('relp-tls', shown);
    let got = '';
    socket.on('data', (chunk: Buffer) => { got += chunk.toString(); });
    socket.write(octets);
    await once(socket, 'close');
    assert.doesNotMatch(got, / rsp 6 200 OK/, code);
    await gateway.until(() => gateway.eventsOf('gateway.frame-refused').some(({ fields }) => fields['code'] === code));
  }
  await bystander.isUnharmed();
});

test('TLS on the plain port is recognised', async () => {
  await using gateway = await GatewayProcess.start({ gateway: { listeners: { syslogTcp: { enabled: true, address: '127.0.0.1', port: 0 }, syslogTls: { enabled: false }, relpTls: { enabled: false } } } });
  await assert.rejects(gateway.connect('syslog-tcp', undefined));
  await gateway.said('gateway.tls-on-plain-port');
});

test('a flood of refusals is counted, and the count is sealed', async () => {
  // Without a handshake: with one they are no flood on a slow machine, which has the time to tell each.
  await using gateway = await GatewayProcess.start();
  const bystander = await Bystander.join(gateway);
  const attempts = 300;
  for (let done = 0; done < attempts; done += 50) {
    await Promise.all(Array.from({ length: 50 }, async () => {
      const socket = connectPlain(gateway.ports['syslog-tls']!, '127.0.0.1').on('error', () => undefined);
      socket.write('<13>syslog without TLS\n');
      await once(socket.resume(), 'close');
    }));
  }
  const told = (): number => gateway.vault.events('gateway.not-tls').length;
  const counts = (): number => gateway.vault.events('gateway.events-suppressed').reduce((sum, { fields }) => sum + (fields as { count: number }).count, 0);
  await gateway.vault.until(() => told() + counts() === attempts);
  assert.ok(counts() > 0, 'nothing was suppressed');
  await bystander.isUnharmed();
});

test('many half frames at once take bounded memory: the largest gives way', async () => {
  await using gateway = await GatewayProcess.start({ gateway: { handshakeTimeoutMs: 300_000, frameTimeoutMs: 300_000 } });
  const bystander = await Bystander.join(gateway);
  const shown = await gateway.enrol('web-01');
  const half = Buffer.concat([Buffer.from('262144 '), Buffer.alloc(262_000, 'x')]);
  const sockets = await Promise.all(Array.from({ length: 300 }, () => gateway.connect('syslog-tls', shown)));
  for (const socket of sockets) socket.write(half);
  await gateway.said('gateway.frames-full');
  assert.ok((gateway.stats.values['frameBytes'] ?? 0) <= 64 * 1024 * 1024);
  await bystander.isUnharmed();
});

test('more connections than there may be are not let in', async () => {
  await using gateway = await GatewayProcess.start({ gateway: { maxConnections: 2 } });
  const bystander = await Bystander.join(gateway);
  await gateway.connect('relp-tls', await gateway.enrol('web-01'));
  await gateway.until(() => gateway.stats.values['connections'] === 2);
  await gateway.connect('relp-tls', await gateway.enrol('web-02')).then((socket) => once(socket, 'close'), () => undefined);
  await gateway.said('gateway.connections-full');
  await bystander.isUnharmed();
});
