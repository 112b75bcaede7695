// SPDX-License-Identifier: Apache-2.0
// Values of SNMP as values of ours.
import snmp from './library.ts';

export interface Answer {
  readonly oid: string;
  /** Null where the device has no such object. */
  readonly value: number | bigint | string | Buffer | null;
}

const { Counter64, OctetString, OID, IpAddress, Opaque } = snmp.ObjectType;

/** Numbers are numbers, Counter64 is a bigint, octets stay octets, an object identifier is text. */
export function answerOf(varbind: { readonly oid: string; readonly type: number; readonly value: unknown }): Answer {
  const { oid, type, value } = varbind;
  if (snmp.isVarbindError(varbind)) return { oid, value: null };
  if (type === Counter64) return { oid, value: unsigned(value) };
  if (type === OctetString || type === Opaque) return { oid, value: Buffer.isBuffer(value) ? value : Buffer.from(String(value)) };
  if (type === OID || type === IpAddress) return { oid, value: String(value) };
  return { oid, value: typeof value === 'number' ? value : null };
}

function unsigned(value: unknown): bigint | null {
  if (typeof value === 'number') return BigInt(value);
  if (!Buffer.isBuffer(value) || value.length > 9) return null;
  return value.length === 0 ? 0n : BigInt(`0x${value.toString('hex')}`);
}

/** Text of a device: printable, at most so many characters. */
export function textOf(value: Answer['value'], charactersMax = 255): string | null {
  if (typeof value === 'string') return value.slice(0, charactersMax);
  if (!Buffer.isBuffer(value)) return null;
  return value.toString('utf8').replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}�]/gu, '').slice(0, charactersMax).trim();
}
