// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createServer, type Server } from 'node:tls';
import { TestAuthority } from '@strongroom/testing';
import { RpcClient } from '../calls/rpc-client.ts';
import { serveRpc } from '../calls/rpc-server.ts';
import { loadIdentity, peerKeyHash, peerSpiffe, spiffeOf, tlsServerOptions, type Identity } from './identity.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-identity-'));
const path = join(directory, 'tls.sock');
let authority: TestAuthority;
let server: Server;

async function identity(uri: string, by = authority): Promise<Identity> {
  const { certificatePem, keyPem, keyHash } = await by.issue({ uris: [uri] });
  return { id: uri, certificatePem, keyPem, caPem: authority.certificatePem, keyHash, notAfter: new Date() };
}

before(async () => {
  authority = await TestAuthority.make();
  server = createServer(tlsServerOptions(await identity('spiffe://d/service/vault')), (socket) => {
    void serveRpc(socket, { who: async () => ({ id: peerSpiffe(socket), keyHash: peerKeyHash(socket), protocol: socket.getProtocol(), reused: socket.isSessionReused() }) }, { caller: null });
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => { server.listen(path, resolve); });
});
after(() => {
  server.close();
  rmSync(directory, { recursive: true });
});

test('both sides know each other by SPIFFE ID and key, over TLS 1.3', async () => {
  const gateway = await identity('spiffe://d/service/gateway');
  const client = await RpcClient.connect(path, { identity: gateway, expected: 'spiffe://d/service/vault' });
  assert.deepEqual(await client.call('who'), { id: gateway.id, keyHash: gateway.keyHash, protocol: 'TLSv1.3', reused: false });
  client.close();
});

test('a server that is somebody else is refused before a word is said', async () => {
  const peer = { identity: await identity('spiffe://d/service/gateway'), expected: 'spiffe://d/service/keys' };
  await assert.rejects(RpcClient.connect(path, peer), { code: 'identity.other' });
});

test('a client of another CA gets nothing', async () => {
  const stranger = await identity('spiffe://d/service/gateway', await TestAuthority.make('Other'));
  await assert.rejects(async () => {
    const client = await RpcClient.connect(path, { identity: stranger, expected: 'spiffe://d/service/vault' });
    await client.call('who');
  }, { code: 'rpc.connection-lost' });
});

async function certificateOf(uris: string[]): Promise<X509Certificate> {
  return new X509Certificate((await authority.issue({ uris, dns: ['x'] })).certificatePem);
}

test('a certificate with another number of SPIFFE IDs than one names nobody', async () => {
  assert.equal(spiffeOf(await certificateOf(['spiffe://d/source/a'])), 'spiffe://d/source/a');
  for (const uris of [[], ['spiffe://d/source/a', 'spiffe://d/source/b'], ['https://d/source/a']]) {
    const certificate = await certificateOf(uris);
    assert.throws(() => spiffeOf(certificate), { code: 'identity.no-spiffe' });
  }
});

test('an identity is loaded from its files, and a missing one is told', async () => {
  const made = await identity('spiffe://d/reader/alice');
  const paths = { directory, certificate: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
  writeFileSync(join(directory, 'ca.pem'), made.caPem);
  writeFileSync(paths.certificate, made.certificatePem);
  assert.throws(() => loadIdentity(paths, join(directory, 'ca.pem')), { code: 'identity.unreadable' });
  writeFileSync(paths.key, made.keyPem);
  const { id, keyHash } = loadIdentity(paths, join(directory, 'ca.pem'));
  assert.deepEqual({ id, keyHash }, { id: made.id, keyHash: made.keyHash });
});
