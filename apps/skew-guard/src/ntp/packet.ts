// SPDX-License-Identifier: Apache-2.0
// NTP's packet, as a client needs it (RFC 5905, sections 7.3 and 8):
//
//   u2 leap, u3 version, u3 mode · u8 stratum · i8 poll · i8 precision · u32 root delay · u32 root dispersion (16.16 s) · 4 B reference id
//   · four timestamps of 32.32 s since 1900: reference, originate, receive, transmit
//
// The request's transmit timestamp is random: an answer has to bring it back, so nobody who does not see the request can answer.
import { Refused } from '@strongroom/bytes';

export const PACKET_BYTES = 48;
const MODE_SERVER = 4;
const LEAP_UNSYNCHRONISED = 3;
const STRATUM_MAX = 15;
const NTP_TO_UNIX_SECONDS = 2_208_988_800n;
const ERA_SECONDS = 2n ** 32n;
const BILLION = 1_000_000_000n;
const OCTETS_MAX = 1024;

export interface Answer {
  readonly stratum: number;
  /** When the request came there, and when the answer left: UTC, ns. */
  readonly receivedNs: bigint;
  readonly sentNs: bigint;
  readonly rootDelayNs: number;
  readonly rootDispersionNs: number;
  readonly precisionNs: number;
}

/** A client's request; `nonce` are 8 random octets. */
export function encodeRequest(nonce: Buffer): Buffer {
  const packet = Buffer.alloc(PACKET_BYTES);
  packet[0] = (4 << 3) | 3;
  packet.set(nonce, 40);
  return packet;
}

/**
 * A server's answer to the request with `nonce`. Its timestamps are those nearest to `aroundNs`, since NTP's seconds come again after 136
 * years. Throws `Refused`: `ntp.form`, `ntp.not-an-answer`, `ntp.kiss` (it wants to be left alone), `ntp.unsynchronised`, `ntp.times`.
 */
export function decodeAnswer(packet: Buffer, nonce: Buffer, aroundNs: bigint): Answer {
  if (packet.length < PACKET_BYTES || packet.length > OCTETS_MAX) throw new Refused('ntp.form', `an NTP packet has ${PACKET_BYTES} octets and extensions, not ${packet.length}`);
  const [leap, version, mode, stratum] = [packet[0]! >> 6, (packet[0]! >> 3) & 7, packet[0]! & 7, packet[1]!];
  if (mode !== MODE_SERVER || version < 3 || version > 4 || !packet.subarray(24, 32).equals(nonce)) throw new Refused('ntp.not-an-answer', 'this is no answer to what was asked');
  if (stratum === 0) throw new Refused('ntp.kiss', `the server asks to be left alone: ${kissCode(packet)}`);
  if (leap === LEAP_UNSYNCHRONISED || stratum > STRATUM_MAX) throw new Refused('ntp.unsynchronised', 'the server knows no time itself');
  const [receivedNs, sentNs] = [timestamp(packet, 32, aroundNs), timestamp(packet, 40, aroundNs)];
  if (packet.readBigUInt64BE(40) === 0n || sentNs < receivedNs) throw new Refused('ntp.times', 'the server sent its answer before it had the question');
  return {
    stratum, receivedNs, sentNs, rootDelayNs: shortNs(packet, 4), rootDispersionNs: shortNs(packet, 8), precisionNs: Math.min(1e9, 2 ** packet.readInt8(3) * 1e9),
  };
}

function kissCode(packet: Buffer): string {
  return packet.subarray(12, 16).toString('latin1').replace(/[^A-Z]/g, '?');
}

function shortNs(packet: Buffer, at: number): number {
  return (packet.readUInt32BE(at) / 65_536) * 1e9;
}

function timestamp(packet: Buffer, at: number, aroundNs: bigint): bigint {
  const [seconds, fraction] = [BigInt(packet.readUInt32BE(at)), BigInt(packet.readUInt32BE(at + 4))];
  const unix = seconds - NTP_TO_UNIX_SECONDS;
  const eras = (aroundNs / BILLION - unix + ERA_SECONDS / 2n) / ERA_SECONDS;
  return (unix + eras * ERA_SECONDS) * BILLION + ((fraction * BILLION) >> 32n);
}
