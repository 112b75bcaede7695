// SPDX-License-Identifier: Apache-2.0
// The system calls of events by number: name, and by argument the name of what is a number there. Arguments that point to
// something are left out: what they pointed to is told instead. On processors not listed the number alone is told.
export interface SystemCall {
  readonly name: string;
  readonly fields: readonly (readonly [index: number, name: string])[];
}

const call = (name: string, ...names: readonly (string | null)[]): SystemCall =>
  ({ name, fields: names.flatMap((field, index) => (field === null ? [] : [[index, field] as const])) });

const X64: Readonly<Record<number, SystemCall>> = {
  2: call('open', null, 'openFlags', 'mode'), 42: call('connect', 'fd'), 43: call('accept', 'fd'), 49: call('bind', 'fd'), 56: call('clone', 'cloneFlags'), 59: call('execve'), 76: call('truncate', null, 'octets'),
  82: call('rename'), 83: call('mkdir', null, 'mode'), 84: call('rmdir'), 85: call('creat', null, 'mode'), 86: call('link'), 87: call('unlink'), 88: call('symlink'), 90: call('chmod', null, 'mode'), 91: call('fchmod', 'fd', 'mode'),
  92: call('chown', null, 'toUid', 'toGid'), 93: call('fchown', 'fd', 'toUid', 'toGid'), 94: call('lchown', null, 'toUid', 'toGid'),
  101: call('ptrace', 'request', 'target'), 105: call('setuid', 'toUid'), 106: call('setgid', 'toGid'), 113: call('setreuid', 'toUid', 'toEuid'),
  114: call('setregid', 'toGid', 'toEgid'), 116: call('setgroups', 'groups'), 117: call('setresuid', 'toUid', 'toEuid', 'toSuid'),
  119: call('setresgid', 'toGid', 'toEgid', 'toSgid'), 122: call('setfsuid', 'toUid'), 123: call('setfsgid', 'toGid'), 126: call('capset'), 133: call('mknod', null, 'mode', 'node'),
  155: call('pivot_root'), 159: call('adjtimex'), 161: call('chroot'), 164: call('settimeofday'), 165: call('mount', null, null, null, 'mountFlags'),
  166: call('umount2', null, 'mountFlags'), 175: call('init_module', null, 'octets'), 176: call('delete_module', null, 'moduleFlags'), 188: call('setxattr'), 189: call('lsetxattr'),
  190: call('fsetxattr', 'fd'), 197: call('removexattr'), 198: call('lremovexattr'), 199: call('fremovexattr', 'fd'), 227: call('clock_settime', 'clock'),
  246: call('kexec_load'), 257: call('openat', 'directory', null, 'openFlags', 'mode'), 258: call('mkdirat', 'directory', null, 'mode'), 259: call('mknodat', 'directory', null, 'mode', 'node'),
  260: call('fchownat', 'directory', null, 'toUid', 'toGid'), 263: call('unlinkat', 'directory', null, 'removeFlags'),
  264: call('renameat', 'directory', null, 'toDirectory'), 265: call('linkat', 'directory', null, 'toDirectory', null, 'linkFlags'), 266: call('symlinkat', null, 'toDirectory'),
  268: call('fchmodat', 'directory', null, 'mode'), 272: call('unshare', 'cloneFlags'), 288: call('accept4', 'fd'),
  305: call('clock_adjtime', 'clock'), 308: call('setns', 'fd', 'cloneFlags'), 310: call('process_vm_readv', 'target'), 311: call('process_vm_writev', 'target'), 313: call('finit_module', 'fd', null, 'moduleFlags'),
  316: call('renameat2', 'directory', null, 'toDirectory', null, 'renameFlags'), 320: call('kexec_file_load'), 321: call('bpf', 'command'), 322: call('execveat', 'directory'), 425: call('io_uring_setup', 'entries'),
  429: call('move_mount', 'directory', null, 'toDirectory'), 435: call('clone3', 'cloneFlags'),
  437: call('openat2', 'directory'), 452: call('fchmodat2', 'directory', null, 'mode'),
};

/** The same calls by their numbers on arm64, where those that the ones with a directory replace do not exist. */
const ARM64: Readonly<Record<number, string>> = {
  5: 'setxattr', 6: 'lsetxattr', 7: 'fsetxattr', 14: 'removexattr', 15: 'lremovexattr', 16: 'fremovexattr', 33: 'mknodat', 34: 'mkdirat', 35: 'unlinkat', 36: 'symlinkat',
  37: 'linkat', 38: 'renameat', 39: 'umount2', 40: 'mount', 41: 'pivot_root', 45: 'truncate', 51: 'chroot', 52: 'fchmod', 53: 'fchmodat', 54: 'fchownat', 55: 'fchown',
  56: 'openat', 91: 'capset', 97: 'unshare', 104: 'kexec_load', 105: 'init_module', 106: 'delete_module', 112: 'clock_settime', 117: 'ptrace', 143: 'setregid',
  144: 'setgid', 145: 'setreuid', 146: 'setuid', 147: 'setresuid', 149: 'setresgid', 151: 'setfsuid', 152: 'setfsgid', 159: 'setgroups', 170: 'settimeofday',
  171: 'adjtimex', 200: 'bind', 202: 'accept', 203: 'connect', 220: 'clone', 221: 'execve', 242: 'accept4', 266: 'clock_adjtime', 268: 'setns', 270: 'process_vm_readv',
  271: 'process_vm_writev', 273: 'finit_module', 276: 'renameat2', 280: 'bpf', 281: 'execveat', 294: 'kexec_file_load', 425: 'io_uring_setup', 429: 'move_mount',
  435: 'clone3', 437: 'openat2', 452: 'fchmodat2',
};
const byName = new Map(Object.values(X64).map((call) => [call.name, call]));

/** Null for one that isn't known here. */
export function systemCall(number: number, architecture: string = process.arch): SystemCall | null {
  if (architecture === 'arm64') return byName.get(ARM64[number] ?? '') ?? null;
  return architecture === 'x64' ? X64[number] ?? null : null;
}
