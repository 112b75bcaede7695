// SPDX-License-Identifier: Apache-2.0
// Unwraps data keys where no service runs, for "strongroom verify":
//   STRONGROOM_HOME=… STRONGROOM_CONFIG=… node apps/keys/src/offline.ts
// answers `info` and `unwrap` (libs/keys/src/key-service.ts) on standard input and output until the input ends. It founds
// nothing and changes nothing, and answers `keys.hsm-away` where there is no token.
import { resolve } from 'node:path';
import { Duplex } from 'node:stream';
import { homeDirectory, layout, serveRpc } from '@strongroom/service';
import { loadConfig } from '@strongroom/service/config';
import { openFounded, type Keyring } from './keyring.ts';
import { foundedOr, infoOf, placeOf, type KeyringPlace } from './place.ts';
import { borrowSoftHsm } from './softhsm.ts';
import { verbsFor } from './verbs.ts';

const CODE = resolve(import.meta.dirname, '../../..');

/** What goes wrong on the way is the answer to each call. */
async function open(place: KeyringPlace): Promise<Keyring> {
  const founded = foundedOr(place.directory);
  const giveBack = place.pinFile === undefined ? borrowSoftHsm(place.directory) : (): void => undefined;
  try {
    return await openFounded(place, founded);
  } finally {
    giveBack();
  }
}

const place = Promise.try(() => placeOf(layout(homeDirectory(CODE)), loadConfig().keys, ''));
const ring = place.then(open);
ring.catch(() => undefined);

async function use<T>(work: (opened: Keyring) => T): Promise<Awaited<T>> {
  return await work(await ring);
}

const verbs = verbsFor('offline', {
  hsm: { use },
  info: async () => infoOf(await place),
  deployment: '',
  counts: { signatures: 0, wraps: 0, unwraps: 0, issued: 0, cosignatures: 0 },
  keepRetiredLogKeys: true,
  event: () => undefined,
});

// Duplex.from takes such a pair, which its types do not know.
const pipes = Duplex.from({ readable: process.stdin, writable: process.stdout } as unknown as Duplex);
await serveRpc(pipes, verbs, { caller: 'offline' });
await ring.then((one) => one.close(), () => undefined);
process.exit(0);
