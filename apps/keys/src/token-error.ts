// SPDX-License-Identifier: Apache-2.0
// What an error of the PKCS#11 module means for us.
import { Failed, Refused } from '@strongroom/bytes';
import { CKR } from './cryptoki.table.ts';

const PIN_CODES: readonly number[] = [
  CKR.PIN_INCORRECT, CKR.PIN_INVALID, CKR.PIN_LEN_RANGE, CKR.PIN_EXPIRED, CKR.PIN_LOCKED, CKR.USER_PIN_NOT_INITIALIZED,
];
/** What modules answer when a ciphertext, its tag or its additional data is not authentic; SoftHSM says GENERAL_ERROR. */
const NOT_AUTHENTIC: readonly number[] = [
  CKR.GENERAL_ERROR, CKR.FUNCTION_FAILED, CKR.ARGUMENTS_BAD, CKR.DATA_INVALID, CKR.DATA_LEN_RANGE,
  CKR.ENCRYPTED_DATA_INVALID, CKR.ENCRYPTED_DATA_LEN_RANGE, CKR.AEAD_DECRYPT_FAILED,
];

/** The return value of a failed PKCS#11 call, or undefined when the error is another. */
export function returnValue(error: unknown): number | undefined {
  const { name, code } = error as { name?: unknown; code?: unknown };
  return name === 'Pkcs11Error' && typeof code === 'number' ? code : undefined;
}

export function saysNotAuthentic(error: unknown): boolean {
  return NOT_AUTHENTIC.includes(returnValue(error) ?? -1);
}

/**
 * `Refused('keys.pin')` for a PIN that is wrong or locked: trying again would lock it. Everything else is
 * `Failed('keys.hsm-away')`: sessions that are gone, devices that are unplugged, files that are missing all end with the
 * token being opened anew.
 */
export function tokenError(error: unknown, during: string): Refused | Failed {
  if (error instanceof Refused || error instanceof Failed) return error;
  const why = `${during}: ${(error as Error).message}`;
  if (PIN_CODES.includes(returnValue(error) ?? -1)) {
    return new Refused('keys.pin', 'the HSM does not take the PIN', { why, fix: 'put the right PIN into the file that keys.pinFile names, then start again', cause: error });
  }
  return new Failed('keys.hsm-away', 'the HSM does not answer', {
    why, fix: 'see that the token and its module are there; it is tried again by itself', cause: error,
  });
}
