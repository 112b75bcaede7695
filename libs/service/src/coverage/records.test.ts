// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { darkZoneOf } from './dark-zone.ts';
import { decodeCoverage, encodeCoverage, sentenceOf, type CoverageRecord } from './records.ts';
import { NOTHING_KNOWN, type Heartbeat } from './facts.ts';
import { decodeResume, encodeResume } from './resume.ts';

const VECTORS = JSON.parse(readFileSync(new URL('../../vectors/coverage.json', import.meta.url), 'utf8')) as { readonly records: readonly string[]; readonly resume: { readonly hex: string; readonly stopped: boolean; readonly boot: string; readonly life: string; readonly wallNs: string } };
const before: Heartbeat = { boot: '11111111-2222-3333-4444-555555555555', life: '0123456789abcdef', bootNs: 86_400_000_000_000n, monotonicNs: 86_300_000_000_000n, wallNs: 1_795_809_600_000_000_001n, boundNs: 3_000_000n };
const after: Heartbeat = { ...before, boot: '66666666-7777-8888-9999-aaaaaaaaaaaa', life: 'fedcba9876543210', bootNs: 21_000_000_000n, monotonicNs: 21_000_000_000n, wallNs: 1_795_813_200_000_000_002n, boundNs: null };
const silence = { fromNs: before.wallNs, cause: 'silent-source', confidence: 'likely', because: 'others went on, so it was the source itself' } as const;
const facts = { ...NOTHING_KNOWN, before, after };
const known = { ...facts, feedDied: true, everySeconds: 55, lastSealed: { id: '4711-3', timeNs: before.wallNs + 12_345_678_901n, boundNs: 3_500_000n } };
const RECORDS: readonly CoverageRecord[] = [
  { type: 'heartbeat', ...before, number: 7, everySeconds: 55, state: 'alive', held: null },
  { type: 'heartbeat', ...after, number: 1, everySeconds: 55, state: 'stopped', held: { cause: 'stalled', because: 'the vault is stalled: the disk is full' } },
  { type: 'dark-zone', zone: darkZoneOf(facts, 1n)!, facts },
  { type: 'dark-zone-amended', timeNs: after.wallNs + 60_000_000_000n, zone: darkZoneOf(known, 1n)!, facts: known },
  { type: 'silent', timeNs: after.wallNs, usualSeconds: 180, source: 'web-07', ...silence },
  { type: 'heard', timeNs: after.wallNs, source: 'web-07', silence },
  { type: 'heard', timeNs: after.wallNs, source: 'web-08', silence: null },
  { type: 'sources', timeNs: after.wallNs, heard: ['web-08', 'service/capture'], learning: ['web-09'], silent: [{ source: 'web-07', ...silence }] },
  { type: 'forgotten', timeNs: after.wallNs, source: 'web-07' },
];

test('every form is written as its vector, and read from it', () => {
  assert.deepEqual(RECORDS.map((record) => encodeCoverage(record).toString()), VECTORS.records);
  assert.deepEqual(VECTORS.records.map((raw) => decodeCoverage(raw)), RECORDS);
});

test('what is none of these is none', () => {
  for (const raw of ['', '{', '[]', '{"type":"other"}', '{"type":"heartbeat"}', '{"type":"dark-zone","from":"x"}']) assert.equal(decodeCoverage(raw), null, raw);
});

test('a dark zone is one sentence', () => {
  assert.equal(sentenceOf(darkZoneOf(facts, 1n)!), 'dark zone from 2026-11-27T20:00:00.000Z to 2026-11-27T21:00:00.000Z (± unknown), cause power-loss, confidence weak');
  assert.equal(sentenceOf(darkZoneOf(known, 1n)!), 'dark zone from between 2026-11-27T20:00:12.345Z and 2026-11-27T20:01:15.000Z to 2026-11-27T21:00:00.000Z (± unknown), cause power-loss, confidence certain');
});

test('a dark zone that was sealed before its beginning had two bounds is read', () => {
  const { beganBy: _, facts: { lastSealed: __, every: ___, ...told }, ...older } = JSON.parse(VECTORS.records[2]!) as { beganBy: null; facts: Record<string, unknown> };
  const read = decodeCoverage(JSON.stringify({ ...older, facts: told }));
  assert.equal(read?.type === 'dark-zone' && read.facts.lastSealed === null && read.facts.everySeconds === 0 && read.zone.beganByNs === null, true);
});

test('the resume token is the last heartbeat', () => {
  const resume = { ...before, stopped: true };
  assert.equal(encodeResume(resume).toString('hex'), VECTORS.resume.hex);
  assert.deepEqual(decodeResume(encodeResume(resume)), resume);
  assert.equal(decodeResume(encodeResume({ ...resume, boundNs: null }))?.boundNs, null);
  for (const token of [Buffer.alloc(0), encodeResume(resume).subarray(1), Buffer.concat([Buffer.of(2), encodeResume(resume).subarray(1)])]) assert.equal(decodeResume(token), null);
});
