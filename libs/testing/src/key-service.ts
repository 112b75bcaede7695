// SPDX-License-Identifier: Apache-2.0
// The key service as the vault meets it, with software keys instead of an HSM.
import { createServer, type Server } from 'node:tls';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { serveRpc, socketPath, tlsServerOptions, type Identity, type RpcVerbs } from '@strongroom/service';
import type { SoftwareKeys } from './software-keys.ts';

/** Listens where the vault looks for its keys. */
export async function serveKeys(path: string, identity: Identity, keys: SoftwareKeys): Promise<Server> {
  const server = createServer(tlsServerOptions(identity), (socket) => void serveRpc(socket, verbsOf(keys), { caller: null }));
  rmSync(path, { force: true });
  server.listen(socketPath(path));
  await once(server, 'listening');
  return server;
}

function verbsOf(keys: SoftwareKeys): RpcVerbs<null> {
  return {
    info: async () => ({ caPem: '-', logPublicKeySpki: spkiOf(keys), logKeys: [{ origin: keys.key.name, spki: spkiOf(keys), state: 'active', since: null }] }),
    signCheckpoint: async (args) => ({ signature: base64(await keys.signCheckpoint(octets(args, 'message'))) }),
    ensureWrappingKey: async (args) => ({ keyId: await keys.ensureWrappingKey(text(args, 'retentionClass'), text(args, 'bucket')) }),
    wrap: async (args) => {
      const { iv, ciphertext, tag } = await keys.wrap(text(args, 'keyId'), octets(args, 'plain'), octets(args, 'aad'));
      return { iv: base64(iv), ciphertext: base64(ciphertext), tag: base64(tag) };
    },
    unwrap: async (args) => {
      const wrapped = { iv: octets(args, 'iv'), ciphertext: octets(args, 'ciphertext'), tag: octets(args, 'tag') };
      return { plain: base64(await keys.unwrap(text(args, 'keyId'), wrapped, octets(args, 'aad'))) };
    },
  };
}

function spkiOf({ key }: SoftwareKeys): string {
  return base64(key.key.export({ type: 'spki', format: 'der' }));
}

function text(args: unknown, name: string): string {
  return (args as Record<string, string>)[name]!;
}

function octets(args: unknown, name: string): Buffer {
  return Buffer.from(text(args, name), 'base64');
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64');
}
