// SPDX-License-Identifier: Apache-2.0
// The binding to PKCS#11 modules: the one file that imports it.
import pkcs11, { type AesGCM, type Handle, type Mechanism, type PKCS11 } from 'pkcs11js';
import { Refused } from '@strongroom/bytes';
import { CKM } from './cryptoki.table.ts';
import { tokenError } from './token-error.ts';

export type { Handle, PKCS11 };

export const GCM_TAG_OCTETS = 16;

/** Modules stay loaded: unloading one that has threads of its own would end the process. */
const loaded = new Map<string, PKCS11>();

/** The module at a path. Throws `Refused('keys.module')`. */
export function load(path: string): PKCS11 {
  const before = loaded.get(path);
  if (before !== undefined) return before;
  const api = new pkcs11.PKCS11();
  try {
    api.load(path);
  } catch (error) {
    throw new Refused('keys.module', `the PKCS#11 module ${path} cannot be loaded`, {
      why: (error as Error).message, fix: 'install it ("apt-get install softhsm2" for the embedded one), or name another in keys.module', cause: error,
    });
  }
  loaded.set(path, api);
  return api;
}

/** AES-GCM with a tag of 16 octets, in the form of version 2.40 of the standard and later. */
export function gcm(iv: Buffer, aad: Buffer): Mechanism {
  const parameter: AesGCM = { type: pkcs11.CK_PARAMS_AES_GCM_v240, iv, aad, ivBits: iv.length * 8, tagBits: GCM_TAG_OCTETS * 8 };
  return { mechanism: CKM.AES_GCM, parameter };
}

/** Does something with the module, and throws what {@link tokenError} makes of its errors. */
export function guarded<T>(during: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw tokenError(error, during);
  }
}
