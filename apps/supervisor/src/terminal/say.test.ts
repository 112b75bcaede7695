// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refused } from '@strongroom/bytes';
import { threeLines } from './say.ts';

const system = (code: string): Error => Object.assign(new Error(`${code}: it says, open '/home/x'`), { code, path: '/home/x' });

test('what goes wrong is three lines, what, why and what to do', () => {
  assert.equal(threeLines(new Refused('a.code', 'what', { why: 'why', fix: 'do this' })), 'strongroom: what\n  why: why\n  do:  do this\n');
  assert.equal(threeLines(new Refused('a.code', 'what')), 'strongroom: what\n  why: a.code\n  do:  see the lines above\n');
});

test('a path that the system refuses is told with what helps: room, or a right', () => {
  for (const [code, fix] of [['ENOSPC', /make room/], ['EDQUOT', /make room/], ['EACCES', /as the user who owns/], ['EROFS', /as the user who owns/]] as const) {
    assert.match(threeLines(system(code)), new RegExp(`^strongroom: /home/x cannot be used\n  why: ${code}: .*\n  do:  .*${fix.source}`));
  }
  assert.match(threeLines(new TypeError('ours')), /report this/);
});
