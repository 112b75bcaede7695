// SPDX-License-Identifier: Apache-2.0
// All that sealing and recovery have of the machine. It is handed in, so that the same code runs over a simulated one.
import { randomBytes } from 'node:crypto';
import { packFrameAside, type PackedFrame } from '@strongroom/evidence';
import { SYSTEM_CLOCK, type Clock } from './clock.ts';
import { SYSTEM_DISK, type Disk } from './disk.ts';

export interface World {
  readonly disk: Disk;
  readonly clock: Clock;
  /** So many octets that nobody can guess. */
  readonly random: (size: number) => Buffer;
  readonly aside: Aside;
}

/** Compressing beside all else. */
export interface Aside {
  /** Fewer octets are compressed sooner than a thread has begun. */
  readonly fromBytes: number;
  /** `plain` must stay as it is until this resolves, and may change afterwards. */
  pack(plain: Buffer): Promise<PackedFrame>;
}

export const SYSTEM_WORLD: World = { disk: SYSTEM_DISK, clock: SYSTEM_CLOCK, random: randomBytes, aside: { fromBytes: 256 * 1024, pack: packFrameAside } };
