// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { configOf } from '@strongroom/service/config';
import { layout, type ServiceEvent } from '@strongroom/service';
import type { Accounts } from '../place/accounts.ts';
import { Reader } from './reader.ts';
import { auditMissing, ebpfMissing, integrityMissing, own, readerCommand, readerPlans } from './readers.ts';

const until = async (holds: () => boolean): Promise<void> => { while (!holds()) await delay(5); };

function open(script: string) {
  const events: ServiceEvent[] = [];
  const reader = new Reader({ name: 'audit', command: { file: 'sh', args: ['-c', script] }, environment: process.env }, (event) => events.push(event));
  return { reader, events, named: (name: string) => events.filter(({ event }) => event === name).map(({ fields }) => fields) };
}

describe('native reader', () => {
  it('is started again when it ends, and both are told', async () => {
    const { reader, named } = open('echo "no such group" >&2; exit 3');
    reader.start();
    await until(() => named('reader.ended').length >= 2);
    await reader.stop();
    assert.deepEqual(named('reader.ended')[0], { reader: 'audit-reader', code: 3, signal: null, restartInMs: 250 });
    assert.equal(named('reader.output')[0]!['line'], 'no such group');
    assert.deepEqual([reader.state, reader.pid], ['stopped', null]);
    const { length } = named('reader.ended');
    await delay(600);
    assert.equal(named('reader.ended').length, length, 'not after the stop');
  });

  it('is told when its program is not there', async () => {
    const events: ServiceEvent[] = [];
    const reader = new Reader({ name: 'audit', command: { file: '/nonexistent/reader', args: [] }, environment: {} }, (event) => events.push(event));
    reader.start();
    await until(() => events.some(({ event }) => event === 'reader.ended'));
    await reader.stop();
    assert.match(reader.ended[0]!.code === null ? 'no code' : 'code', /no code/);
  });

  it('ends at the stop by itself, and is ended when it does not', async () => {
    const willing = open('trap "exit 0" TERM; echo up >&2; while :; do sleep 0.05; done');
    willing.reader.start();
    await until(() => willing.named('reader.output').length > 0);
    await willing.reader.stop();
    assert.deepEqual(willing.reader.ended.map(({ code, signal }) => [code, signal]), [[0, null]]);
    const stubborn = open('trap "" TERM; echo up >&2; while :; do sleep 0.05; done');
    stubborn.reader.start();
    await until(() => stubborn.named('reader.output').length > 0);
    await stubborn.reader.stop();
    assert.deepEqual(stubborn.reader.ended.map(({ signal }) => signal), ['SIGKILL']);
  });
});

describe('readers of capture', () => {
  const place = { code: '/nonexistent/code', home: '/srv/strongroom', codeCache: '', view: null, nominal: null };
  const paths = layout(place.home);
  const users = {} as Accounts;

  it('get a user of their own and what they need, nothing else', () => {
    const { file, args } = readerCommand('/opt/reader', ['/run/x.sock'], ['audit_read']);
    assert.equal(file, 'prlimit');
    assert.ok(args.includes('--bounding-set=-all,+audit_read') && args.includes('--no-new-privs') && args.includes('--clear-groups'));
    assert.ok(args.some((arg) => /^--reuid=[1-9]\d*$/.test(arg)));
    assert.deepEqual(args.slice(-2), ['/opt/reader', '/run/x.sock']);
  });

  it('do not take orphans for ours', () => {
    assert.deepEqual([own(4711), own(1)], [['--own', '4711'], []]);
  });

  it('are not started, with the reason, without root, without the program, or where auditd starts it', () => {
    const config = configOf({});
    assert.match(auditMissing({ place, config, users: null })!, /root/);
    assert.match(auditMissing({ place, config, users })!, /set-up/);
    assert.match(ebpfMissing({ place, config, users: null })!, /root/);
    assert.match(ebpfMissing({ place, config, users })!, /set-up|types/);
    assert.match(integrityMissing({ place, config, users: null })!, /root/);
    assert.match(integrityMissing({ place, config, users })!, /set-up/);
    assert.equal(integrityMissing({ place, config: configOf({ capture: { files: { enabled: false } } }), users: null }), null);
    assert.equal(ebpfMissing({ place, config: configOf({ capture: { ebpf: { enabled: false } } }), users: null }), null);
    for (const audit of [{ enabled: false }, { path: 'plugin' }]) assert.equal(auditMissing({ place, config: configOf({ capture: { audit } }), users: null }), null);
    assert.deepEqual(readerPlans({ place, paths, config, users }), []);
  });
});
