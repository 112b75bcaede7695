// SPDX-License-Identifier: Apache-2.0
import { Refused } from '@strongroom/bytes';

/** Why a timestamp is refused; beside these come `der.*`, of bytes that are no DER. */
export type TimestampRefusal =
  | 'too-long' | 'format' | 'denied' | 'imprint' | 'nonce' | 'policy' | 'algorithm' | 'attributes' | 'signer' | 'signature'
  | 'usage' | 'expired' | 'untrusted' | 'extension' | 'roots';

export function refused(what: TimestampRefusal, message: string, why?: string, fix?: string): Refused {
  return new Refused(`timestamp.${what}`, message, { ...(why === undefined ? {} : { why }), ...(fix === undefined ? {} : { fix }) });
}
