// SPDX-License-Identifier: Apache-2.0
// Ourselves: the whole appliance in a temporary home. An event counts once its cycle stands in the commit log.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startAppliance, type Appliance } from '@strongroom/testing';
import { CommitTail } from './commit-tail.ts';
import type { LoadResult, Moment } from './load.ts';
import type { Check, Kept, Subject } from './subject.ts';

const POLL_MS = 3;
/** What is not sealed so long after the load was over is missing. */
const PATIENCE_MS = 15_000;
const SOURCE = 'bench-01';

export async function startStrongroom(environment: Readonly<Record<string, string>> = {}): Promise<Subject> {
  const appliance = await startAppliance({ environment });
  try {
    return await subjectOf(appliance);
  } catch (error) {
    await appliance.stop();
    throw error;
  }
}

async function subjectOf(appliance: Appliance): Promise<Subject> {
  const identity = await appliance.enrol(SOURCE);
  const target = (protocol: string) => ({
    port: Number(appliance.addresses[protocol]?.split(':').at(-1)),
    ca: join(identity, 'ca.pem'), certificate: join(identity, 'cert.pem'), key: join(identity, 'key.pem'),
  });
  const tail = new CommitTail(join(appliance.paths.store, 'commit'));
  const version = (await appliance.cli('version')).stdout.trim().split(/\s+/).find((word) => /^v?\d/.test(word)) ?? 'of this checkout';
  let before = 0;
  return {
    name: 'strongroom', version, keeps: 'sealed, encrypted, synced', pid: appliance.pid!, syslog: target('syslog-tls'), relp: target('relp-tls'),
    begin: async () => { tail.read(); before = tail.sealed(isBench); },
    kept: (events, over) => kept(tail, before, events, over),
    check: (sent) => check(appliance, tail, sent),
    stop: async () => { tail.close(); await appliance.stop(); },
  };
}

function isBench(source: string): boolean {
  return source.endsWith(`/source/${SOURCE}`);
}

async function kept(tail: CommitTail, before: number, events: number | null, over: Promise<LoadResult>): Promise<Kept> {
  let expected = events ?? Infinity;
  let deadlineMs = Infinity;
  const isOver = async (): Promise<void> => {
    const result = await over.catch(() => ({ events: 0 }));
    expected = events ?? result.events;
    deadlineMs = performance.now() + PATIENCE_MS;
  };
  void isOver();
  const course: Moment[] = [];
  for (;;) {
    tail.read();
    const records = tail.sealed(isBench);
    const atNs = process.hrtime.bigint();
    if (records - before > (course.at(-1)?.events ?? 0)) course.push({ atNs, events: records - before });
    if (records - before >= expected || performance.now() > deadlineMs) return { events: records - before, atNs, course };
    await delay(POLL_MS);
  }
}

/** What the log holds of our source, what the vault says that it sealed, and what a verification of the whole store finds. */
async function check(appliance: Appliance, tail: CommitTail, sent: number): Promise<Check> {
  await appliance.until(({ records }) => records >= sent, 'the vault to report what it sealed').catch(() => undefined);
  tail.read();
  const found = tail.sealed(isBench);
  const { records: reported } = await appliance.status();
  const { code, stdout, stderr } = await appliance.cli('verify', '-o', 'json');
  if (code !== 0 && code !== 3) return { ok: false, text: `verify failed: ${stderr.trim()}` };
  const verdict = JSON.parse(stdout) as { readonly ok: boolean; readonly records: number; readonly batches: number };
  const ok = found === sent && reported >= sent && verdict.ok && verdict.records >= sent;
  return {
    ok, text: `sent ${sent}, in the log ${found} of that source; with the appliance's own: status ${reported}, verify ${verdict.ok ? 'ok' : 'NOT OK'} with ${verdict.records} records in ${verdict.batches} batches`,
  };
}
