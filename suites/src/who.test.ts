// SPDX-License-Identifier: Apache-2.0
// Who ran it, asked when it is long gone: kernel, probe, capture with a user of its own, vault, and the command.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually, kernelAlone, startAppliance, type Appliance } from '@strongroom/testing';
import { probeMissing } from './kernel.ts';

await kernelAlone();

const ROUNDS_MAX = 300;

interface Answer {
  readonly pid: number;
  readonly person: string | null;
  readonly login: number | null;
  readonly executable: string;
  readonly command: readonly string[];
  readonly sha256: string | null;
  readonly cgroup: string | null;
  readonly ancestry: readonly { readonly pid: number; readonly name: string | null; readonly executable: string | null }[];
  readonly records: { readonly asked: string; readonly ancestry: string; readonly file: string | null };
}

describe('who ran it', { skip: probeMissing() }, () => {
  let appliance: Appliance;
  before(async () => { appliance = await startAppliance({ config: { capture: { audit: { enabled: false }, ebpf: { enabled: true } } } }); });
  after(async () => { await appliance.stop(); });

  async function search(text: string): Promise<{ id: string; raw: string }[]> {
    const { stdout } = await appliance.cli('search', text, '--protocol', 'ebpf', '--kind', 'data', '-o', 'json');
    return JSON.parse(stdout) as { id: string; raw: string }[];
  }

  it('is answered from sealed records, each fact with its record, when the process is gone', async () => {
    let event: { id: string; raw: string } | undefined;
    for (let round = 0; event === undefined; round += 1) {
      assert.ok(round < ROUNDS_MAX, 'the probe told nothing');
      const mark = randomUUID(); // the probe may not have been there yet
      spawnSync('sh', ['-c', `(echo 65534 > /proc/self/loginuid; exec /bin/true ${mark}); :`]);
      await delay(1000);
      event = (await search(mark)).find(({ raw }) => raw.includes('"executable":"/bin/true"'));
    }
    const { pid } = JSON.parse(event.raw) as { pid: number };
    const exits = async (): Promise<{ id: string; raw: string }[]> => (await search(`"pid":${pid},`)).filter(({ raw }) => raw.startsWith('{"type":"exit",'));
    const [exit] = await eventually(exits, ({ length }) => length > 0, 'its end to be sealed');
    for (const words of [[event.id], [exit!.id], ['--pid', String(pid)]]) {
      const { code, stdout, stderr } = await appliance.cli('who', ...words, '-o', 'json');
      assert.equal(code, 0, stderr);
      const answer = JSON.parse(stdout) as Answer;
      assert.deepEqual([answer.pid, answer.person, answer.login, answer.executable, answer.command[0]], [pid, 'nobody', 65534, '/bin/true', '/bin/true']);
      assert.ok(answer.ancestry.some((one) => one.pid === process.pid), stdout);
      assert.ok(answer.ancestry.length === 8 || answer.ancestry.at(-1)!.pid === 1, stdout);
      assert.notEqual(answer.cgroup, null);
      assert.equal(answer.records.ancestry, event.id);
    }
    const { stdout: screen } = await appliance.cli('who', event.id);
    assert.match(screen, /^nobody \(login uid 65534\)/);
    assert.match(screen, new RegExp(`true \\(${pid}\\)  /bin/true\\n`));
    assert.equal((await appliance.cli('who', '--pid', '4194304', '--at', '1w')).code, 1);
    assert.equal((await appliance.cli('who')).code, 2);
  });
});
