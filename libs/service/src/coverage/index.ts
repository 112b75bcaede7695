// SPDX-License-Identifier: Apache-2.0
// What was covered, what was not, and why: pure, for who seals it (supervisor) and who reads it (cli).
export * from './causes.table.ts';
export * from './dark-zone.ts';
export * from './facts.ts';
export * from './feeds.ts';
export * from './habit.ts';
export * from './projection.ts';
export * from './records.ts';
export * from './resume.ts';
export * from './watch.ts';
