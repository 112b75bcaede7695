// SPDX-License-Identifier: Apache-2.0
// The key service: the PKCS#11 module in a process of its own, because it may block and may crash. It signs checkpoints,
// wraps and unwraps data keys for the vault, issues certificates for the supervisor, and cosigns for the witness.
import { Failed } from '@strongroom/bytes';
import { errorFields, nowNs, runService, serviceId, type Fields, type Identity, type ServiceContext } from '@strongroom/service';
import { Counter } from './counter/counter.ts';
import { TpmCounter } from './counter/tpm.ts';
import { EVENTS, type EventName } from './events.ts';
import { readFounded } from './founded.ts';
import { Hsm } from './hsm.ts';
import { openKeyring, type Keyring } from './keyring.ts';
import { ownIdentity } from './own-identity.ts';
import { infoOf, placeOf, type KeyringPlace } from './place.ts';
import { openAdminSocket, openPeerSocket, type OpenSocket, type SocketHooks } from './sockets.ts';
import { verbsFor, type Counts, type VerbFacts } from './verbs.ts';

/** Certificates live for months; a renewal that fails has weeks of further tries. */
const RENEWAL_CHECK_MS = 3_600_000;

type Say = (event: EventName, fields?: Fields) => void;

runService('keys', async (context) => {
  process.umask(0o077);
  const say: Say = (event, fields) => context.event(event, EVENTS[event], fields);
  const place = placeOf(context.paths, context.config.keys, context.deployment);
  const refused = Promise.withResolvers<never>();
  const stopped = whenStopped(context.stop);
  const hsm = makeHsm(context, place, say, refused.reject);
  try {
    await Promise.race([opened(hsm, place), stopped, refused.promise]);
    if (context.stop.aborted) return;
    const close = await Promise.race([serve(context, hsm, place, say), stopped, refused.promise]);
    await Promise.race([stopped, refused.promise]);
    close?.();
  } finally {
    hsm.close();
  }
});

function makeHsm(context: ServiceContext, place: KeyringPlace, say: Say, refused: (error: unknown) => void): Hsm {
  const open = async (): Promise<Keyring> => {
    const ring = await openKeyring(place);
    ring.sync();
    say('keys.opened', { module: place.module, token: ring.token.facts.label, serial: ring.token.facts.serial });
    return ring;
  };
  return new Hsm(open, {
    away: (error) => {
      context.state('stalled', `${error.message}: ${error.why ?? ''}`);
      say('keys.hsm-away', errorFields(error));
    },
    back: (awayMs) => {
      context.state('running');
      say('keys.hsm-back', { awayMs: Math.round(awayMs) });
    },
    refused,
  });
}

/** One try where the deployment was founded before: with an HSM that is away we serve what needs none. Else as many as it takes. */
async function opened(hsm: Hsm, place: KeyringPlace): Promise<void> {
  if (readFounded(place.directory) === undefined) return hsm.ready();
  await hsm.use(() => undefined).catch((error: unknown) => {
    if (!(error instanceof Failed)) throw error;
  });
}

/** Resolves when all sockets are open, with what closes them. */
async function serve(context: ServiceContext, hsm: Hsm, place: KeyringPlace, say: Say): Promise<() => void> {
  const { paths, deployment, separation } = context;
  const counts: Counts = { signatures: 0, wraps: 0, unwraps: 0, issued: 0, cosignatures: 0 };
  const destruction = { directory: paths.keysToken, registry: () => context.registry, now: nowNs };
  const { tpm, index } = context.config.keys.counter;
  const counter = tpm === undefined ? undefined : new Counter(new TpmCounter(tpm, index), hsm, destruction);
  const facts: VerbFacts = { hsm, counter, info: () => infoOf(place), place, deployment, counts, keepRetiredLogKeys: context.config.keys.keepRetiredLogKeys, event: say, destruction };
  const hooks: SocketHooks = {
    refused: (socket, error) => say('keys.peer-refused', { socket, ...errorFields(error) }),
    failed: (verb, error) => say('keys.call-failed', { verb, ...errorFields(error) }),
  };
  const admin = await openAdminSocket(paths.keysAdminSocket, verbsFor('admin', facts), hooks);
  const identity = await identityOrWait(context, hsm);
  const open = (path: string, peer: 'vault' | 'witness'): Promise<OpenSocket> =>
    openPeerSocket(path, separation.groups?.[peer] ?? null, identity, serviceId(deployment, peer), verbsFor(peer, facts), hooks);
  const peers = [await open(paths.keysVaultSocket, 'vault'), await open(paths.keysWitnessSocket, 'witness')];
  const renew = (): void => void renewIdentity(context, hsm, peers, say);
  const timer = setInterval(renew, RENEWAL_CHECK_MS);
  context.onMessage('reload', renew);
  context.stats(() => ({ values: { ...counts, hsmAwayMs: Math.round(hsm.awayMs) } }));
  context.ready();
  return () => {
    clearInterval(timer);
    admin.close();
    for (const socket of peers) socket.close();
  };
}

/** The first certificate of all needs the HSM. */
async function identityOrWait({ paths, deployment }: ServiceContext, hsm: Hsm): Promise<Identity> {
  for (;;) {
    try {
      return (await ownIdentity(hsm, paths, deployment)).identity;
    } catch (error) {
      if (!(error instanceof Failed) || error.code !== 'keys.hsm-away') throw error;
      await hsm.ready();
    }
  }
}

async function renewIdentity({ paths, deployment }: ServiceContext, hsm: Hsm, sockets: readonly OpenSocket[], say: Say): Promise<void> {
  try {
    const { identity, renewed } = await ownIdentity(hsm, paths, deployment);
    if (renewed) for (const socket of sockets) socket.renew(identity);
  } catch (error) {
    say('keys.renewal-failed', errorFields(error));
  }
}

function whenStopped(stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) resolve();
    stop.addEventListener('abort', () => resolve(), { once: true });
  });
}
