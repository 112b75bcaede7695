// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accounts } from './accounts.ts';

test('without entries every service has a number of its own', () => {
  const { supervisor, ...services } = accounts('root:x:0:0::/root:/bin/sh\n', '');
  const uids = Object.values(services).map(({ uid }) => uid);
  assert.equal(new Set(uids).size, uids.length);
  for (const uid of uids) assert.ok(uid >= 60578 && uid <= 61183);
  assert.equal(supervisor.uid, 0);
  assert.ok(!uids.includes(supervisor.gid));
});

test('an entry of the machine is used', () => {
  const { vault } = accounts('strongroom-vault:x:987:986::/:/usr/sbin/nologin\n', '');
  assert.deepEqual([vault.uid, vault.gid], [987, 986]);
});

test('who hands out sockets belongs to the groups that use them', () => {
  const { keys, vault, gateway, capture, supervisor, witness, 'skew-guard': guard, 'rack-monitor': rack } = accounts('', 'systemd-journal:x:999:\n');
  assert.deepEqual(vault.groups, [gateway.gid, capture.gid, supervisor.gid, witness.gid, guard.gid, rack.gid]);
  assert.deepEqual(keys.groups, [vault.gid, witness.gid]);
  assert.deepEqual(gateway.groups, []);
  assert.deepEqual(capture.groups, [999]);
});
