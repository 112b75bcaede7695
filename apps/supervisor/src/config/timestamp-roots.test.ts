// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { configOf } from '@strongroom/service/config';
import { stampingIdentity } from '@strongroom/testing';
import { checkedRoots } from './timestamp-roots.ts';

const home = mkdtempSync(join(tmpdir(), 'strongroom-roots-'));
after(() => rmSync(home, { recursive: true }));
const root = stampingIdentity({ commonName: 'Root', authority: true });
const url = 'http://timestamp.example.com/tsa';

function check(timestamps: { url?: string; ca?: string }): Buffer | null {
  const { witness } = configOf();
  return checkedRoots({ ...witness, timestamps: { ...witness.timestamps, ...timestamps } }, home);
}

test('no authority is configured by default', () => {
  assert.equal(check({}), null);
});

test('its roots are read from where the configuration says, relative to home', () => {
  writeFileSync(join(home, 'roots.pem'), root.certificatePem);
  assert.equal(check({ url, ca: 'roots.pem' })?.toString(), root.certificatePem);
});

const wrong: readonly (readonly [string, string, { url?: string; ca?: string }, string?])[] = [
  ['an address without roots', 'config.timestamp-roots', { url }],
  ['roots without an address', 'config.timestamp-roots', { ca: 'roots.pem' }],
  ['an address that is none', 'config.timestamp-url', { url: 'http://[::', ca: 'roots.pem' }],
  ['roots that are not there', 'config.timestamp-roots', { url, ca: 'absent.pem' }],
  ['a file without a certificate', 'config.timestamp-roots', { url, ca: 'other.pem' }, 'nothing here'],
  ['a certificate that is no root', 'config.timestamp-roots', { url, ca: 'other.pem' }, stampingIdentity({ commonName: 'S', issuer: root }).certificatePem],
];
for (const [name, code, timestamps, content] of wrong) {
  test(`nothing starts with ${name}`, () => {
    if (content !== undefined) writeFileSync(join(home, 'other.pem'), content);
    assert.throws(() => check(timestamps), { name: 'Refused', code });
  });
}
