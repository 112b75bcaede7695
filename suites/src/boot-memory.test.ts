// SPDX-License-Identifier: Apache-2.0
// Who dies first when memory is short, with the units as systemd runs them: a program beside them takes what there is, and the
// kernel chooses. Long: it is a part of `npm run soak -- --only boot`.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { allRunning, BOOT_CONFIG, isLong, SERVICES, unitOf, unitFileOf } from './booted-units.ts';
import { BootedContainer, bootMissing, memoryGroupMissing, ROOT } from './booted-container.ts';

const MIB = 1024 * 1024;
/** Beyond what all hold: room for a program that wants more, until it has taken the place of those that go first. */
const ROOM_BYTES = 64 * MIB;

if (isLong()) {
  it('when memory is short the services go that others can do without, and the vault, keys and supervisor stay', { skip: bootMissing() || memoryGroupMissing() }, async () => {
    // Nobody lowers a score without CAP_SYS_RESOURCE, so all are raised: those that go keep their distances.
    const raisedBy = 1000 - Math.max(...SERVICES.map(scoreOf));
    const dropIns = Object.fromEntries(SERVICES.map((service) => [unitFileOf(service), [`OOMScoreAdjust=${scoreOf(service) + raisedBy}`, 'Restart=no']]));
    await using container = new BootedContainer({ config: BOOT_CONFIG, dropIns });
    await container.boot();
    await allRunning(container);
    container.limitMemory(container.memoryHeld + ROOM_BYTES);
    const taker = spawn('sh', ['-c', `echo $$ > '${container.memoryGroup}/cgroup.procs'; exec perl -e 'my @held; while (1) { push @held, "x" x 10485760; select(undef, undef, undef, 0.1) }'`], { stdio: 'ignore' });
    // It is not of the units: what it takes is the reason, and it goes before those that must stay.
    assert.deepEqual(await once(taker, 'exit'), [null, 'SIGKILL']);
    const died = [...(await container.journal()).matchAll(/systemd\[1\]: strongroom-([a-z-]+)(?:@0)?\.service: Main process exited, code=killed, status=9/g)].map((match) => match[1]!);
    assert.deepEqual([died.slice(0, 2), died.slice(2, 4).toSorted(), died.slice(4)], [['witness', 'gateway'], ['rack-monitor', 'skew-guard'], ['capture']]);
    for (const service of ['vault', 'keys', 'supervisor']) assert.equal((await container.show(unitOf(service), 'SubState'))['SubState'], 'running', service);
  });
}

function scoreOf(service: string): number {
  return Number(/^OOMScoreAdjust=(-?\d+)$/m.exec(readFileSync(join(ROOT, 'appliance/units', unitFileOf(service)), 'utf8'))![1]);
}
