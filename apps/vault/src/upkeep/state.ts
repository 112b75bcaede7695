// SPDX-License-Identifier: Apache-2.0
// How far upkeep got: state/vault/upkeep.json, replaced whole. Bounded, and never more than a hint: whoever loses it has
// upkeep begin anew, and loses no evidence.
import { decodeRanges } from '@strongroom/evidence';
import { writeDurably } from '@strongroom/service';
import { SYSTEM_DISK, type Disk } from '../disk.ts';

const MODE = 0o640;
/** Damage is remembered one by one up to here; a pass finds the rest again. */
export const DAMAGE_MAX = 100;

/** Something that scrubbing found not to be what was sealed, twice. */
export interface Damage {
  /** `segment <id>`, `bundle <number>` or `checkpoint`. */
  readonly subject: string;
  /** A path in the store. */
  readonly where: string;
  /** Entry of the log by which it is looked at again: the segment's closing entry, or any of the bundle. */
  readonly entry: number;
  /** Octet at which it begins, of the segment's logical bytes; 0 for files of the log. */
  readonly offset: number;
  readonly detail: string;
  /** RFC 3339. */
  readonly since: string;
}

export interface UpkeepState {
  readonly version: 1;
  /** Whether a flag was ever set here. */
  flagsHeld: boolean;
  /** Flags of segments with a number below this one are looked at next; null: the newest. */
  sweptTo: string | null;
  checksums: {
    /** Closing entries of the log before this index have their line. */
    followed: number;
    /** Octets of the checksum database then: a shorter one has lost lines. */
    bytes: number;
  };
  destroyed: {
    /** Entries of the log before this index were looked at. */
    followed: number;
    /** Segments that were destroyed, as ranges (docs/FORMAT.md section 4). */
    segments: string;
  };
  scrub: {
    /** Of the pass under way, ms since 1970. */
    startedAt: number;
    /** The log entry that it goes on at. */
    entry: number;
    /** Octets read in it. */
    bytes: number;
    /** End of the last whole pass, ms since 1970. */
    lastPassAt: number | null;
    /** What a second reading found to be good. */
    transient: number;
    damage: Damage[];
  };
}

export function freshState(nowMs = Date.now()): UpkeepState {
  return {
    version: 1, flagsHeld: false, sweptTo: null, checksums: { followed: 0, bytes: 0 }, destroyed: { followed: 0, segments: '-' },
    scrub: { startedAt: nowMs, entry: 0, bytes: 0, lastPassAt: null, transient: 0, damage: [] },
  };
}

/** What was kept; a fresh state where there is none or it cannot be understood. */
export function readState(path: string, disk: Disk = SYSTEM_DISK, nowMs?: number): UpkeepState {
  try {
    const state = JSON.parse(disk.readFileSync(path).toString()) as UpkeepState;
    return isState(state) ? state : freshState(nowMs);
  } catch {
    return freshState(nowMs);
  }
}

function isState(state: Partial<UpkeepState> | null): state is UpkeepState {
  const { version, checksums, destroyed, scrub } = state ?? {};
  return version === 1 && isCount(checksums?.followed) && isCount(checksums.bytes)
    && isCount(destroyed?.followed) && decodeRanges(String(destroyed.segments)) !== null
    && isCount(scrub?.startedAt) && isCount(scrub.entry) && isCount(scrub.bytes) && Array.isArray(scrub.damage);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** A crash leaves the state before or this one. */
export async function writeState(path: string, state: UpkeepState, disk: Disk = SYSTEM_DISK): Promise<void> {
  await writeDurably(path, `${JSON.stringify(state)}\n`, MODE, undefined, disk);
}
