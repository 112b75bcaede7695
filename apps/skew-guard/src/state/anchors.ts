// SPDX-License-Identifier: Apache-2.0
// From what may be said of true time to the anchor that services count on from.
import { readFileSync, rmSync } from 'node:fs';
import { decodeAnchor, errorFields, publishAnchor, type Anchor } from '@strongroom/service';
import type { Say } from '../events.ts';
import type { Claim } from './guard.ts';
import type { Moment } from './observation.ts';

/**
 * So long services may count on from an anchor without another. In that time the discipline may begin to follow something else; so it is
 * short, and yet longer than it takes to start skew-guard again.
 */
export const ANCHOR_LIFE_NS = 10_000_000_000n;

export function anchorOf({ utcNs, boundNs, growthPpb, untilNextPpb }: Claim, { monotonicNs, wallNs }: Moment, life: { readonly boot: Buffer; readonly sequence: bigint }): Anchor {
  return { ...life, monotonicNs, utcNs, wallNs: wallNs - utcNs, boundNs, growthPpb: growthPpb + untilNextPpb, expiresNs: monotonicNs + ANCHOR_LIFE_NS };
}

export class Anchors {
  readonly boot: Buffer;
  /** What an earlier life of ours said last, as long as services may count on from it. */
  readonly last: { readonly claim: Claim; readonly monotonicNs: bigint; readonly wallNs: bigint } | null;
  readonly #path: string;
  readonly #say: Say;
  #sequence: bigint;
  #failed = false;

  constructor(path: string, boot: Buffer, say: Say) {
    this.#path = path;
    this.boot = boot;
    this.#say = say;
    const found = readAnchor(path);
    this.#sequence = found?.sequence ?? 0n;
    const now = process.hrtime.bigint();
    this.last = found === null || !found.boot.equals(boot) || found.monotonicNs > now || found.expiresNs <= now ? null : {
      claim: { utcNs: found.utcNs, boundNs: found.boundNs, growthPpb: found.growthPpb, untilNextPpb: 0n }, monotonicNs: found.monotonicNs, wallNs: found.utcNs + found.wallNs,
    };
  }

  /** Without a claim there is no anchor either: nobody counts on from what no longer holds. */
  publish(claim: Claim | null, moment: Moment): void {
    try {
      if (claim === null) rmSync(this.#path, { force: true });
      else publishAnchor(this.#path, anchorOf(claim, moment, { boot: this.boot, sequence: this.#sequence += 1n }));
      this.#failed = false;
    } catch (error) {
      if (!this.#failed) this.#say('clock.anchor-failed', errorFields(error));
      this.#failed = true;
    }
  }
}

function readAnchor(path: string): Anchor | null {
  try {
    return decodeAnchor(readFileSync(path));
  } catch {
    return null;
  }
}
