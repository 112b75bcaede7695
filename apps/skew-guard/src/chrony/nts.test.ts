// SPDX-License-Identifier: Apache-2.0
// NTS between real chronyds, by a certificate of our own authority: the state of the authentication is told, and what it is that fails.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Chronyd, chronycProgram, chronyMissing, TestAuthority } from '@strongroom/testing';
import type { ClockSource } from '@strongroom/service';
import { ChronyLine } from './line.ts';
import { referenceOf, wordsOf } from './reference.ts';
import { Wander } from '../bound/wander.ts';

const PORT = 20_000 + (process.pid % 10_000);

async function until(client: Chronyd, wished: (source: ClockSource, isReference: boolean) => boolean): Promise<void> {
  const line = new ChronyLine({ program: chronycProgram(), address: client.socket, port: 0 });
  for (;;) {
    const report = await line.ask().catch(() => null);
    const [source] = report === null ? [] : wordsOf(report);
    if (source !== undefined && wished(source, referenceOf(report!, new Wander()) !== null)) return line.close();
    await delay(50);
  }
}

test('a source with NTS says so, and one whose certificate is not trusted is never a reference', { skip: chronyMissing() ?? false }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-nts-'));
  try {
    const [authority, other] = [await TestAuthority.make(), await TestAuthority.make('Another')];
    const { certificatePem, keyPem } = await authority.issue({ dns: ['localhost'], ips: ['127.0.0.6'], usages: ['server'] });
    for (const [name, text] of [['cert.pem', certificatePem], ['key.pem', keyPem], ['ca.pem', authority.certificatePem], ['other.pem', other.certificatePem]] as const) writeFileSync(join(directory, name), text, { mode: 0o600 });
    const nts = [`ntsserverkey ${join(directory, 'key.pem')}`, `ntsservercert ${join(directory, 'cert.pem')}`, `ntsport ${PORT + 1}`];
    await using _ = new Chronyd({ serve: { address: '127.0.0.6', port: PORT }, lines: ['local stratum 1', ...nts] });
    const lines = (ca: string): string[] => [`ntstrustedcerts ${join(directory, ca)}`, 'nosystemcert', `server 127.0.0.6 port ${PORT} nts ntsport ${PORT + 1} iburst minpoll -2 maxpoll 0`];
    await using trusting = new Chronyd({ lines: lines('ca.pem') });
    await until(trusting, ({ authentication, verdict }, isReference) => authentication === 'nts' && verdict === 'selected' && isReference);
    await using wary = new Chronyd({ lines: lines('other.pem') });
    await until(wary, ({ authentication, isReachable }) => authentication === 'nts' && !isReachable);
    await delay(1000);
    await until(wary, (source, isReference) => { assert.equal(isReference, false); return !source.isReachable; });
  } finally {
    rmSync(directory, { recursive: true });
  }
});
