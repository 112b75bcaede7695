// SPDX-License-Identifier: Apache-2.0
// Messages of SNMPv3 as somebody makes them who knows SNMP_USER's keys on some engine: RFC 3412, 3414 and 3826, SHA-256 and AES-256.
// Written by nothing that reads them.
import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { SNMP_USER } from './snmpd-process.ts';

export function berPart(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length = body.length < 128 ? [body.length] : body.length < 256 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

/** From 0 to 2^31-1. */
export function berNumber(value: number, tag = 2): Buffer {
  return berPart(tag, value < 128 ? Buffer.from([value]) : Buffer.from([value >> 24, value >> 16, value >> 8, value]));
}

export interface UsmFacts {
  /** Hexadecimal. */
  readonly engine: string;
  readonly boots: number;
  readonly seconds: number;
  /** Whole, as it stands in the message. */
  readonly id: Buffer;
  readonly pdu: Buffer;
  readonly user?: string;
  /** Another one makes another digest. */
  readonly salt?: number;
}

/** Signed and encrypted. */
export function usmMessage({ engine, boots, seconds, id, pdu, user = SNMP_USER.user, salt = 7 }: UsmFacts): Buffer {
  const [engineId, noise] = [Buffer.from(engine, 'hex'), Buffer.alloc(8)];
  noise.writeUInt32BE(salt, 4);
  const vector = Buffer.concat([Buffer.alloc(8), noise]);
  vector.writeUInt32BE(boots, 0);
  vector.writeUInt32BE(seconds, 4);
  const sealed = berPart(4, createCipheriv('aes-256-cfb', keyOf(SNMP_USER.privPassword, engine), vector).update(berPart(0x30, berPart(4, engineId), berPart(4), pdu)));
  const signed = (digest: Buffer): Buffer => outerMessage(id, 3, berPart(4, berPart(0x30, berPart(4, engineId), berNumber(boots), berNumber(seconds), berPart(4, Buffer.from(user)), berPart(4, digest), berPart(4, noise))), sealed);
  return signed(createHmac('sha256', keyOf(SNMP_USER.authPassword, engine)).update(signed(Buffer.alloc(24))).digest().subarray(0, 24));
}

/** `security` and `scoped` as they come. */
export function outerMessage(id: Buffer, flags: number, security: Buffer, scoped: Buffer): Buffer {
  return berPart(0x30, berNumber(3), berPart(0x30, id, Buffer.from('020300ffe3', 'hex'), berPart(4, Buffer.from([flags])), berNumber(3)), security, scoped);
}

/** A notification that the object with that number below 1.3.6.1.4.1.318.0 tells of. */
export function usmTrap(facts: Omit<UsmFacts, 'id' | 'pdu'>, values: readonly Buffer[] = []): Buffer {
  const trap = berPart(0x30, Buffer.from('060a2b060106030101040100', 'hex'), Buffer.from('06092b06010401823e0001', 'hex'));
  return usmMessage({ ...facts, id: berNumber(1), pdu: berPart(0xa7, berNumber(1), berNumber(0), berNumber(0), berPart(0x30, trap, ...values)) });
}

const keys = new Map<string, Buffer>();

/** RFC 3414, A.2. */
function keyOf(password: string, engine: string): Buffer {
  const name = `${engine} ${password}`;
  const known = keys.get(name);
  if (known !== undefined) return known;
  const whole = sha(Buffer.alloc(1024 * 1024, password));
  const key = sha(whole, Buffer.from(engine, 'hex'), whole);
  keys.set(name, key);
  return key;
}

function sha(...parts: readonly Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}
