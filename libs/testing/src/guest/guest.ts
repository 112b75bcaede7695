// SPDX-License-Identifier: Apache-2.0
// A machine of its own, emulated by QEMU: it sees this machine's files read-only (virtiofs, with a layer in its memory
// above) and one disk, every write and flush of which is recorded in the order in which the disk saw them.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';
import { missingOnMachine } from '../unpacked-package.ts';
import { guestKernel } from './kernel.ts';

const QEMU = '/usr/bin/qemu-system-x86_64';
const VIRTIOFSD = '/usr/lib/qemu/virtiofsd';
const MEMORY = '2048M';
/** Only so that a guest that hangs ends with what it said. Emulation is slow, and the machine may be busy. */
const PATIENCE_MS = 1_800_000;
const POLL_MS = 100;

export interface GuestOptions {
  /** Where its sockets go; kept by the caller. */
  readonly directory: string;
  /** Raw image with a file system; the guest mounts it at /data and writes to it. */
  readonly disk: string;
  readonly filesystem: 'ext4' | 'xfs';
  /** Gets what {@link readWriteLog} reads. */
  readonly writeLog: string;
  /** Program and arguments, by the paths that they have here; as for `env`, variables of the environment may come before. */
  readonly command: readonly string[];
  /** More for the kernel's command line, such as `security=selinux`. */
  readonly kernelArguments?: readonly string[];
}

/** Why a guest cannot run here, or null. */
export function guestMissing(): string | null {
  if (process.arch !== 'x64') return 'machine: guests are emulated x86-64 machines';
  if (process.getuid?.() !== 0) return 'machine: sharing files with a guest needs root';
  for (const program of [QEMU, VIRTIOFSD]) if (!existsSync(program)) return `machine: ${program} is missing`;
  return missingOnMachine(guestKernel);
}

/** Runs the command in a guest until it ends, and returns what the guest printed. Throws `Failed`: `guest.run`, `guest.kernel`, `package.unpack`. */
export async function runGuest(options: GuestOptions): Promise<string> {
  const { kernel, initialFiles } = guestKernel();
  const socket = join(options.directory, 'files');
  const files = spawn(VIRTIOFSD, [`--socket-path=${socket}`, ...['source=/', 'sandbox=chroot', 'cache=always', 'no_posix_lock'].flatMap((option) => ['-o', option])], { stdio: 'ignore' });
  try {
    await until(() => existsSync(socket) || files.exitCode !== null, 'the file server');
    writeFileSync(options.writeLog, '');
    const guest = spawn(QEMU, [...machine(), '-kernel', kernel, '-initrd', initialFiles, '-append', commandLine(options), ...shared(socket), ...recorded(options)], { stdio: ['ignore', 'pipe', 'pipe'] });
    return await output(guest);
  } finally {
    files.kill('SIGKILL');
  }
}

function machine(): string[] {
  return ['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '1', '-m', MEMORY, '-nodefaults', '-no-reboot', '-nographic', '-serial', 'stdio', '-device', 'virtio-rng-pci'];
}

function shared(socket: string): string[] {
  const memory = `memory-backend-memfd,id=memory,size=${MEMORY},share=on`;
  return ['-object', memory, '-numa', 'node,memdev=memory', '-chardev', `socket,id=files,path=${socket}`, '-device', 'vhost-user-fs-pci,chardev=files,tag=host'];
}

/** Each superblock of the record counts every entry before it, so that the record is whole however the guest ends. */
function recorded({ disk, writeLog }: GuestOptions): string[] {
  return [
    '-blockdev', `driver=file,filename=${disk},node-name=disk`, '-blockdev', `driver=file,filename=${writeLog},node-name=log`,
    '-blockdev', 'driver=blklogwrites,node-name=recorded,file=disk,log=log,log-super-update-interval=1', '-device', 'virtio-blk-pci,drive=recorded',
  ];
}

function commandLine({ filesystem, command, kernelArguments = [] }: GuestOptions): string {
  // On a busy machine an emulated timer can be too late for the kernel's look at it, which is then its end.
  return ['console=ttyS0 quiet panic=-1 mitigations=off no_timer_check', ...kernelArguments, `filesystem=${filesystem}`, '--', ...command].join(' ');
}

async function output(guest: ChildProcess): Promise<string> {
  let text = '';
  for (const stream of [guest.stdout!, guest.stderr!]) stream.setEncoding('utf8').on('data', (part: string) => { text += part; });
  const late = setTimeout(() => guest.kill('SIGKILL'), PATIENCE_MS);
  const code = await new Promise<number | null>((resolve, reject) => guest.once('close', resolve).once('error', reject));
  clearTimeout(late);
  if (code === 0 && /^guest: ended 0\r?$/m.test(text)) return text;
  throw new Failed('guest.run', `the guest did not end as it should\n${text.slice(-8000)}`, { why: `QEMU ended with ${code}` });
}

async function until(done: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!done()) {
    if (Date.now() > deadline) throw new Failed('guest.run', `waited in vain for ${what}`);
    await delay(POLL_MS);
  }
}
