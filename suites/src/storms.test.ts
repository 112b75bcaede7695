// SPDX-License-Identifier: Apache-2.0
// Kernel events in masses, counted by who makes them. By each origin: what is found and what is told as lost is what there
// was. The long forms are run by `npm run soak`.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { auditMissing, kernelAlone, missingOnMachine, unpackedEnvironment, unpackedPackage, type Appliance } from '@strongroom/testing';
import { AuditedHost } from './audited-host.ts';
import { auditSums, ebpfSums, type Sums } from './kernel-sums.ts';
import { probeMissing, settled, startBoth } from './kernel.ts';
import { buildStorm, storm } from './storms/storm.ts';

const amount = (name: string, short: number): number => Number(process.env[`STRONGROOM_STORM_${name}`] ?? short);
const EXECS = amount('EXECS', 1500);
const FILES = amount('FILES', 4000);
const PROCESSES = amount('PROCESSES', 400);
const STRESS = amount('STRESS', 200);
const PROCESSES_AT_ONCE = 40;
/** Users that this machine need not have: of the processes that make processes, and of stress-ng, which does not run as root. */
const [MAKER, STRESSOR] = [60_997, 60_996];
const STRESS_NG = 'stress-ng';

await kernelAlone();
const missing = auditMissing() || probeMissing() || buildStorm() || false;

/** So many are found, or told as lost. */
function assertAccounted({ lost }: Sums, found: number, wanted: number): void {
  assert.ok(found <= wanted && wanted <= found + lost, `${found} found, ${lost} told as lost, of ${wanted}`);
}

const processes = ({ kinds }: Sums): number => [...kinds.keys()].filter((kind) => kind.startsWith('stress ')).length;

describe('storms of kernel events', { skip: missing }, () => {
  const mark = randomUUID();
  const noStress = missing === false ? missingOnMachine(() => unpackedPackage(STRESS_NG)) : null;
  let audited: AuditedHost;
  let appliance: Appliance;
  /** What there was, by kind. */
  let truth: Readonly<Record<string, number>>;
  let unsealed: Set<string>;
  let ebpf: Sums;
  let audit: Sums;

  before(async () => {
    audited = new AuditedHost('storms');
    const { root, host, auditd } = audited;
    chmodSync(root, 0o755);
    const files = join(root, 'files');
    mkdirSync(files);
    appliance = await startBoth({ watch: [files] });
    await auditd.start();
    host.limit('-b', 8192);
    host.enable();
    host.add('always,exit -F arch=b64 -S execve,execveat -F key=storm-exec');
    host.add(`always,exit -F arch=b64 -S openat,chmod,rename,unlink -F dir=${files} -F key=storm-files`);
    host.add(`always,exit -F arch=b64 -S clone,clone3,fork,vfork -F uid=${MAKER} -F success=1 -F key=storm-processes`);
    truth = {
      ...storm(['execs', String(EXECS), mark]), ...storm(['files', String(FILES), files]),
      ...storm(['bomb', String(PROCESSES), String(PROCESSES_AT_ONCE), String(MAKER)]), ...(noStress === null ? { stress: stress(join(root, 'stress')) } : {}),
    };
    unsealed = new Set(auditd.log().filter((line) => line.startsWith('type=SYSCALL')));
    await settled(appliance);
    ebpf = await ebpfSums(appliance, kindByEbpf);
    audit = await auditSums(appliance, kindByAudit);
  });
  after(() => audited.end(appliance));

  function kindByEbpf(raw: string): string | null {
    const type = /^\{"type":"([a-z-]+)"/.exec(raw)![1]!;
    if (type === 'exec' && raw.includes(`"command":["storm","quit","${mark}",`)) return 'execs';
    if (['open', 'mode', 'rename', 'delete'].includes(type) && raw.includes('"name":"storm"')) return type;
    if (type === 'exit' && raw.includes(`"uid":${MAKER},`)) return 'ended';
    return type.startsWith('exec') && raw.includes(`"uid":${STRESSOR},`) ? `stress ${/"pid":\d+/.exec(raw)![0]}` : null;
  }

  function kindByAudit(raw: string): string | null {
    const call = raw.split('\n').find((line) => line.startsWith('type=SYSCALL '));
    if (call === undefined) return null;
    unsealed.delete(call);
    if (call.includes(' key="storm-exec"') && raw.includes(`a1="quit" a2="${mark}"`)) return 'execs';
    if (call.includes(' key="storm-files"') && call.includes(' comm="storm"') && call.includes(' success=yes ')) return 'operations';
    if (call.includes(' key="storm-processes"')) return 'made';
    return call.includes(` uid=${STRESSOR} `) ? `stress ${/ pid=\d+/.exec(call)![0]}` : null;
  }

  it('have each of the short-lived processes', () => {
    assert.equal(truth['execs'], EXECS);
    for (const sums of [ebpf, audit]) assertAccounted(sums, sums.kinds.get('execs') ?? 0, EXECS);
  });

  it('have each operation on files', () => {
    const types = ['open', 'mode', 'rename', 'delete'];
    assert.equal(types.reduce((sum, type) => sum + truth[type]!, 0), FILES);
    for (const type of types) assertAccounted(ebpf, ebpf.kinds.get(type) ?? 0, truth[type]!);
    assertAccounted(audit, audit.kinds.get('operations') ?? 0, FILES);
  });

  it('have each process that processes made, up to the limit that stopped them', () => {
    assert.ok(truth['made']! >= PROCESSES && truth['refused']! > 0);
    assertAccounted(ebpf, ebpf.kinds.get('ended') ?? 0, truth['made']! + 1); // the first one too, which another user made
    assertAccounted(audit, audit.kinds.get('made') ?? 0, truth['made']!);
  });

  it('have each process of stress-ng that executed something, or tried', (t) => {
    if (noStress !== null) return t.skip(noStress);
    for (const sums of [ebpf, audit]) assertAccounted(sums, processes(sums), truth['stress']! + 1); // stress-ng itself too
  });

  it('leave no event unsealed that auditd wrote, unless it is told as lost', (t) => {
    for (const [name, { numbers, lost }] of Object.entries({ ebpf, audit })) t.diagnostic(`${name}: ${numbers} events, ${lost} of them told as lost`);
    assert.ok(unsealed.size <= audit.lost, [...unsealed].slice(0, 5).join('\n'));
    assert.ok(audited.auditd.log().length > EXECS + FILES);
  });
});

/** Has stress-ng execute programs, in all of its ways, and returns how many processes did by its own count. */
function stress(directory: string): number {
  mkdirSync(directory);
  chmodSync(directory, 0o777);
  const [program, report, unpacked] = [join(directory, STRESS_NG), join(directory, 'report.yaml'), unpackedPackage(STRESS_NG)];
  copyFileSync(join(unpacked, 'usr/bin/stress-ng'), program);
  const options = ['--exec', '1', '--exec-max', '16', '--exec-ops', String(STRESS), '--temp-path', directory, '--yaml', report, '--metrics'];
  const as = [`--reuid=${STRESSOR}`, `--regid=${STRESSOR}`, '--clear-groups'];
  const { status, stderr } = spawnSync('setpriv', [...as, program, ...options], { env: unpackedEnvironment(unpacked), encoding: 'utf8', cwd: directory });
  assert.equal(status, 0, stderr);
  return Number(/bogo-ops: (\d+)/.exec(readFileSync(report, 'utf8'))![1]);
}
