// SPDX-License-Identifier: Apache-2.0
// For tests: events as the probe lays them out, probe/ebpf/probe.h.
const HEADER_BYTES = 200;
/** Where 64-bit members stand. */
const AT = { sequence: 16, time: 24, result: 128, argument: 136 } as const;

export interface EventFacts {
  /** By number. */
  readonly type?: number;
  readonly cpu?: number;
  readonly sequence?: number;
  readonly time?: bigint;
  readonly pid?: number;
  /** The process's own id if not given. */
  readonly tid?: number;
  readonly parent?: number;
  readonly started?: bigint;
  readonly name?: string;
  readonly login?: number;
  readonly cgroup?: bigint;
  readonly cgroupV1?: bigint;
  readonly uid?: number;
  readonly flags?: number;
  readonly call?: number;
  readonly result?: bigint;
  readonly argument?: bigint;
  readonly first?: Buffer;
  readonly second?: Buffer;
}

const UNSET = 0xffff_ffff;
const NONE = Buffer.alloc(0);

export function probeEvent({
  type = 0, cpu = 0, sequence = 0, time = 1n, pid = 4321, tid = pid, parent = 0, started = 0n, name = 'name', login = UNSET, cgroup = 0n, cgroupV1 = 0n,
  uid = 0, flags = 0, call = -1, result = 0n, argument = 0n, first = NONE, second = NONE,
}: EventFacts = {}): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  [type, cpu, first.length, second.length].forEach((value, index) => header.writeUInt16LE(value, index * 2));
  [flags, first.length].forEach((value, index) => header.writeUInt32LE(value, 8 + index * 4));
  header.writeBigUInt64LE(BigInt(sequence), AT.sequence);
  header.writeBigUInt64LE(time, AT.time);
  header.writeBigUInt64LE(started, 32);
  [pid, tid, parent].forEach((id, index) => header.writeUInt32LE(id, 40 + index * 4));
  header.writeUInt32LE(uid, 52);
  [login, UNSET].forEach((id, index) => header.writeUInt32LE(id, 68 + index * 4));
  [cgroup, cgroupV1].forEach((id, index) => header.writeBigUInt64LE(id, 96 + index * 8));
  header.writeInt32LE(call, 92);
  header.writeBigInt64LE(result, AT.result);
  header.writeBigUInt64LE(argument, AT.argument);
  header.write(`${name}\0rest`.slice(0, 16), 184);
  return Buffer.concat([header, first, second]);
}
