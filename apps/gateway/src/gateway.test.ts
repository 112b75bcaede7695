// SPDX-License-Identifier: Apache-2.0
// The gateway as producers meet it: a real process, real TLS, and a vault that records.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { test } from 'node:test';
import { FLAG } from '@strongroom/evidence';
import { GatewayProcess, TestAuthority, counted, endOf, rawOf } from '@strongroom/testing';

const RELP_OPEN = '1 open 30 relp_version=1\ncommands=syslog\n';
const RELP_OPENED = '1 rsp 62 200 OK\nrelp_version=1\nrelp_software=strongroom\ncommands=syslog\n';

function messages(count: number, length = 60): string[] {
  return Array.from({ length: count }, (_, i) => `<13>1 - host app - - - ${i} `.padEnd(length, '.'));
}

/** Collects what a socket is sent. */
function heard(socket: NodeJS.ReadableStream): { text: string } {
  const got = { text: '' };
  socket.on('data', (chunk: Buffer) => { got.text += chunk.toString('latin1'); });
  return got;
}

test('what a producer sends arrives whole, in order, with the facts of its receipt and an end record', async () => {
  await using gateway = await GatewayProcess.start();
  const shown = await gateway.enrol('web-01');
  const socket = await gateway.connect('syslog-tls', shown);
  const sent = messages(5000);
  socket.end(Buffer.concat([counted(sent), Buffer.from('<14>a line\n<15>the last one, not ended')]));
  const [stream] = await gateway.ended('web-01', 1);
  assert.deepEqual(rawOf(stream), [...sent, '<14>a line', '<15>the last one, not ended']);
  assert.deepEqual(endOf(stream), { records: 5002, bytes: 5000 * 60 + 37, reason: 'closed-in-line' });
  assert.equal(stream?.protocol, 'syslog-tls');
  assert.equal(stream.sourceKey, shown.keyHash);
  assert.match(stream.peer, /^127\.0\.0\.1:\d+$/);
  assert.equal(stream.flags, 0);
});

test('producers that close without reading lose nothing', async () => {
  await using gateway = await GatewayProcess.start();
  const shown = await gateway.enrol('web-01');
  const sent = messages(200, 400);
  await Promise.all(Array.from({ length: 40 }, async () => {
    const socket = await gateway.connect('syslog-tls', shown);
    socket.pause();
    socket.end(counted(sent));
    await once(socket, 'finish');
    socket.destroy();
  }));
  const streams = await gateway.ended('web-01', 40);
  for (const stream of streams) assert.deepEqual(rawOf(stream), sent);
});

test('a RELP message is answered when it is sealed, not before', async () => {
  await using gateway = await GatewayProcess.start();
  const socket = await gateway.connect('relp-tls', await gateway.enrol('web-01'));
  const got = heard(socket);
  gateway.vault.hold();
  socket.write(`${RELP_OPEN}2 syslog 3 one\n3 syslog 3 two\n4 close 0\n`);
  await gateway.vault.until(() => gateway.vault.of(gateway.idOf('web-01'))[0]?.records.length === 2);
  assert.equal(got.text, RELP_OPENED);
  gateway.vault.release();
  await once(socket, 'end');
  assert.equal(got.text, `${RELP_OPENED}2 rsp 6 200 OK\n3 rsp 6 200 OK\n4 rsp 0\n`);
  const [stream] = await gateway.ended('web-01', 1);
  assert.deepEqual(endOf(stream), { records: 2, bytes: 6, reason: 'relp-close' });
});

test('a slow vault slows producers down, and what they bring is bounded and whole', async () => {
  await using gateway = await GatewayProcess.start({ vault: { creditBytes: 256 * 1024 } });
  const shown = await gateway.enrol('firehose');
  gateway.vault.hold();
  const sent = messages(40_000, 500);
  const socket = await gateway.connect('syslog-tls', shown);
  socket.end(counted(sent));
  await gateway.until(() => gateway.stats.values['pausedConnections'] === 1);
  const { unackedBytes = 0, waitingBytes = 0 } = gateway.stats.values;
  assert.ok(unackedBytes + waitingBytes < 4 * 1024 * 1024, `${unackedBytes} + ${waitingBytes} octets are held`);
  gateway.vault.release();
  const [stream] = await gateway.ended('firehose', 1);
  assert.deepEqual(rawOf(stream), sent);
});

test('a firehose does not starve others', async () => {
  await using gateway = await GatewayProcess.start({ vault: { creditBytes: 256 * 1024 } });
  const firehose = await gateway.connect('syslog-tls', await gateway.enrol('firehose'));
  const quiet = await gateway.connect('syslog-tls', await gateway.enrol('quiet'));
  gateway.vault.hold();
  firehose.end(counted(messages(40_000, 500)));
  await gateway.until(() => gateway.stats.values['pausedConnections'] === 1);
  quiet.end(counted(['<13>a single message']));
  await once(quiet, 'finish');
  gateway.vault.release();
  await gateway.ended('quiet', 1);
  assert.ok(gateway.vault.bytes < 10_000_000, `${gateway.vault.bytes} octets were taken before it`);
});

test('a line to the vault that breaks loses and repeats nothing', async () => {
  await using gateway = await GatewayProcess.start();
  const socket = await gateway.connect('relp-tls', await gateway.enrol('web-01'));
  const got = heard(socket);
  gateway.vault.hold();
  socket.write(`${RELP_OPEN}2 syslog 3 one\n`);
  await gateway.vault.until(() => gateway.vault.of(gateway.idOf('web-01')).length === 1);
  gateway.vault.cutLine();
  gateway.vault.release();
  socket.write('3 syslog 3 two\n4 close 0\n');
  const [stream] = await gateway.ended('web-01', 1);
  assert.deepEqual(rawOf(stream), ['one', 'two']);
  if (!socket.readableEnded) await once(socket, 'end');
  assert.equal(got.text, `${RELP_OPENED}2 rsp 6 200 OK\n3 rsp 6 200 OK\n4 rsp 0\n`);
});

test('a stream that the vault denies is not answered, and its connection ends', async () => {
  await using gateway = await GatewayProcess.start();
  const socket = await gateway.connect('relp-tls', await gateway.enrol('web-01'));
  const got = heard(socket);
  gateway.vault.deny(gateway.idOf('web-01'), 'source.revoked');
  socket.write(`${RELP_OPEN}2 syslog 3 one\n`);
  await once(socket, 'close');
  assert.equal(got.text, RELP_OPENED);
  await gateway.said('gateway.denied');
  assert.equal(gateway.eventsOf('gateway.denied')[0]?.fields['code'], 'source.revoked');
});

test('revoking a source ends its connections at once and lets no new one in', async () => {
  await using gateway = await GatewayProcess.start();
  const shown = await gateway.enrol('web-01');
  const other = await gateway.connect('syslog-tls', await gateway.enrol('web-02'));
  const socket = await gateway.connect('syslog-tls', shown);
  socket.write(counted(['<13>before']));
  await gateway.vault.until(() => gateway.vault.of(gateway.idOf('web-01')).length === 1);
  const closed = once(socket, 'close');
  await gateway.revoke('web-01');
  await closed;
  const [stream] = await gateway.ended('web-01', 1);
  assert.equal(endOf(stream)?.reason, 'revoked');
  await gateway.said('gateway.connection-revoked');
  const again = await gateway.connect('syslog-tls', shown);
  await once(again, 'close');
  await gateway.said('gateway.certificate-revoked');
  other.end(counted(['<13>unharmed']));
  assert.deepEqual(rawOf((await gateway.ended('web-02', 1))[0]), ['<13>unharmed']);
});

test('new server certificates and authorities are taken over without a restart; a bad set keeps the last good one', async () => {
  await using gateway = await GatewayProcess.start();
  const shown = await gateway.enrol('web-01');
  const old = (await gateway.connect('syslog-tls', shown)).getPeerX509Certificate();
  const next = await gateway.authority.issue({ dns: ['localhost'], ips: ['127.0.0.1'], usages: ['server'] });
  gateway.placeServer(next);
  gateway.send({ kind: 'reload' });
  await gateway.said('gateway.reloaded');
  const renewed = (await gateway.connect('syslog-tls', shown)).getPeerX509Certificate();
  assert.notEqual(renewed?.fingerprint256, old?.fingerprint256);
  gateway.placeServer({ certificatePem: next.certificatePem, keyPem: shown.keyPem });
  gateway.send({ kind: 'reload' });
  await gateway.said('gateway.reload-refused');
  assert.match(String(gateway.eventsOf('gateway.reload-refused')[0]?.fields['why']), /not the one in the certificate/);
  const kept = (await gateway.connect('syslog-tls', shown)).getPeerX509Certificate();
  assert.equal(kept?.fingerprint256, renewed?.fingerprint256);
  const expired = await gateway.authority.issue({ dns: ['localhost'], usages: ['server'], fromDays: -10, toDays: -1 });
  gateway.placeServer(expired);
  gateway.send({ kind: 'reload' });
  await gateway.said('gateway.reload-refused', 2);
  assert.ok((gateway.stats.values['certificateNotAfter'] ?? 0) > Date.now() / 1000);
});

test('intermediates are accepted from producers and sent to them', async () => {
  await using gateway = await GatewayProcess.start();
  const below = gateway.authority.intermediate();
  gateway.placeServer(await below.issue({ dns: ['localhost'], ips: ['127.0.0.1'], usages: ['server'] }));
  gateway.send({ kind: 'reload' });
  await gateway.said('gateway.reloaded');
  const socket = await gateway.connect('syslog-tls', await gateway.enrol('web-01', {}, below));
  assert.equal(socket.authorized, true);
  socket.end(counted(['<13>through an intermediate']));
  assert.deepEqual(rawOf((await gateway.ended('web-01', 1))[0]), ['<13>through an intermediate']);
});

test('a stop takes what is on its way, writes end records, says goodbye to RELP clients and exits 0', async () => {
  await using gateway = await GatewayProcess.start();
  const shown = await gateway.enrol('web-01');
  const syslog = await gateway.connect('syslog-tls', shown);
  const relp = await gateway.connect('relp-tls', await gateway.enrol('web-02'));
  const got = heard(relp);
  relp.write(`${RELP_OPEN}2 syslog 3 one\n`);
  syslog.write(counted(['<13>one']));
  await gateway.vault.until(() => gateway.vault.of(gateway.idOf('web-01')).length === 1 && gateway.vault.of(gateway.idOf('web-02')).length === 1);
  syslog.once('end', () => syslog.end(counted(['<13>on its way'])));
  syslog.resume();
  const code = await gateway.stop();
  assert.equal(code, 0);
  const [first] = await gateway.ended('web-01', 1);
  assert.deepEqual(rawOf(first), ['<13>one', '<13>on its way']);
  assert.equal(endOf(first)?.reason, 'closed');
  const [second] = await gateway.ended('web-02', 1);
  assert.equal(endOf(second)?.reason, 'stopping');
  assert.equal(got.text, `${RELP_OPENED}2 rsp 6 200 OK\n0 serverclose 0\n`);
});

test('plain TCP and UDP exist only when they are switched on, and are marked unreliable', async () => {
  const on = { enabled: true, address: '127.0.0.1', port: 0 };
  await using gateway = await GatewayProcess.start({ gateway: { listeners: { syslogTcp: on, syslogUdp: on } } });
  const tcp = connectPlain(gateway.ports['syslog-tcp']!, '127.0.0.1');
  tcp.end('<13>over TCP\n');
  const udp = createSocket('udp4');
  udp.send('<13>over UDP', gateway.ports['syslog-udp'], '127.0.0.1', () => udp.close());
  await gateway.vault.until(() => gateway.vault.of(gateway.idOf('plain-127.0.0.1')).filter((stream) => rawOf(stream).length === 1).length === 2);
  const streams = gateway.vault.of(gateway.idOf('plain-127.0.0.1'));
  assert.deepEqual(streams.map(rawOf).flat().toSorted(), ['<13>over TCP', '<13>over UDP']);
  assert.deepEqual(streams.map(({ protocol }) => protocol).toSorted(), ['syslog-tcp', 'syslog-udp']);
  for (const stream of streams) {
    assert.equal(stream.flags, FLAG.unreliable);
    assert.equal(stream.sourceKey, '00'.repeat(32));
  }
});

test('plain listeners are off unless switched on', async () => {
  await using gateway = await GatewayProcess.start();
  assert.deepEqual(Object.keys(gateway.ports).toSorted(), ['relp-tls', 'syslog-tls']);
});

test('a source has no more connections than it may, and one that is too fast is slowed, not cut', async () => {
  await using gateway = await GatewayProcess.start({ gateway: { perSource: { connections: 2, bytesPerSecond: 200_000 } } });
  const shown = await gateway.enrol('web-01');
  const [first] = [await gateway.connect('syslog-tls', shown), await gateway.connect('syslog-tls', shown)];
  await gateway.until(() => gateway.stats.values['connections'] === 2);
  const third = await gateway.connect('syslog-tls', shown);
  await once(third, 'close');
  await gateway.said('gateway.source-connections-full');
  const sent = messages(1000, 300);
  first.end(counted(sent));
  await gateway.until(() => (gateway.stats.values['pausedConnections'] ?? 0) > 0);
  const ofFirst = await gateway.vault.until(() => gateway.vault.of(gateway.idOf('web-01')).some((stream) => endOf(stream) !== undefined)).then(() => gateway.vault.of(gateway.idOf('web-01')).find((stream) => endOf(stream) !== undefined));
  assert.deepEqual(rawOf(ofFirst), sent);
});

test('allowances of the supervisor replace the first share of a limit', async () => {
  await using gateway = await GatewayProcess.start({ gateway: { processes: 2, perSource: { connections: 2 } } });
  const shown = await gateway.enrol('web-01');
  await gateway.connect('syslog-tls', shown);
  await gateway.until(() => gateway.stats.values['connections'] === 1);
  gateway.send({ kind: 'allowance', sources: { 'web-01': { connections: 2, bytesPerSecond: 0 } } });
  await gateway.connect('syslog-tls', shown);
  await gateway.until(() => gateway.stats.values['connections'] === 2);
  assert.equal(gateway.eventsOf('gateway.source-connections-full').length, 0);
});

test('statistics tell per source what came, what is sealed and what waits', async () => {
  await using gateway = await GatewayProcess.start();
  const socket = await gateway.connect('syslog-tls', await gateway.enrol('web-01'));
  gateway.vault.hold();
  socket.write(counted(messages(10, 100)));
  await gateway.until(() => gateway.stats.sources?.['web-01']?.waiting === 1000);
  const waiting = gateway.stats.sources?.['web-01'];
  assert.deepEqual({ ...waiting, lagMs: 0 }, { events: 10, bytes: 1000, ackedBytes: 0, connections: 1, waiting: 1000, lagMs: 0 });
  gateway.vault.release();
  await gateway.until(() => gateway.stats.sources?.['web-01']?.ackedBytes === 1000);
  assert.equal(gateway.stats.values['ackedBytes'], 1000);
  assert.equal(gateway.stats.sources?.['web-01']?.lagMs, 0);
});

test('a foreign authority can be named in the configuration', async () => {
  const foreign = await TestAuthority.make('Another');
  await using gateway = await GatewayProcess.start({ files: { 'clients.pem': foreign.certificatePem }, gateway: { tls: { clientCa: 'clients.pem' } } });
  const socket = await gateway.connect('syslog-tls', await gateway.enrol('web-01', {}, foreign));
  socket.end(counted(['<13>from abroad']));
  assert.deepEqual(rawOf((await gateway.ended('web-01', 1))[0]), ['<13>from abroad']);
});

test('a stop does not wait for ever for a vault that does not seal, and says what that costs', async () => {
  await using gateway = await GatewayProcess.start();
  const socket = await gateway.connect('syslog-tls', await gateway.enrol('web-01'));
  gateway.vault.hold();
  socket.end(counted(['<13>never sealed']));
  await gateway.ended('web-01', 1);
  assert.equal(await gateway.stop(), 0);
  assert.ok(Number(gateway.eventsOf('gateway.unsealed')[0]?.fields['bytes']) > 0);
});
