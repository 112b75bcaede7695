// SPDX-License-Identifier: Apache-2.0
import type { KeyServiceInfo } from '@strongroom/keys';
import { Failed } from '@strongroom/bytes';
import type { Config, Layout } from '@strongroom/service';
import { readFounded, type Founded } from './founded.ts';
import { readLogKeys } from './log-keys.ts';
import { MECHANISMS } from './module.ts';

/** Where a deployment's token is and how it is opened. */
export interface KeyringPlace {
  /** secrets/keys. */
  readonly directory: string;
  readonly module: string;
  readonly tokenLabel: string;
  /** File with an external token's PIN; undefined: the embedded SoftHSM. */
  readonly pinFile: string | undefined;
  readonly deployment: string;
}

/** By configuration: without a PIN file the token is the embedded one. */
export function placeOf(paths: Layout, keys: Config['keys'], deployment: string): KeyringPlace {
  return { directory: paths.keysToken, module: keys.module, tokenLabel: keys.tokenLabel, pinFile: keys.pinFile, deployment };
}

/** What can be said without the token. Throws `Failed('keys.hsm-away')` before the deployment was founded. */
export function infoOf(place: KeyringPlace): KeyServiceInfo {
  const founded = foundedOr(place.directory);
  return {
    caPem: founded.caPem, logPublicKeySpki: founded.logPublicKeySpki,
    logKeys: readLogKeys(place.directory, founded).map(({ origin, spki, state, since }) => ({ origin, spki, state, since })), module: place.module, moduleDescription: founded.moduleDescription,
    tokenLabel: founded.tokenLabel, tokenSerial: founded.tokenSerial, embedded: place.pinFile === undefined, mechanisms: MECHANISMS,
  };
}

/** Throws `Failed('keys.hsm-away')` when the deployment has no keys yet. */
export function foundedOr(directory: string): Founded {
  const founded = readFounded(directory);
  if (founded !== undefined) return founded;
  throw new Failed('keys.hsm-away', 'this deployment has no keys yet', {
    why: `${directory}/founded.json is not there: its token was never reached`, fix: 'see "strongroom status" for what the key service waits for',
  });
}
