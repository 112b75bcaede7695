// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { collect, serverNames } from './server-names.ts';

test('names and addresses are told apart, each once; what is neither is left out', () => {
  assert.deepEqual(collect(['A.example', 'a.example', '192.0.2.1', 'fe80::1%eth0', '', 'no good', '-x', '*.example']), { dns: ['a.example'], ips: ['192.0.2.1', 'fe80::1'] });
});

test('this machine is localhost, its name and its addresses', () => {
  const { dns, ips } = serverNames(['logs.example.com']);
  for (const name of ['logs.example.com', 'localhost', hostname().toLowerCase()]) assert.ok(dns.includes(name), name);
  for (const ip of ['127.0.0.1', '::1']) assert.ok(ips.includes(ip), ip);
});
