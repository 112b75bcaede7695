// SPDX-License-Identifier: Apache-2.0
// What our keys may and may not be used for, as PKCS#11 attributes. None can be read out or wrapped out of the token.
import { CKA, CURVE } from './cryptoki.table.ts';

export interface Attribute {
  readonly type: number;
  readonly value: Buffer | boolean | number | string;
}

/** A place in the token: keys are found by label, and where several may share one, by id. */
export interface KeyName {
  readonly label: string;
  readonly id: Buffer;
}

const attributes = (values: Readonly<Record<number, Attribute['value']>>): Attribute[] =>
  Object.entries(values).map(([type, value]) => ({ type: Number(type), value }));

export type PairKind = 'ed25519' | 'p256';

/** Parameters to try in turn: modules differ in how they want the Edwards curve named. */
export const CURVES: Readonly<Record<PairKind, readonly Buffer[]>> = {
  ed25519: [CURVE.ed25519Name, CURVE.ed25519Oid],
  p256: [CURVE.p256],
};

export function publicTemplate({ label, id }: KeyName, curve: Buffer): Attribute[] {
  return attributes({ [CKA.TOKEN]: true, [CKA.PRIVATE]: false, [CKA.LABEL]: label, [CKA.ID]: id, [CKA.VERIFY]: true, [CKA.EC_PARAMS]: curve });
}

export function privateTemplate({ label, id }: KeyName): Attribute[] {
  return attributes({ ...kept(label, id), [CKA.SIGN]: true });
}

/** AES-256 that encrypts and decrypts data keys. */
export function wrappingTemplate({ label, id }: KeyName): Attribute[] {
  return attributes({ ...kept(label, id), [CKA.VALUE_LEN]: 32, [CKA.ENCRYPT]: true, [CKA.DECRYPT]: true });
}

/** The same, for a trial: it is in the session alone, and no token keeps it. */
export function trialTemplate(name: KeyName): Attribute[] {
  return wrappingTemplate(name).map((one) => (one.type === CKA.TOKEN ? { ...one, value: false } : one));
}

function kept(label: string, id: Buffer): Record<number, Attribute['value']> {
  return { [CKA.TOKEN]: true, [CKA.PRIVATE]: true, [CKA.SENSITIVE]: true, [CKA.EXTRACTABLE]: false, [CKA.LABEL]: label, [CKA.ID]: id };
}

export function searchTemplate(keyClass: number, label: string): Attribute[] {
  return attributes({ [CKA.CLASS]: keyClass, [CKA.LABEL]: label });
}
