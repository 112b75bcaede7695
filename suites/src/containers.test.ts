// SPDX-License-Identifier: Apache-2.0
// Where something happened: in namespaces that a user made, in a network namespace, in a container of a real Docker engine. Told
// by eBPF in the terms of the host; the audit has the same process, by the number that the host knows it by.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { auditMissing, DockerEngine, dockerMissing, HostAudit, kernelAlone, missingOnMachine, type Appliance } from '@strongroom/testing';
import { probeMissing, sealedBy, settled, startBoth, type Fields } from './kernel.ts';

/** Of a user that this machine need not have. */
const USER = 60_995;
/** What is not known of a process ten seconds later is never known. */
const LATER_ROUNDS = 30;
const SPACES = { pidSpace: 'pid', userSpace: 'user', mountSpace: 'mnt', netSpace: 'net' };
/** Says which namespaces it is in, then executes what is looked for. */
const INSIDE = `stat -L -c %i ${Object.values(SPACES).map((name) => `/proc/self/ns/${name}`).join(' ')}; exec /bin/true "$0"`;

await kernelAlone();
const missing = auditMissing() || probeMissing();

const spaceOf = (pid: number | string, name: string): number => statSync(`/proc/${pid}/ns/${name}`).ino;

/** Runs `command` so that what it executes last says where it is. */
function inside(...command: string[]): { mark: string; spaces: Record<string, number> } {
  const mark = randomUUID();
  const { status, stdout, stderr } = spawnSync(command[0]!, [...command.slice(1), 'sh', '-c', INSIDE, mark], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const numbers = stdout.trim().split('\n').map(Number);
  return { mark, spaces: Object.fromEntries(Object.keys(SPACES).map((name, index) => [name, numbers[index]!])) };
}

describe('kernel events of namespaces and containers', { skip: missing }, () => {
  let root: string;
  let host: HostAudit;
  let appliance: Appliance;

  before(async () => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'strongroom-containers-')));
    chmodSync(root, 0o755);
    host = new HostAudit();
    appliance = await startBoth();
    host.limit('-b', 8192);
    host.enable();
    host.add('always,exit -F arch=b64 -S execve,execveat -F key=containers');
  });
  after(async () => {
    host.remove();
    await appliance.stop();
    host.restore();
    rmSync(root, { recursive: true });
  });

  /** In which container it was, as the event says, or the record of its process, which comes where the event did not know yet. */
  async function containerOf({ pid, who }: Fields): Promise<unknown> {
    let known = who as Fields;
    for (let round = 0; known['container'] === null && round < LATER_ROUNDS; round += 1) {
      await delay(500);
      known = (await sealedBy(appliance, 'process', `{"pid":${String(pid)},`)).map((raw) => JSON.parse(raw) as Fields).at(-1) ?? known;
    }
    const { runtime, id } = (known['container'] ?? {}) as Fields;
    return { runtime, id };
  }

  /** The execution that was told `mark`, of the program that ends in `name`: as eBPF tells it, and that the audit has it too. */
  async function executed(mark: string, name: string): Promise<Fields> {
    await settled(appliance);
    const events = (await sealedBy(appliance, 'ebpf', mark)).map((raw) => JSON.parse(raw) as Fields);
    const event = events.find(({ type, executable, command }) => type === 'exec' && String(executable).endsWith(name) && (command as string[])[1] === mark);
    assert.ok(event, `${mark} is not among\n${events.map((one) => JSON.stringify(one)).join('\n')}`);
    const records = (await sealedBy(appliance, 'audit', ` a1="${mark}"`)).filter((raw) => raw.includes(` pid=${String(event['pid'])} `));
    assert.equal(records.length, 1, 'the audit has it once');
    return event;
  }

  it("have the host's numbers of who is root in a user namespace and process 1 in a pid namespace", async () => {
    const { mark, spaces } = inside('setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups', 'unshare', '-Urpf', '--mount-proc');
    const event = await executed(mark, '/true');
    assert.deepEqual(Object.fromEntries(Object.keys(SPACES).map((name) => [name, event[name]])), spaces);
    for (const name of ['pidSpace', 'userSpace', 'mountSpace'] as const) assert.notEqual(event[name], spaceOf('self', SPACES[name]));
    assert.equal(event['netSpace'], spaceOf('self', 'net'));
    assert.deepEqual([event['uid'], event['euid'], event['gid']], [USER, USER, USER]);
    assert.ok((event['pid'] as number) > 1);
  });

  it('have the network namespace that ip netns made', async (t) => {
    const ip = ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip'].find((path) => existsSync(path));
    if (ip === undefined) return t.skip('machine: ip is not here');
    // Names of namespaces are mounts below /run: in a mount namespace of its own nothing of them stays.
    const { mark, spaces } = inside('unshare', '--mount', 'sh', '-c', `mount -t tmpfs none /run && ${ip} netns add strongroom && exec ${ip} netns exec strongroom "$@"`, 'sh');
    const event = await executed(mark, '/true');
    assert.equal(event['netSpace'], spaces['netSpace']);
    assert.notEqual(event['netSpace'], spaceOf('self', 'net'));
    assert.deepEqual([event['pidSpace'], event['userSpace']], [spaceOf('self', 'pid'), spaceOf('self', 'user')]);
  });

  it("have the cgroups and namespaces of a container of Docker's", async (t) => {
    const absent = dockerMissing();
    if (absent !== false) return t.skip(absent);
    const engine = new DockerEngine(join(root, `strongroom-docker-${randomUUID().slice(0, 8)}`));
    try {
      const container = await engine.start().then(() => engine.container()).catch((error: Error) => error);
      if (container instanceof Error) return t.skip(missingOnMachine(() => { throw container; })!);
      const mark = randomUUID();
      engine.docker('exec', container, '/bin/true', mark);
      const event = await executed(mark, '/bin/true');
      const first = engine.docker('inspect', '--format', '{{.State.Pid}}', container);
      for (const [name, space] of Object.entries(SPACES)) assert.equal(event[name], spaceOf(first, space), name);
      assert.notEqual(event['pidSpace'], spaceOf('self', 'pid'));
      const number = (hierarchy: string): number => statSync(join('/sys/fs/cgroup', hierarchy, engine.cgroup, container)).ino;
      if (existsSync('/sys/fs/cgroup/pids')) assert.equal(event['cgroupV1'], number('pids'));
      const unified = existsSync('/sys/fs/cgroup/cgroup.controllers') ? '' : 'unified';
      if (existsSync(join('/sys/fs/cgroup', unified, 'cgroup.controllers'))) assert.equal(event['cgroup'], number(unified));
      assert.deepEqual(await containerOf(event), { runtime: 'docker', id: container });
    } finally {
      await engine.stop();
    }
  });
});
