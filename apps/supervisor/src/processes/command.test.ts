// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { nativeHasherPath } from '@strongroom/service';
import { serviceCommand, serviceEnvironment, type CommandFacts } from './command.ts';

const FACTS: CommandFacts = { code: '/code', node: '/code/node', root: true, account: { uid: 60602, gid: 60602, groups: [60604, 60605] }, ports: [6514, 0] };
const words = (facts: Partial<CommandFacts>, name: 'gateway' | 'vault' | 'keys' = 'gateway'): string[] => {
  const { file, args } = serviceCommand(name, { ...FACTS, ...facts });
  return [file, ...args];
};

test('a service has its user, no capability, no new privileges, no core dump, no inspector', () => {
  const line = words({});
  for (const word of ['prlimit', '--core=0:0', 'setpriv', '--reuid=60602', '--regid=60602', '--groups=60604,60605', '--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all', '--no-new-privs', '--disable-sigusr1']) {
    assert.ok(line.includes(word), word);
  }
  assert.equal(line.at(-1), '/code/apps/gateway/src/main.ts');
});

test('no groups means none, not those of root', () => {
  assert.ok(words({ account: { uid: 1, gid: 1, groups: [] } }).includes('--clear-groups'));
});

test('only a port below 1024 brings a capability, and only that one', () => {
  assert.ok(words({ ports: [514] }).includes('--bounding-set=-all,+net_bind_service'));
  assert.ok(words({ ports: [1024] }).includes('--bounding-set=-all'));
});

test('the gateway sends no session tickets, and only keys loads an addon, and the vault the one that hashes, if it was built', () => {
  assert.ok(words({}).includes('--openssl-config=/code/apps/gateway/openssl.cnf'));
  assert.ok(words({}).includes('--no-addons'));
  assert.ok(!words({}, 'keys').includes('--no-addons'));
  assert.ok(words({}, 'vault').includes('--no-addons'));
  assert.ok(words({}, 'vault').includes('--no-liftoff'));
  const code = mkdtempSync(join(tmpdir(), 'strongroom-command-'));
  try {
    mkdirSync(dirname(nativeHasherPath(code)), { recursive: true });
    writeFileSync(nativeHasherPath(code), '');
    assert.ok(!words({ code }, 'vault').includes('--no-addons'));
    assert.ok(!words({ code }, 'vault').includes('--no-liftoff'));
    assert.ok(words({ code }, 'gateway').includes('--no-addons'));
  } finally {
    rmSync(code, { recursive: true });
  }
});

test('without root nothing is asked for that needs it', () => {
  const line = words({ root: false, account: null });
  assert.deepEqual(line.slice(0, 4), ['prlimit', '--core=0:0', 'setpriv', '--no-new-privs']);
  assert.equal(line[4], '/code/node');
});

test('services get of the environment what they need, and no secret of the caller', () => {
  const given = { PATH: '/bin', LANG: 'C', TZ: 'UTC', LD_PRELOAD: 'x.so', AWS_SECRET_ACCESS_KEY: 's', NODE_OPTIONS: '--inspect', STRONGROOM_CONFIG: 'c', NOTIFY_SOCKET: 'n' };
  assert.deepEqual(serviceEnvironment('/cache', given), { PATH: '/bin', LANG: 'C', TZ: 'UTC', LD_PRELOAD: 'x.so', NODE_COMPILE_CACHE: '/cache' });
});
