// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { homeDirectory, layout, SUBMITTERS } from './layout.ts';
import { closeSocketDirectories, SOCKET_PATH_BYTES_MAX, socketPath } from './socket-path.ts';

test('every path lies under home', () => {
  const { home, submitSocket, identity, registry, readSocket, keysAdminSocket } = layout('/srv/strongroom/');
  assert.equal(home, '/srv/strongroom');
  for (const path of [...SUBMITTERS.map(submitSocket), identity('operator').key, registry, readSocket, keysAdminSocket]) assert.ok(path.startsWith(`${home}/`), path);
});

test('home is where STRONGROOM_HOME says, else var', () => {
  assert.equal(homeDirectory('/code', { STRONGROOM_HOME: '/srv/x' }), '/srv/x');
  assert.equal(homeDirectory('/code', { STRONGROOM_HOME: '' }), '/code/var');
});

test('a socket can be bound and reached below a path that is too long for an address', async () => {
  const top = mkdtempSync(join(tmpdir(), 'strongroom-socket-'));
  const directory = join(top, 'a'.repeat(80), 'b'.repeat(80));
  mkdirSync(directory, { recursive: true });
  const path = join(directory, 'x.sock');
  try {
    assert.ok(Buffer.byteLength(socketPath(path)) <= SOCKET_PATH_BYTES_MAX);
    const server = createServer((socket) => socket.end('here'));
    await new Promise<void>((resolve) => { server.listen(socketPath(path), resolve); });
    const text = await new Promise<string>((resolve, reject) => {
      connect(socketPath(path)).on('data', (chunk) => resolve(chunk.toString())).on('error', reject);
    });
    assert.equal(text, 'here');
    await new Promise((resolve) => { server.close(resolve); });
  } finally {
    closeSocketDirectories();
    rmSync(top, { recursive: true });
  }
});

test('a short path is its own address', () => {
  assert.equal(socketPath('/run/x.sock'), '/run/x.sock');
});
