// SPDX-License-Identifier: Apache-2.0
// For tests: events as the probe lays them out, probe/probe.h.
const HEADER_BYTES = 200;
/** Where 64-bit members stand. */
const AT = { sequence: 16, time: 24, result: 128, argument: 136 } as const;

export interface EventFacts {
  /** By number. */
  readonly type?: number;
  readonly cpu?: number;
  readonly sequence?: number;
  readonly time?: bigint;
  readonly uid?: number;
  readonly call?: number;
  readonly result?: bigint;
  readonly argument?: bigint;
  readonly first?: Buffer;
  readonly second?: Buffer;
}

const NONE = Buffer.alloc(0);

export function probeEvent({ type = 0, cpu = 0, sequence = 0, time = 1n, uid = 0, call = -1, result = 0n, argument = 0n, first = NONE, second = NONE }: EventFacts = {}): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  [type, cpu, first.length, second.length].forEach((value, index) => header.writeUInt16LE(value, index * 2));
  header.writeUInt32LE(first.length, 12);
  header.writeBigUInt64LE(BigInt(sequence), AT.sequence);
  header.writeBigUInt64LE(time, AT.time);
  for (const at of [40, 44]) header.writeUInt32LE(4321, at);
  header.writeUInt32LE(uid, 52);
  for (const at of [68, 72]) header.writeUInt32LE(0xffff_ffff, at);
  header.writeInt32LE(call, 92);
  header.writeBigInt64LE(result, AT.result);
  header.writeBigUInt64LE(argument, AT.argument);
  header.write('name\0rest', 184);
  return Buffer.concat([header, first, second]);
}
