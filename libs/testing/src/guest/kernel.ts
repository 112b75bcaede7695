// SPDX-License-Identifier: Apache-2.0
// Debian's kernel for virtual machines and an initial file system with its modules, unpacked aside and never installed.
import { chmodSync, copyFileSync, cpSync, existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Failed } from '@strongroom/bytes';
import { runCommand, unpackedAlone } from '../unpacked-package.ts';

const META_PACKAGE = 'linux-image-cloud-amd64';
const INIT = join(import.meta.dirname, 'init.sh');
const BUSYBOX = '/bin/busybox';
/** Of the kernel's modules: what disks, file systems and virtio need. Drivers of real hardware would triple the size. */
const MODULES = ['arch', 'block', 'crypto', 'drivers/block', 'drivers/char', 'drivers/virtio', 'fs', 'lib'];
const MOUNT_POINTS = ['bin', 'dev', 'host', 'layer', 'proc', 'root', 'sys'];

export interface GuestKernel {
  readonly kernel: string;
  readonly initialFiles: string;
}

/** Throws `Failed`: `package.unpack`, `guest.kernel`. */
export function guestKernel(): GuestKernel {
  const root = unpackedAlone(packageName());
  const kernel = globSync('boot/vmlinuz-*', { cwd: root })[0];
  const modules = globSync('lib/modules/*', { cwd: root })[0];
  if (kernel === undefined || modules === undefined) throw failed(`${root} holds no kernel`);
  if (!existsSync(BUSYBOX)) throw failed(`${BUSYBOX} is missing`);
  return { kernel: join(root, kernel), initialFiles: initialFiles(root, basename(modules)) };
}

/** The meta package depends on the present version. */
function packageName(): string {
  const name = new RegExp(`^  Depends: (linux-image-\\S+)$`, 'm').exec(runCommand(['apt-cache', 'depends', META_PACKAGE], '/'))?.[1];
  if (name === undefined) throw failed(`${META_PACKAGE} names no kernel`);
  return name;
}

/** Made once beside the kernel, and again when our first program there changes. */
function initialFiles(root: string, version: string): string {
  const [archive, kept] = [join(root, 'initial.cpio'), join(root, 'initial.sh')];
  if (existsSync(archive) && existsSync(kept) && runCommand(['sh', '-c', `cmp -s '${INIT}' '${kept}' && echo same || true`], root) !== '') return archive;
  const directory = mkdtempSync(join(root, 'initial-'));
  try {
    for (const name of MOUNT_POINTS) mkdirSync(join(directory, name));
    copyFileSync(BUSYBOX, join(directory, 'bin/busybox'));
    copyFileSync(INIT, join(directory, 'init'));
    chmodSync(join(directory, 'init'), 0o755);
    for (const name of MODULES) {
      const place = join('lib/modules', version, 'kernel', name);
      if (existsSync(join(root, place))) cpSync(join(root, place), join(directory, place), { recursive: true });
    }
    for (const path of globSync('lib/modules/*/modules.{builtin,order}', { cwd: root })) copyFileSync(join(root, path), join(directory, path));
    runCommand([BUSYBOX, 'chroot', directory, '/bin/busybox', 'depmod', version], root);
    runCommand(['sh', '-c', `cd '${directory}' && find . | ${BUSYBOX} cpio -o -H newc > '${archive}.new'`], root);
    copyFileSync(INIT, kept);
    renameSync(`${archive}.new`, archive);
  } finally {
    rmSync(directory, { recursive: true });
  }
  return archive;
}

function failed(why: string): Failed {
  return new Failed('guest.kernel', 'there is no kernel for a guest', { why, fix: 'install busybox-static, and make "apt-get download" work' });
}
