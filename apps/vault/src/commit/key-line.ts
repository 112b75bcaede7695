// SPDX-License-Identifier: Apache-2.0
// The vault's line to the key service: one connection, made again when it was lost.
import { Failed } from '@strongroom/bytes';
import { keyService, type KeyService, type LogKeyFacts } from '@strongroom/keys';
import { RpcClient, serviceId, type ServiceContext } from '@strongroom/service';
import type { Clock } from '../clock.ts';
import { patiently, type SealingKeys } from './keys.ts';
import type { RotationKeys } from './rotator.ts';

export type CustodyKeys = Pick<KeyService, 'ensureWrappingKey' | 'unwrap' | 'rewrap' | 'beginOrder' | 'destroyByOrder'>;

export type CounterKeys = Pick<KeyService, 'readCounter' | 'advanceCounter' | 'acceptCounter'>;

export interface KeyLine {
  /** For sealing: waits until the HSM answers. */
  readonly sealing: SealingKeys & RotationKeys;
  /** What the token has of the log's keys; waits like sealing. */
  logKeys(): Promise<readonly LogKeyFacts[]>;
  /** For reading: fails at once when the HSM is away. */
  readonly unwrap: KeyService['unwrap'];
  /** For holds and destructions: the same. Of the running service alone. */
  readonly custody?: CustodyKeys;
  /** For the hardware counter: the same. */
  readonly counter?: CounterKeys;
  close(): void;
}

/** `onAway` and `onBack` frame a time in which sealing waits for the HSM. */
export function openKeyLine(clock: Clock, context: ServiceContext, onAway: (error: Failed) => void, onBack: (awayMs: number) => void): KeyLine {
  let client: Promise<RpcClient> | undefined;
  const peer = () => ({ identity: context.identity, expected: serviceId(context.deployment, 'keys') });
  const call = async (verb: string, args?: unknown): Promise<unknown> => {
    client ??= RpcClient.connect(context.paths.keysVaultSocket, peer());
    const line = client;
    try {
      return await (await line).call(verb, args);
    } catch (error) {
      // Whatever went wrong on the way, the next call takes a fresh connection; answers of the service are no such thing.
      if (error instanceof Failed && error.code.startsWith('rpc.') && client === line) {
        client = undefined;
        void line.then((lost) => lost.close(), () => undefined);
      }
      throw error;
    }
  };
  const keys = keyService({ call });
  const patience = { clock, onAway, onBack, stop: context.stop };
  return {
    sealing: patiently(keys, patience),
    logKeys: async () => (await patiently({ info: () => keys.info() }, patience).info()).logKeys,
    custody: keys,
    counter: keys,
    unwrap: (keyId, wrapped, aad) => keys.unwrap(keyId, wrapped, aad),
    close: () => void client?.then((line) => line.close(), () => undefined),
  };
}
