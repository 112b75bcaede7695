// SPDX-License-Identifier: Apache-2.0
// What the vault and its reading thread say to each other.
import type { RpcError } from '@strongroom/service';

export interface ReadingPaths {
  readonly log: string;
  readonly segments: string;
  readonly timestamps: string;
  readonly rotations: string;
  /** The file of the last witnessed checkpoint. */
  readonly witnessed: string;
  /** Where what is derived from the log may be kept. */
  readonly state: string;
  /** Orders that were carried out. */
  readonly orders: string;
}

export type ReadingVerb = 'search' | 'show' | 'prove' | 'reconcile' | 'census' | 'matches' | 'last-before';

/** A data key that `isLost` is not to be had by asking again. */
export type ToThread =
  | { readonly kind: 'there' }
  | { readonly kind: 'call'; readonly id: number; readonly verb: string; readonly args: unknown }
  | { readonly kind: 'more'; readonly id: number; readonly more: boolean }
  | { readonly kind: 'key'; readonly segment: string; readonly key: Buffer | null; readonly why: string; readonly isLost: boolean };

export type FromThread =
  | { readonly kind: 'here' }
  | { readonly kind: 'items'; readonly id: number; readonly items: readonly unknown[] }
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: RpcError }
  | { readonly kind: 'key'; readonly id: number; readonly segment: string };
