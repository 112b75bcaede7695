// SPDX-License-Identifier: Apache-2.0
import type { Hash } from 'node:crypto';
import type { Checksums } from './checksums.ts';
import type { Contents } from './contents.ts';
import type { SegmentFiles } from './segment-files.ts';
import type { CheckedHeader } from './segment-header.ts';
import type { FailureCode, Findings } from './verdict.ts';

/** A segment while the log is read from its beginning on. */
export interface SegmentState {
  readonly id: string;
  /** Null when there is no header to go by: nothing more is said of the segment. */
  readonly header: CheckedHeader | null;
  /** What frames are bound to: the header's digest as the log names it. */
  headerDigest: Buffer | null;
  /** Frames that the log has named. */
  frames: number;
  /** Where the next frame begins. */
  end: number;
  /** Over the logical bytes up to `end`; null when they are not all known, or no longer needed. */
  logical: Hash | null;
  closed: boolean;
  /** Its file is not there: whether that is as it should be is known at the log's end. */
  readonly missing: boolean;
  /** By an order of two custodians. */
  destroyed: boolean;
  /** `<class>/<bucket>` of the keys that its batches name; null when they name several. */
  bucket: string | null;
  records: number;
  bytes: number;
  /** Entries of the log were lost, so frames may lie between those that are known. */
  loose: boolean;
}

/** What judging a segment needs. */
export interface SegmentTools {
  readonly files: SegmentFiles;
  readonly origin: string;
  readonly contents: Contents;
  readonly checksums: Checksums;
  readonly findings: Findings;
  readonly progress: (octets: number) => void;
}

/** Names a failure of the segment at hand. */
export type Fail = (code: FailureCode, detail: string) => void;
