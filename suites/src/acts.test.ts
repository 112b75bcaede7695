// SPDX-License-Identifier: Apache-2.0
// What a kernel tells of, act by act, through all of it: kernel, both readers, capture, vault, search. The audit has the
// baseline rules, and a real auditd beside us whose log is the truth.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { auditMissing, eventually, HostAudit, kernelAlone, type Appliance } from '@strongroom/testing';
import { LOGIN, perform, PYTHON, type At, type Members } from './acts/act.ts';
import { ACTS } from './acts/acts.table.ts';
import { AuditedHost } from './audited-host.ts';
import { probeMissing, RULES, sealedBy, settled, startBoth } from './kernel.ts';

await kernelAlone();
const missing = auditMissing() || probeMissing() || (existsSync(PYTHON) ? false : 'machine: the acts are done in Python');

/** Who each act is done by, unless it says otherwise. */
const by = ({ pid }: At): Members => ({ pid, login: LOGIN, uid: 0, euid: 0 });

const fits = (event: Members, wanted: Members): boolean => Object.entries(wanted).every(([name, value]) => JSON.stringify(event[name]) === JSON.stringify(value));

describe('acts that a kernel tells of', { skip: missing }, () => {
  let audited: AuditedHost;
  let appliance: Appliance;
  let log: string[];
  let done: ReadonlyMap<string, At>;
  let events: readonly Members[];
  let records: readonly string[];

  before(async () => {
    audited = new AuditedHost('acts');
    const { root, host, auditd } = audited;
    const directory = join(root, 'acts');
    mkdirSync(join(directory, 'watched/deep'), { recursive: true });
    writeFileSync(join(directory, 'watched/deep/file'), '');
    appliance = await startBoth({ watch: [join(directory, 'watched')] });
    chmodSync(root, 0o755); // only now: the probe finds what it watches wherever that is
    await auditd.start();
    host.limit('-b', 8192);
    host.enable();
    host.load(RULES, root);
    done = perform(ACTS, directory);
    const mark = randomUUID();
    HostAudit.auditctl('-m', mark);
    log = await eventually(() => auditd.log(), (lines) => lines.some((line) => line.includes(mark)), 'auditd to write all of it');
    await settled(appliance);
    events = (await sealedBy(appliance, 'ebpf', `"login":${LOGIN},`)).map((raw) => JSON.parse(raw) as Members);
    records = await sealedBy(appliance, 'audit', `auid=${LOGIN} `);
  });
  after(async () => {
    spawnSync('umount', ['-R', audited.root], { stdio: 'ignore' });
    await audited.end(appliance);
  });

  for (const { name, ebpf, audit, needs } of ACTS) {
    it(name, (t) => {
      const at = done.get(name)!;
      assert.equal(at.facts['failed'], undefined);
      if (needs?.(at) === false) return t.skip(`machine: this kernel does not do it: ${JSON.stringify(at.facts)}, end ${at.status}`);
      const told = events.filter(({ pid }) => pid === at.pid);
      for (const wanted of ebpf(at).map((members): Members => ({ ...by(at), ...(members['type'] === 'exit' ? { uid: undefined, euid: undefined } : {}), ...members }))) {
        const checked = Object.fromEntries(Object.entries(wanted).filter(([member, value]) => value !== undefined || member === 'result' || member === 'claimed'));
        assert.ok(told.some((event) => fits(event, checked)), `${JSON.stringify(checked)} is not among\n${told.map((event) => JSON.stringify(event)).join('\n')}`);
      }
      if (audit === undefined) return;
      const seen = records.filter((raw) => raw.includes(` pid=${at.pid} `));
      assert.ok(seen.some((raw) => audit(at).every((pattern) => pattern.test(raw))), `${audit(at).join(' ')} is not in one of\n${seen.join('\n\n')}`);
    });
  }

  it("has all of auditd's log of them", async () => {
    const sealed = new Set((await sealedBy(appliance, 'audit')).flatMap((raw) => raw.split('\n')));
    assert.deepEqual(log.filter((line) => !line.startsWith('type=DAEMON_') && !sealed.has(line)), []);
    assert.ok(log.filter((line) => line.includes(`auid=${LOGIN} `)).length >= ACTS.length);
  });

  it('has a record of each that none of the others has', () => {
    assert.ok(done.size >= 40 && done.size === ACTS.length);
    assert.equal(new Set([...done.values()].map(({ pid }) => pid)).size, done.size);
  });
});
