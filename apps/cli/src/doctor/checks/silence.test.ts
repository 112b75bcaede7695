// SPDX-License-Identifier: Apache-2.0
// What is said of sources that the supervisor holds for silent; a real one falls silent in doctor.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeEvent, type Registry, type ServiceEvent, type Status } from '@strongroom/service';
import type { SilentFacts } from '@strongroom/service/coverage';
import { TestAuthority } from '@strongroom/testing';
import { examine } from '../examine.ts';
import { FoundedHome } from '../testing/founded-home.ts';
import { flowCheck } from './flow.ts';
import { silenceCheck } from './silence.ts';

const authority = await TestAuthority.make('Strongroom CA');
/** A Friday, 14 h. */
const NOW_MS = Date.UTC(2026, 10, 27, 14, 40);
const KEY = 'ab'.repeat(32);
const SILENT: SilentFacts = { source: 'web-07', since: new Date(NOW_MS - 40 * 60_000).toISOString(), usualSilenceSeconds: 180, usualEventsHourly: 10_800, cause: 'silent-source', confidence: 'likely', because: 'others went on, so it was the source itself; it is not connected', connections: 0 };

interface Given { readonly silent: readonly SilentFacts[]; readonly notAfter?: string; readonly revokedAt?: string; readonly events?: readonly ServiceEvent[] }

async function found({ silent, notAfter = '2027-01-01T00:00:00.000Z', revokedAt, events = [] }: Given) {
  using home = await FoundedHome.make(authority);
  const enrolment = { id: 'spiffe://doctor/source/web-07', keyHash: KEY, serial: '01', enrolledAt: '2026-01-01T00:00:00.000Z', notAfter, revokedAt: revokedAt ?? null };
  home.write(home.paths.registry, JSON.stringify({ sources: { 'web-07': enrolment }, readers: {}, custodians: {} } satisfies Registry));
  const patient = { ...await home.patient({}, NOW_MS), events, status: { services: [] } as unknown as Status, habits: { watched: 3, learning: 0, silent } };
  return (await examine([silenceCheck, flowCheck], patient)).findings;
}

const refusedAt = (event: string, fields: Record<string, string>): ServiceEvent => ({ ...makeEvent('gateway', event, 'warn', { peer: '10.0.0.7:4711', names: 'URI:spiffe://doctor/source/web-07', ...fields }), time: new Date(NOW_MS - 60_000).toISOString() });

const why = async (given: Omit<Given, 'silent'>, more: Partial<SilentFacts> = {}) => (await found({ silent: [{ ...SILENT, ...more }], ...given })).find(({ code }) => code === 'flow.fell-silent')!;

test('a source that is silent against its habit is told with what is usual at this hour, and one that is not connected is looked for from there', async () => {
  const [one, ...more] = await found({ silent: [SILENT] });
  assert.deepEqual([one?.code, one?.what, more], ['flow.fell-silent', 'web-07 is silent for 40 min; usually 3 records/s on a Friday at 14 h UTC, and silent for 3 min at most', []]);
  assert.match(`${one?.why} ${one?.fix}`, /not connected, and was not refused.* strongroom doctor --to /);
});

test('the likeliest reason is the first that fits: refused, revoked, certificate over, connected and mute', async () => {
  const expired = await why({ notAfter: '2026-11-27T14:00:00.000Z', events: [refusedAt('gateway.certificate-expired', { keyHash: KEY })] });
  assert.match(expired.why, /most likely this: its certificate is over \(refused at .* from 10\.0\.0\.7:4711\)/);
  assert.match(expired.fix, /^strongroom enrol web-07 --out \.\/web-07 --force/);
  assert.match((await why({ revokedAt: '2026-11-27T14:00:00.000Z' })).why, /it was revoked at 2026-11-27T14/);
  assert.match((await why({ notAfter: '2026-11-27T14:00:00.000Z' })).why, /its certificate is over since 2026-11-27T14/);
  assert.match((await why({}, { connections: 1 })).why, /its connection is open/);
  assert.match((await why({}, { source: 'service/capture' })).fix, /^strongroom status/);
});

test('where all fell silent together that is one finding, of our own network', async () => {
  const because = 'all sources fell silent at once, and this machine ran on; it is not connected';
  const together = await found({ silent: ['web-07', 'web-08'].map((source) => ({ ...SILENT, source, cause: 'network-loss' as const, because })) });
  assert.deepEqual(together.map(({ code, evidence }) => [code, evidence['count']]), [['flow.all-silent', 2]]);
});

test('who shows a certificate with the name of a source, and has not its key, is no reason to enrol that source again', async () => {
  const forged = refusedAt('gateway.certificate-expired', { keyHash: 'cd'.repeat(32), peer: '203.0.113.66:4711' });
  const findings = await found({ silent: [SILENT], events: [forged, refusedAt('gateway.certificate-foreign', {})] });
  assert.deepEqual(findings.map(({ code }) => code).toSorted(), ['flow.fell-silent', 'flow.strangers', 'flow.strangers']);
  for (const { what, why, fix } of findings) {
    assert.ok(!`${what} ${why} ${fix}`.includes('enrol web-07'), fix);
    if (what.includes('refused')) assert.match(what, /somebody at \S+ who says to be web-07, and has not its key/);
  }
});
