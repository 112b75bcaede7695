// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from './check.ts';
import { examine } from './examine.ts';
import { CHECKS, WAY_CHECKS } from './registry.ts';
import { diagnosisLines } from './screen.ts';

const facts = { severity: 'weak', seen: 'x', why: 'it matters' } as const;
const plain = (_: unknown, text: string): string => text;

test('a check that breaks, or hangs, is told as not made, and holds up no other', async () => {
  const breaks = check<'a.b', null>({ name: 'breaks', codes: { 'a.b': facts }, look: () => { throw new Error('no such thing'); } });
  const hangs = check<'c.d', null>({ name: 'hangs', codes: { 'c.d': facts }, look: () => new Promise(() => undefined) });
  const finds = check<'e.f' | 'e.g', null>({ name: 'finds', codes: { 'e.f': { ...facts, severity: 'bad' }, 'e.g': facts }, look: (_, say) => say.found('e.f', { what: 'w', fix: 'f' }) });
  const { findings, unseen, fine } = await examine([breaks, hangs, finds], null, 50);
  assert.deepEqual(findings.map(({ code, severity }) => [code, severity]), [['e.f', 'bad']]);
  assert.deepEqual(unseen.map(({ code, why }) => [code, why]), [['a.b', 'no such thing'], ['c.d', 'it did not end within 50 ms']]);
  assert.deepEqual(fine, ['e.g']);
});

test('a finding is three lines, what is fine a number, and what a name could do to a terminal is written out', async () => {
  const finds = check<'e.f', null>({ name: 'finds', codes: { 'e.f': facts }, look: (_, say) => say.found('e.f', { what: 'odd \u001b[2J', fix: 'command' }) });
  assert.deepEqual(diagnosisLines(await examine([finds], null), plain).slice(0, 3), ['! odd \\e[2J [e.f]', '  why: it matters', '  fix: command']);
});

test('every code stands once, in one check', () => {
  const codes = [...CHECKS, ...WAY_CHECKS].flatMap((one) => Object.keys(one.codes));
  assert.equal(new Set(codes).size, codes.length);
  for (const code of codes) assert.match(code, /^[a-z]+\.[a-z-]+$/);
});

test('more findings of a kind than are listed are counted, and texts of any length are cut', async () => {
  const many = check<'e.f', null>({ name: 'many', codes: { 'e.f': facts }, look: (_, say) => { for (let at = 0; at < 20; at += 1) say.found('e.f', { what: `${at} ${'x'.repeat(5000)}`, fix: 'command' }); } });
  const diagnosis = await examine([many], null);
  assert.deepEqual([diagnosis.findings.length, diagnosis.leftOut], [8, { 'e.f': 12 }]);
  assert.ok(diagnosis.findings.every(({ what }) => what.length < 1000));
  assert.ok(diagnosisLines(diagnosis, plain).includes('  and 12 more of this kind'));
});

test('on a terminal what is read is broken between words, and what is copied is not', async () => {
  const fix = `command ${'argument '.repeat(20)}end`;
  const finds = check<'e.f', null>({ name: 'finds', codes: { 'e.f': { ...facts, why: 'because it matters '.repeat(8).trim() } }, look: (_, say) => say.found('e.f', { what: 'something is as it should not be '.repeat(5).trim(), fix }) });
  const lines = diagnosisLines(await examine([finds], null), plain, 80);
  assert.deepEqual(lines.filter((line) => line.length > 80), [`  fix: ${fix}`]);
  assert.deepEqual([lines[0]!.slice(0, 13), lines[1]!.slice(0, 2), lines.find((line) => line.startsWith('  why:'))!.length <= 80], ['! something i', '  ', true]);
});
