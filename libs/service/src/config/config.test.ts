// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { configKeys } from './config-walk.ts';
import { checkConfig, configFile, configSchema, explainConfig, loadConfig } from './config.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-config-'));
after(() => rmSync(directory, { recursive: true }));

function file(text: string): string {
  const path = join(directory, 'strongroom.yaml');
  writeFileSync(path, text);
  return path;
}

test('without a file everything is default, complete and frozen', () => {
  const config = loadConfig(undefined);
  assert.equal(config.gateway.listeners.syslogTls.port, 6514);
  assert.equal(config.gateway.listeners.syslogUdp.enabled, false);
  assert.equal(config.vault.segmentMaxBytes, 268_435_456);
  assert.equal(config.deployment, undefined);
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.gateway.listeners.relpTls));
});

test('a file changes what it names and nothing else', () => {
  const config = loadConfig(file('gateway:\n  listeners:\n    relpTls: {port: 0}\ndeployment: lab-1\n'));
  assert.equal(config.gateway.listeners.relpTls.port, 0);
  assert.equal(config.gateway.listeners.relpTls.enabled, true);
  assert.equal(config.deployment, 'lab-1');
});

test('an empty file is an empty configuration', () => {
  assert.deepEqual(loadConfig(file('')), loadConfig(undefined));
  assert.deepEqual(loadConfig(file('# nothing\n')), loadConfig(undefined));
});

test('an unknown key is refused with the one that was meant', () => {
  assert.throws(() => loadConfig(file('gateway: {proceses: 2}')), { code: 'config.unknown-key', fix: 'did you mean "processes"?' });
  assert.throws(() => loadConfig(file('vualt: {}')), { code: 'config.unknown-key', fix: 'did you mean "vault"?' });
  assert.throws(() => loadConfig(file('__proto__: {}')), { code: 'config.unknown-key' });
});

test('all findings are told at once, each with its key', () => {
  const found = checkConfig(file('gateway: {maxConnections: zero, serverNames: [1], listeners: {relpTls: {port: 99999}}, tls: 3}\nvault: []\nsupervisor: {metrics: {port: 1.5, addres: x}}\ndeployment: A_b\n'));
  assert.deepEqual(found.map(({ key }) => key).toSorted(), [
    'deployment', 'gateway.listeners.relpTls.port', 'gateway.maxConnections', 'gateway.serverNames.0', 'gateway.tls', 'supervisor.metrics.addres', 'supervisor.metrics.port', 'vault',
  ]);
  for (const { what, why, fix } of found) assert.ok(what !== '' && why !== '' && fix !== '');
});

test('a value out of range is told with its range and unit', () => {
  const [finding] = checkConfig(file('gateway: {maxRecordBytes: 3}'));
  assert.equal(finding?.code, 'config.value');
  assert.match(finding.why, /from 480 to 1048576 bytes/);
});

test('what is not YAML, or could grow, is refused', () => {
  assert.throws(() => loadConfig(file('a: [')), { code: 'config.yaml' });
  assert.throws(() => loadConfig(file('a: 1\na: 2\n')), { code: 'config.yaml' });
  assert.throws(() => loadConfig(file('gateway: &a {processes: 1}\nvault: *a\n')), { code: 'config.yaml' });
  assert.throws(() => loadConfig(file('just text')), { code: 'config.value' });
  assert.throws(() => loadConfig(file(' '.repeat(1024 * 1024 + 1))), { code: 'config.file' });
  assert.throws(() => loadConfig(join(directory, 'absent.yaml')), { code: 'config.file' });
});

test('every key has a description and an example that is allowed', () => {
  for (const [key, schema] of configKeys()) {
    assert.ok(schema.description.length > 10, key);
    const value = schema.examples?.[0];
    assert.notEqual(value, undefined, key);
    const nested = key.split('.').reduceRight<unknown>((below, name) => ({ [name]: below }), value);
    assert.deepEqual(checkConfig(file(JSON.stringify(nested))), [], key);
  }
});

test('explain says of every key what it is and where it comes from', () => {
  const explained = explainConfig(file('keys: {tokenLabel: mine}'));
  assert.equal(explained.length, configKeys().length);
  const of = (key: string) => explained.find((one) => one.key === key);
  assert.deepEqual([of('keys.tokenLabel')?.value, of('keys.tokenLabel')?.from], ['mine', 'file']);
  assert.deepEqual([of('vault.idleCycleMs')?.value, of('vault.idleCycleMs')?.unit, of('vault.idleCycleMs')?.from], [1000, 'ms', 'default']);
  assert.deepEqual([of('keys.pinFile')?.value, of('keys.pinFile')?.from], [null, 'unset']);
});

test('the schema asks for no key, as a file may leave out all', () => {
  // What stands in a list is whole or not there.
  assert.ok(!JSON.stringify(configSchema(), (name, value: unknown) => (name === 'items' ? undefined : value)).includes('"required"'));
});

test('STRONGROOM_CONFIG names the file; empty is none', () => {
  assert.equal(configFile({ STRONGROOM_CONFIG: '/etc/s.yaml' }), '/etc/s.yaml');
  assert.equal(configFile({ STRONGROOM_CONFIG: '' }), undefined);
});
