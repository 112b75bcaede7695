// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimsOf, outerForm, plainPdu } from './outer-form.ts';

function part(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([body.length < 128 ? Buffer.from([tag, body.length]) : Buffer.from([tag, 0x82, body.length >> 8, body.length & 0xff]), body]);
}

const number = (value: number): Buffer => part(2, Buffer.from([value]));
const octets = (text: string): Buffer => part(4, Buffer.from(text));
const PDU = part(0xa7, number(1), number(0), number(0), part(0x30));
const V2C = part(0x30, number(1), octets('secret community'), PDU);

function v3(flags: number, scoped: Buffer, boots = number(7)): Buffer {
  const header = part(0x30, number(1), Buffer.from('020300ffe3', 'hex'), part(4, Buffer.from([flags])), number(3));
  const security = part(4, part(0x30, part(4, Buffer.from('80001f88', 'hex')), boots, part(2, Buffer.from([1, 0])), octets('monitor'), part(4, Buffer.alloc(24, 0xaa)), part(4, Buffer.alloc(8))));
  return part(0x30, number(3), header, security, scoped);
}

test('what a message claims is read from its plain part', () => {
  const sealed = v3(3, octets('encrypted'));
  assert.deepEqual(outerForm(sealed), { version: 3, sealed: true, report: false });
  assert.deepEqual(claimsOf(sealed), { engine: '80001f88', boots: 7, seconds: 256, user: 'monitor', digest: 'aa'.repeat(24) });
  assert.equal(plainPdu(sealed, outerForm(sealed)!), null);
  assert.equal(claimsOf(v3(3, octets('x'), part(2, Buffer.from([0xff])))), null, 'boots are not negative');
  assert.equal(claimsOf(V2C), null);
});

test('the PDU of what nobody encrypted is kept without its community', () => {
  const pdu = plainPdu(V2C, outerForm(V2C)!);
  assert.equal(pdu?.tag, 0xa7);
  assert.ok(!pdu!.octets.includes('secret'));
  const plain = v3(0, part(0x30, octets(''), octets(''), PDU));
  assert.equal(plainPdu(plain, outerForm(plain)!)?.tag, 0xa7);
});

test('whatever comes is read or left, and nothing beyond its end is looked at', () => {
  let state = 1;
  const random = (below: number): number => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return Math.floor((state / 2 ** 32) * below);
  };
  const whole = [V2C, v3(3, octets('encrypted')), v3(0, part(0x30, octets(''), octets(''), PDU))];
  for (let round = 0; round < 20_000; round++) {
    const datagram = Buffer.from(whole[round % 3]!);
    for (let changes = random(4); changes >= 0; changes--) datagram[random(datagram.length)] = random(256);
    const cut = datagram.subarray(0, random(4) === 0 ? random(datagram.length) : datagram.length);
    const form = outerForm(cut);
    claimsOf(cut);
    if (form !== null) plainPdu(cut, form);
  }
});
