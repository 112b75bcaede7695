// SPDX-License-Identifier: Apache-2.0
// What reading cannot leave out, each part alone in a loop over one batch of the load's events.
import { createDecipheriv, hash, randomBytes } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import { leavesOf, rootOf, SEED_BYTES } from '@strongroom/evidence';
import { addonLeaves, addonRoot, compress, cpuUs, EVENTS, nativeHasher, runsOf } from '../floors.ts';
import { makeEvents } from '../events.ts';

/** CPU time of one batch, µs, and its raw octets. */
export interface ReadingFloors {
  readonly rawBytes: number;
  readonly inflateUs: number;
  readonly decryptUs: number;
  /** SHA-256 of the sealed octets: a search does it once, verification twice (the frame, the segment). */
  readonly digestUs: number;
  /** Looking for a text that is not there. */
  readonly lookUs: number;
  /** Leaves and inner nodes, by the add-on or else in WebAssembly. */
  readonly treeUs: number;
}

export function measureReadingFloors(needle: string): ReadingFloors {
  const events = makeEvents(EVENTS);
  const plain = Buffer.from(events.join(''), 'latin1');
  const packed = compress(plain);
  const [seed, runs, key, nonce, text] = [randomBytes(SEED_BYTES), runsOf(events, plain), randomBytes(32), randomBytes(12), Buffer.from(needle)];
  const hasher = nativeHasher();
  const leaves = leavesOf(seed, runs);
  const us = cpuUs({
    inflate: () => zstdDecompressSync(packed, { maxOutputLength: plain.length, chunkSize: plain.length + 1 }),
    decrypt: () => createDecipheriv('aes-256-gcm', key, nonce).update(packed),
    digest: () => hash('sha256', packed, 'buffer'),
    look: () => plain.indexOf(text),
    tree: () => {
      if (hasher === undefined) return void rootOf(leavesOf(seed, runs));
      addonLeaves(hasher, seed, runs);
      addonRoot(hasher, leaves);
    },
  });
  return { rawBytes: plain.length, inflateUs: us.inflate, decryptUs: us.decrypt, digestUs: us.digest, lookUs: us.look, treeUs: us.tree };
}

export function searchFloorUs({ inflateUs, decryptUs, digestUs, lookUs }: ReadingFloors): number {
  return inflateUs + decryptUs + digestUs + lookUs;
}

export function verifyFloorUs({ inflateUs, decryptUs, digestUs, treeUs }: ReadingFloors): number {
  return inflateUs + decryptUs + 2 * digestUs + treeUs;
}
