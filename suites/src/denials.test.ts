// SPDX-License-Identifier: Apache-2.0
// AppArmor and SELinux forbid to listen, for real: in a guest with Debian's kernel, which has both. Its lines are the fixtures of the
// doctor's tests. It takes minutes, so it runs in the soak alone.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { guestMissing, runGuest, unpackedPackage } from '@strongroom/testing';

const PROGRAM = join(import.meta.dirname, 'denials.guest.sh');
const STRONGROOM = resolve(import.meta.dirname, '../../apps/cli/bin/strongroom');
const DISK_BYTES = 64 * 1024 * 1024;
const isLong = process.env['STRONGROOM_DENIALS'] !== undefined;

/** AppArmor tells of a capability once; what was a message before auditd ran is not in its log. */
const MODULES = [
  { module: 'apparmor', name: 'AppArmor', package: 'apparmor', messages: 3, logged: 2, ports: [514, 6514] },
  { module: 'selinux', name: 'SELinux', package: 'secilc', messages: 3, logged: 3, ports: [514, 6514] },
] as const;

if (isLong) describe('what the kernel says when it forbids to listen', { skip: guestMissing() ?? false }, () => {
  for (const { module, name, package: tools, messages, logged, ports } of MODULES) {
    it(`is found by the doctor where ${name} does it`, async () => {
      const said = await inGuest(module, tools);
      console.log(said.filter((line) => /^(kernel|kmsg|auditd|listen|doctor): /.test(line)).map((line) => `# ${line}`).join('\n'));
      assert.ok(said.filter((line) => line.startsWith('listen: ')).every((line) => line.endsWith(' EACCES')));
      for (const [place, count] of [['kmsg: ', messages], ['auditd: ', logged]] as const) assert.equal(said.filter((line) => line.startsWith(place)).length, count, place);
      const { findings } = JSON.parse(said.find((line) => line.startsWith('doctor: '))!.slice('doctor: '.length)) as { findings: { code: string; what: string; evidence: Record<string, unknown> }[] };
      const refused = findings.filter(({ code }) => code === 'port.refused').map(({ evidence }) => [evidence['port'], evidence['module']]);
      assert.deepEqual(refused, ports.map((port) => [port, name]));
    });
  }
});

async function inGuest(module: string, tools: string): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-denials-'));
  try {
    const disk = join(directory, 'disk');
    writeFileSync(disk, '');
    truncateSync(disk, DISK_BYTES);
    execFileSync('mkfs.ext4', ['-q', disk]);
    const said = await runGuest({
      directory, disk, filesystem: 'ext4', writeLog: join(directory, 'log'), kernelArguments: [`security=${module}`],
      command: ['/bin/bash', PROGRAM, module, unpackedPackage(tools), unpackedPackage('auditd'), process.execPath, STRONGROOM],
    });
    return said.split(/\r?\n/);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
