// SPDX-License-Identifier: Apache-2.0
export * from './batch.ts';
export * from './commit.ts';
export * from './entry.ts';
export * from './log-tree.ts';
export * from './merkle.ts';
export * from './note.ts';
export * from './proof.ts';
export * from './receipt.ts';
export * from './segment.ts';
export * from './submission.ts';
export * from './tiles.ts';
export * from './wrapped-key.ts';
export * from './xaes.ts';
