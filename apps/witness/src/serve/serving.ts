// SPDX-License-Identifier: Apache-2.0
// Being a witness as a part of an appliance: the key is in its HSM, the state in its home.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed, Refused } from '@strongroom/bytes';
import { logNumber } from '@strongroom/evidence';
import { errorFields, type ServiceContext } from '@strongroom/service';
import type { Say } from '../events.ts';
import { hsmKey, type CosignerKey } from '../cosign/cosigner-key.ts';
import { Mirror } from '../mirror/mirror.ts';
import { addressOf, serveWitness, type Tls } from './http.ts';
import { Witness } from '../cosign/witness.ts';
import { LogStates } from '../cosign/witnessed-logs.ts';

const RETRY_MS = 500;

export interface Serving {
  readonly address: string;
  readonly vkey: string;
  readonly values: Record<string, number>;
  close(): void;
}

/** Listens once the key is there. Throws `Refused`: `witness.state`, `witness.own-log`, `witness.certificate`. */
export async function openServing(context: ServiceContext, say: Say): Promise<Serving> {
  const { serve } = context.config.witness;
  const states = new LogStates(join(context.paths.witnessState, 'logs'), serve.logs);
  const own = states.origins.find((origin) => logNumber(origin, context.deployment) !== null);
  if (own !== undefined) throw new Refused('witness.own-log', 'a deployment does not witness its own log', { why: `witness.serve.logs names ${own}`, fix: 'remove it there' });
  const key = await keyOrWait(context, 'witness', say);
  const witness = new Witness({
    states, key, nowSeconds: () => Math.floor(Date.now() / 1000), forkShown: (origin, size) => say('witness.fork-shown', { origin, size }),
  });
  const mirror = serve.mirror === undefined ? null : new Mirror({
    states: new LogStates(join(context.paths.witnessState, 'mirrored'), serve.logs), directory: serve.mirror, key: await keyOrWait(context, 'mirror', say), nowSeconds: () => Math.floor(Date.now() / 1000),
  });
  const server = await serveWitness(serve.address, serve.port, { witness, mirror, tls: tlsOf(context), failed: (error) => say('witness.serve-failed', errorFields(error)) });
  say('witness.serving', { vkey: key.vkey, logs: states.origins.length, address: addressOf(server) });
  return {
    address: addressOf(server), vkey: key.vkey,
    get values() { return { serveCosigned: witness.counts.cosigned, serveRefused: witness.counts.refused, serveConflicts: witness.counts.conflicts, ...(mirror === null ? {} : { mirrorCosigned: mirror.counts.cosigned, mirrorEntries: mirror.counts.entries, mirrorSegmentBytes: mirror.counts.segmentBytes }) }; },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function keyOrWait(context: ServiceContext, part: 'witness' | 'mirror', say: Say): Promise<CosignerKey> {
  for (let told = false; ; told = true) {
    try {
      return await hsmKey(context, part);
    } catch (error) {
      if (!(error instanceof Failed) || context.stop.aborted) throw error;
      if (!told) say('witness.serve-failed', errorFields(error));
      await delay(RETRY_MS, undefined, { signal: context.stop }).catch(() => undefined);
    }
  }
}

function tlsOf({ config: { witness: { serve } }, home }: ServiceContext): Tls | null {
  if (serve.certificate === undefined || serve.key === undefined) return null;
  try {
    return { cert: readFileSync(resolve(home, serve.certificate), 'utf8'), key: readFileSync(resolve(home, serve.key), 'utf8') };
  } catch (cause) {
    throw new Refused('witness.certificate', 'the certificate to serve with cannot be read', { why: (cause as Error).message, fix: 'correct witness.serve.certificate and witness.serve.key; the witness\'s own user must be able to read them', cause });
  }
}
