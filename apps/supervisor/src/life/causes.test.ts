// SPDX-License-Identifier: Apache-2.0
// A machine that really panics, is really reset by its watchdog, really sleeps: a guest with Debian's kernel, in which our own reader of
// causes runs before and after. What it read there is in the fixtures of its tests. It takes minutes, so it runs in the soak alone.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, globSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { guestMissing, runCommand, unpackedAlone } from '@strongroom/testing';

const ROOT = resolve(import.meta.dirname, '../../../..');
const BUSYBOX = '/bin/busybox';
/** Of hardware as well: the kernel for virtual machines has no driver of a watchdog card. */
const META_PACKAGE = 'linux-image-amd64';
const MODULES = ['virtio', 'virtio_ring', 'virtio_pci', 'virtio_pci_modern_dev', 'virtio_pci_legacy_dev', 'virtio_blk', 'ext4', 'jbd2', 'mbcache', 'crc16', 'crc32c_generic', 'crc32c-intel', 'libcrc32c', 'ramoops', 'reed_solomon', 'i6300esb', 'watchdog', 'button'];
const DISK_BYTES = 512 * 1024 * 1024;
const PATIENCE_MS = 1_800_000;
const isLong = process.env['STRONGROOM_CAUSES'] !== undefined;
const ERST = ['-object', 'memory-backend-file,id=erst,mem-path=erst,size=0x10000,share=on', '-device', 'acpi-erst,memdev=erst'];
const RAMOOPS = 'memmap=1M$0x1f000000 ramoops.mem_address=0x1f000000 ramoops.mem_size=0x100000 ramoops.record_size=0x20000';

const CASES = [
  { title: 'a panic, by ERST', cause: 'panic', judged: ['panic', 'certain'], kernel: '', modules: '', devices: ERST },
  { title: 'a panic, by ramoops', cause: 'panic', judged: ['panic', 'certain'], kernel: RAMOOPS, modules: 'ramoops', devices: [] },
  { title: 'a reset by the watchdog', cause: 'watchdog-reset', judged: ['watchdog-reset', 'certain'], kernel: '', modules: 'i6300esb', devices: ['-device', 'i6300esb', '-action', 'watchdog=reset'] },
  { title: 'sleep', cause: 'suspended', judged: ['suspended', 'certain'], kernel: '', modules: '', devices: [] },
  { title: 'a reset that nothing tells of, as power does', cause: 'reset', judged: ['power-loss', 'weak'], kernel: '', modules: 'i6300esb', devices: [...ERST, '-device', 'i6300esb'] },
] as const;

if (isLong) describe('why a machine went', { skip: guestMissing() ?? false }, () => {
  let directory = '';
  let kernel = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'strongroom-causes-'));
    const root = unpackedAlone(new RegExp('^  Depends: (linux-image-\\S+)$', 'm').exec(runCommand(['apt-cache', 'depends', META_PACKAGE], '/'))![1]!);
    kernel = join(root, globSync('boot/vmlinuz-*', { cwd: root })[0]!);
    makeInitialFiles(root, directory);
    makeDisk(directory);
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const { title, cause, judged, kernel: more, modules, devices } of CASES) {
    it(`is told: ${title}`, async () => {
      copyFileSync(join(directory, 'blank'), join(directory, 'disk'));
      writeFileSync(join(directory, 'erst'), Buffer.alloc(0x10000));
      const said = await machine(directory, kernel, `cause=${cause} modules="${modules}" ${more}`, devices);
      const { cause: found, confidence } = JSON.parse(/^judged: (.*?)\r?$/m.exec(said)?.[1] ?? assert.fail(said.slice(-8000))) as { cause: string; confidence: string };
      console.log(said.split(/\r?\n/).filter((line) => /dmesg-|bootstatus|judged/.test(line)).map((line) => `# ${line}`).join('\n'));
      assert.deepEqual([found, confidence], judged);
    });
  }
});

function makeInitialFiles(root: string, directory: string): void {
  const [files, version] = [join(directory, 'initial'), basename(globSync('lib/modules/*', { cwd: root })[0]!)];
  const place = join('lib/modules', version);
  for (const name of ['bin', 'dev', 'disk', 'proc', 'sys', place]) mkdirSync(join(files, name), { recursive: true });
  copyFileSync(BUSYBOX, join(files, 'bin/busybox'));
  copyFileSync(join(import.meta.dirname, 'causes.init.sh'), join(files, 'init'));
  chmodSync(join(files, 'init'), 0o755);
  for (const path of globSync(`${place}/modules.{builtin,order}`, { cwd: root })) copyFileSync(join(root, path), join(files, path));
  for (const path of globSync(`${place}/kernel/**/{${MODULES.join(',')}}.ko`, { cwd: root })) copyFileSync(join(root, path), join(files, place, basename(path)));
  runCommand([BUSYBOX, 'chroot', files, '/bin/busybox', 'depmod', version], root);
  runCommand(['sh', '-c', `cd '${files}' && find . | ${BUSYBOX} cpio -o -H newc > '${directory}/initial.cpio'`], root);
}

/** Node with its libraries, and of our code what reads causes. */
function makeDisk(directory: string): void {
  const files = join(directory, 'files');
  for (const name of ['dev', 'proc', 'sys', 'var/log', 'causes/node_modules/@strongroom']) mkdirSync(join(files, name), { recursive: true });
  copyFileSync(process.execPath, join(files, 'node'));
  for (const [, library] of runCommand(['ldd', process.execPath], '/').matchAll(/(\/\S+\.so\S*)/g)) {
    mkdirSync(join(files, dirname(library!)), { recursive: true });
    copyFileSync(library!, join(files, library!));
  }
  for (const name of ['libs/bytes', 'libs/evidence', 'libs/service/package.json', 'libs/service/src/coverage', 'apps/supervisor/package.json', 'apps/supervisor/src/life', 'package.json']) {
    cpSync(join(ROOT, name), join(files, 'causes', name), { recursive: true, filter: (path) => !path.includes('node_modules') && !path.endsWith('.test.ts') });
  }
  for (const name of ['bytes', 'evidence', 'service']) symlinkSync(`../../libs/${name}`, join(files, 'causes/node_modules/@strongroom', name));
  execFileSync('mkfs.ext4', ['-q', '-d', files, join(directory, 'blank'), String(DISK_BYTES / 1024)]);
  rmSync(files, { recursive: true });
}

/** Runs until it is off; a reset starts it again. */
async function machine(directory: string, kernel: string, more: string, devices: readonly string[]): Promise<string> {
  const guest = spawn('qemu-system-x86_64', [
    '-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '1', '-m', '512', '-nodefaults', '-nographic', '-serial', 'stdio', '-kernel', kernel, '-initrd', 'initial.cpio',
    '-append', `console=ttyS0 quiet panic=1 mitigations=off no_timer_check ${more}`, '-drive', 'file=disk,format=raw,if=virtio', ...devices,
  ], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [guest.stdout, guest.stderr]) stream.setEncoding('utf8').on('data', (part: string) => { said += part; });
  const late = setTimeout(() => guest.kill('SIGKILL'), PATIENCE_MS);
  await new Promise((ended) => guest.once('close', ended));
  clearTimeout(late);
  return said;
}
