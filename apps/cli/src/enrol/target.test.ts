// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseTarget, parseAddress } from './target.ts';

const LISTENERS = [{ protocol: 'syslog-tls', address: '127.0.0.1:41001' }, { protocol: 'relp-tls', address: '127.0.0.1:41002' }];
const NAMES = { dns: ['localhost', 'vm', 'logs.example.com'], ips: ['127.0.0.1', '192.0.2.1'] };

test('takes names and addresses with and without a port', () => {
  const cases = [
    ['logs.example.com', 'logs.example.com', undefined], ['logs.example.com:6514', 'logs.example.com', 6514], ['192.0.2.1', '192.0.2.1', undefined], ['192.0.2.1:1', '192.0.2.1', 1],
    ['2001:db8::1', '2001:db8::1', undefined], ['[2001:db8::1]', '2001:db8::1', undefined], ['[2001:db8::1]:65535', '2001:db8::1', 65_535], ['log_host', 'log_host', undefined],
  ] as const;
  for (const [text, host, port] of cases) assert.deepEqual(parseAddress(text), { host, port });
});

for (const text of ['', ':6514', 'host:', 'host:0', 'host:65536', 'host:http', 'a b', 'http://host', '[host]:1', 'a..b', '-x', 'x"y', '192.0.2.1:', `${'a'.repeat(254)}`]) {
  test(`refuses "${text.slice(0, 20)}" as an address`, () => assert.throws(() => parseAddress(text), { code: 'usage.address' }));
}

test('sends to the listeners of this machine unless told otherwise', async () => {
  assert.deepEqual(await chooseTarget(undefined, undefined, LISTENERS, NAMES), { address: { address: '127.0.0.1', syslogPort: 41_001, relpPort: 41_002, serverName: 'localhost' }, warning: null });
  const { address } = await chooseTarget(undefined, undefined, [{ protocol: 'syslog-tls', address: '[::]:6514' }], NAMES);
  assert.ok(address.address !== '::' && address.address !== '');
  assert.deepEqual([address.syslogPort, address.relpPort], [6514, 2514]);
});

test('takes the port that is given for syslog, and the listener\'s for RELP unless that is given too', async () => {
  const given = parseAddress('Logs.example.com:16514');
  assert.deepEqual((await chooseTarget(given, undefined, LISTENERS, NAMES)), { address: { address: 'Logs.example.com', syslogPort: 16_514, relpPort: 41_002, serverName: 'Logs.example.com' }, warning: null });
  assert.equal((await chooseTarget(given, 12_514, LISTENERS, NAMES)).address.relpPort, 12_514);
});

test('warns of an address that the server certificate does not carry', async () => {
  for (const text of ['other.example.com', '198.51.100.7']) assert.match((await chooseTarget(parseAddress(text), undefined, LISTENERS, NAMES)).warning ?? '', /gateway\.serverNames/);
});
