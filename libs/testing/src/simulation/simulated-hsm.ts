// SPDX-License-Identifier: Apache-2.0
// Keys that take their time, go away and come back. What a token holds outlives the process that asks it.
import { Failed } from '@strongroom/bytes';
import type { ApprovalRules } from '@strongroom/evidence';
import type { SoftwareKeys } from '../software-keys.ts';
import type { Owner, SimulatedTime } from './simulated-time.ts';

export interface HsmChance {
  /** Milliseconds until it answers; null: never. */
  latencyMs(): number | null;
  /** Whether it is away. */
  isAway(): boolean;
  /** Of one that is away: whether it went only after it had done what it was asked for. */
  hasDone(): boolean;
}

/** The calls of a key service on one line; lost with their process. */
export function simulatedHsm(keys: SoftwareKeys, time: SimulatedTime, owner: Owner, chance: HsmChance, rules: () => ApprovalRules) {
  /** `ask` is told whether it is the last that the HSM does for now. */
  const call = <T>(ask: (isCut: boolean) => Promise<T>): Promise<T> => {
    const latencyMs = chance.latencyMs();
    // A line that was lost without a word is given up by the transport in the end.
    return new Promise((resolve, reject) => {
      time.after(latencyMs ?? 20_000, () => {
        if (latencyMs !== null && !chance.isAway()) resolve(ask(false));
        else void lost(ask).then(reject);
      }, owner);
    });
  };
  const lost = async (ask: (isCut: boolean) => Promise<unknown>): Promise<Failed> => {
    if (chance.hasDone()) await ask(true).catch(() => undefined);
    return new Failed('keys.hsm-away', 'the HSM does not answer');
  };
  return {
    signCheckpoint: (text: Buffer, spki: Buffer) => call(() => keys.signCheckpoint(text, spki)),
    ensureWrappingKey: (retentionClass: string, bucket: string, except?: readonly string[]) => call(() => keys.ensureWrappingKey(retentionClass, bucket, except)),
    wrap: (keyId: string, dataKey: Buffer, context: Buffer) => call(() => keys.wrap(keyId, dataKey, context)),
    unwrap: (...args: Parameters<SoftwareKeys['unwrap']>) => call(() => keys.unwrap(...args)),
    rewrap: (...args: Parameters<SoftwareKeys['rewrap']>) => call(() => keys.rewrap(...args)),
    beginOrder: (bytes: Buffer) => call(() => keys.beginOrder(bytes, rules())),
    destroyByOrder: (bytes: Buffer) => call((isCut) => keys.destroyByOrder(bytes, isCut ? 1 : Infinity)),
    logKeys: () => call(async () => keys.logKeys()),
    prepareLogKey: (origin: string) => call(() => keys.prepareLogKey(origin)),
    foundLogKey: (origin: string) => call(() => keys.foundLogKey(origin)),
    retireLogKey: (rotation: string) => call(() => keys.retireLogKey(rotation)),
    retireWrappingKeys: () => call(() => keys.retireWrappingKeys()),
  };
}
