// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildStore, memoryStore } from '@strongroom/testing';
import type { FileFlag } from './protection.ts';
import type { Verdict } from './verdict.ts';
import { verifyStore } from './verify.ts';

const store = buildStore(20);
const segments = [...store.files.keys()].filter((path) => path.startsWith('segments/'));

/** A verdict over a file system that answers like this, one answer after the other, the last for ever. */
function verify(answers: readonly ((path: string) => FileFlag | undefined)[], expected = true): Verdict & { readonly asked: number } {
  let asked = 0;
  const flags = (paths: readonly string[]): Map<string, FileFlag> => {
    const answer = answers[Math.min(asked, answers.length - 1)]!;
    asked += 1;
    return new Map(paths.flatMap((path) => (answer(path) === undefined ? [] : [[path, answer(path)!] as const])));
  };
  return { ...verifyStore(memoryStore(store.files), { key: store.key, protection: { flags, expected } }), asked };
}

const unprotected = (verdict: Verdict): string[] => verdict.facts.filter(({ code }) => code === 'segment.unprotected').map(({ where }) => where);

test('a store whose segments are flagged is held', () => {
  const { ok, degraded, protection, asked } = verify([() => 'immutable']);
  assert.deepEqual([ok, degraded, protection, asked], [true, false, `held: ${segments.length} files`, 1]);
});

test('a missing flag makes a store degraded, never invalid', () => {
  const verdict = verify([(path) => (path === segments[0] ? 'none' : 'immutable')]);
  assert.deepEqual([verdict.ok, verdict.degraded, unprotected(verdict)], [true, true, [segments[0]]]);
  assert.equal(verdict.protection, `not held whole: 1 of ${segments.length} files lack their flag`);
  assert.equal(verify([() => 'append']).degraded, true, 'append-only is not enough for a closed segment');
});

test('what a running vault flags in the meantime is asked for again, and only that', () => {
  const again: string[] = [];
  const verdict = verify([(path) => (path === segments[0] ? 'append' : 'immutable'), (path) => { again.push(path); return 'immutable'; }]);
  assert.deepEqual([verdict.degraded, [...new Set(again)]], [false, [segments[0]]]);
});

test('without flags nothing is held, and that is no alarm', () => {
  assert.deepEqual([verify([() => undefined]).degraded, verify([() => undefined]).protection], [false, 'not held: this file system keeps no flags, or they cannot be read here']);
  assert.equal(verify([() => 'none'], false).degraded, false);
  assert.equal(verify([() => 'none'], true).degraded, true, 'where they were set, somebody took them all away');
  assert.equal(verifyStore(memoryStore(store.files), { key: store.key }).protection, 'not looked at');
});
