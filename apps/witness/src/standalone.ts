// SPDX-License-Identifier: Apache-2.0
// A witness without an appliance, for "strongroom witness serve": its key in a file, its state beside it.
//   node apps/witness/src/standalone.ts '{"state":DIR,"name":NAME,"logs":[VKEY…],"listen":"ADDRESS:PORT"}'
// It prints one line for its key and one for its address on standard output, and what goes wrong as three lines.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { eventLine, exitCodeFor, holdExclusively, makeEvent, errorFields } from '@strongroom/service';
import { EVENTS, type Say } from './events.ts';
import { fileKey } from './cosign/cosigner-key.ts';
import { Mirror } from './mirror/mirror.ts';
import { addressOf, serveWitness } from './serve/http.ts';
import { Witness } from './cosign/witness.ts';
import { LogStates } from './cosign/witnessed-logs.ts';

interface Settings {
  readonly state: string;
  readonly name: string;
  readonly logs: readonly string[];
  readonly listen: string;
  /** Directory of whole copies; undefined: none are kept. */
  readonly mirror?: string;
}

const say: Say = (event, fields) => void process.stderr.write(eventLine(makeEvent('witness', event, EVENTS[event], fields)));

process.umask(0o077);
try {
  await serve(JSON.parse(process.argv[2] ?? '{}') as Settings);
} catch (error) {
  const { code, why, fix } = error as { code?: string; why?: string; fix?: string };
  process.stderr.write(`strongroom: ${(error as Error).message} [${code ?? 'witness.unexpected'}]\n  why: ${why ?? 'see the line above'}\n  do:  ${fix ?? 'see "strongroom help witness"'}\n`);
  process.exit(exitCodeFor(error));
}

async function serve({ state, name, logs, listen, mirror: copies }: Settings): Promise<void> {
  const directory = resolve(state);
  if (!/^[^\s+]{1,200}$/.test(name)) throw new Refused('witness.name', `"${name.slice(0, 100)}" cannot name a witness`, { why: 'a name has no spaces and no plus', fix: 'take something like witness.example.com' });
  const { host, port } = parseListen(listen);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  await holdExclusively('witness', directory);
  const states = new LogStates(join(directory, 'logs'), logs);
  const key = await fileKey(join(directory, 'key.pem'), name);
  const witness = new Witness({ states, key, nowSeconds: () => Math.floor(Date.now() / 1000), forkShown: (origin, size) => say('witness.fork-shown', { origin, size }) });
  const mirrorKey = copies === undefined ? null : await fileKey(join(directory, 'mirror-key.pem'), `${name}-mirror`);
  const mirror = copies === undefined || mirrorKey === null ? null : new Mirror({
    states: new LogStates(join(directory, 'mirrored'), logs), directory: resolve(copies), key: mirrorKey, nowSeconds: () => Math.floor(Date.now() / 1000),
  });
  const server = await serveWitness(host, port, { witness, mirror, tls: null, failed: (error) => say('witness.serve-failed', errorFields(error)) });
  process.stdout.write(`vkey ${key.vkey}\n${mirrorKey === null ? '' : `mirror ${mirrorKey.vkey}\n`}url http://${addressOf(server)}\n`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { server.close(() => process.exit(0)); server.closeAllConnections(); });
}

function parseListen(text: string): { host: string; port: number } {
  const [, bracketed, plain, port = ''] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/i.exec(text) ?? [];
  if ((bracketed ?? plain) !== undefined && Number(port) <= 65_535) return { host: (bracketed ?? plain)!, port: Number(port) };
  throw new Refused('witness.listen', `"${text.slice(0, 100)}" is no address to listen on`, { why: 'ADDRESS:PORT is expected, a v6 address in brackets', fix: 'for example 0.0.0.0:7380' });
}
