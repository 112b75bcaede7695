// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSecret } from './secrets.ts';
import { securityWords, targetOf } from './settings.ts';

const code = (error: unknown): boolean => (error as { code?: string }).code === 'rack.secret';

test('a secret is the first line of a file that others can neither read nor write', () => {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-secret-'));
  const path = join(directory, 'pdu-a.auth');
  try {
    assert.throws(() => readSecret(path, 'password'), code);
    writeFileSync(path, 'first long password\nsomething else\n', { mode: 0o600 });
    assert.equal(readSecret(path, 'password'), 'first long password');
    for (const mode of [0o604, 0o644, 0o620, 0o602]) {
      chmodSync(path, mode);
      assert.throws(() => readSecret(path, 'password'), code, mode.toString(8));
    }
    chmodSync(path, 0o640);
    assert.equal(readSecret(path, 'password'), 'first long password');
    for (const text of ['', 'short\n', `${'x'.repeat(2000)}\n`]) {
      writeFileSync(path, text);
      assert.throws(() => readSecret(path, 'password'), code);
    }
    writeFileSync(path, 'open\n');
    assert.equal(readSecret(path, 'community'), 'open');
    symlinkSync(path, join(directory, 'link'));
    assert.throws(() => readSecret(join(directory, 'link'), 'community'), code);
    assert.throws(() => readSecret(directory, 'community'), code);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a device has the best security unless it is named otherwise', () => {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-secret-'));
  try {
    for (const name of ['a.auth', 'a.priv', 'c']) writeFileSync(join(directory, name), 'a long password\n', { mode: 0o600 });
    const target = targetOf('a', { address: '192.0.2.1', user: 'u' }, (file) => join(directory, file));
    assert.equal(securityWords(target.security), 'authPriv, SHA-256, AES-256');
    assert.deepEqual([target.port, target.timeoutMs], [161, 2000]);
    assert.equal(targetOf('a', { address: '2001:DB8:0::1', user: 'u' }, (file) => join(directory, file)).address, '2001:db8::1');
    assert.equal(securityWords(targetOf('a', { address: '192.0.2.1', version: 'v2c', communityFile: 'c' }, (file) => join(directory, file)).security), 'v2c, unauthenticated');
  } finally {
    rmSync(directory, { recursive: true });
  }
});
