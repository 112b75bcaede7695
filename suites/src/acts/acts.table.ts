// SPDX-License-Identifier: Apache-2.0
// Acts that a kernel tells of: what is done (in Python, see acts.py for the words), how eBPF tells it, and how the audit does
// with the baseline rules. What a machine could be harmed by is refused, or of a namespace that ends with its process.
import { STRANGER, type Act, type At } from './act.ts';

const text = (value: string): RegExp => new RegExp(value.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
/** A SYSCALL record of a call that succeeded, of a path in the acts' directory where `name` is given. */
const done = (number: number, key: string, ...names: ((at: At) => string)[]) => (at: At) => [
  new RegExp(` syscall=${number} success=yes `), new RegExp(` key="${key}"`), ...names.map((name) => text(`name="${name(at)}"`)),
];
const refused = (number: number, errno: number, key: string) => () => [new RegExp(` syscall=${number} success=no exit=-${errno} `), new RegExp(` key="${key}"`)];
const below = (...names: string[]) => ({ directory }: At): string => [directory, ...names].join('/');
const touch = (name: string): string => `open(path('${name}'), 'w').close()`;

const PROGRAMS: readonly Act[] = [
  {
    name: 'a program is executed', code: `os.execv('/bin/true', ['true', 'one', 'two words'])`,
    ebpf: () => [{ type: 'exec', executable: '/bin/true', command: ['true', 'one', 'two words'] }, { type: 'exit', status: 0, signal: 0 }],
    audit: () => [/ syscall=59 success=yes /, / key="exec"/, /argc=3 a0="true" a1="one" a2=74776F20776F726473/, /name="\/bin\/true"/],
  },
  {
    name: 'a script is executed', code: `open(path('script'), 'w').write('#!/bin/sh\\nexit 5\\n'); os.chmod(path('script'), 0o755); os.execv(path('script'), ['script', 'x'])`,
    ebpf: ({ directory }) => [{ type: 'exec', executable: `${directory}/script`, command: ['/bin/sh', `${directory}/script`, 'x'] }, { type: 'exit', status: 5 }],
    audit: (at) => [/ key="exec"/, text(`argc=3 a0="/bin/sh" a1="${below('script')(at)}" a2="x"`)],
  },
  {
    name: 'a program is executed by its descriptor', code: `say(inode=os.stat('/bin/true').st_ino); os.execve(os.open('/bin/true', os.O_RDONLY), ['true', 'by-descriptor'], {})`,
    ebpf: ({ facts }) => [{ type: 'exec', command: ['true', 'by-descriptor'], inode: facts['inode'] }],
    audit: () => [/ syscall=322 success=yes /, / key="exec"/, /a1="by-descriptor"/],
  },
  {
    name: 'a program is executed that is in memory only',
    code: `fd = os.memfd_create('nowhere'); os.write(fd, open('/bin/true', 'rb').read()); say(inode=os.fstat(fd).st_ino); os.execve(fd, ['from-memory'], {})`,
    ebpf: ({ facts }) => [{ type: 'exec', command: ['from-memory'], inode: facts['inode'] }],
    audit: () => [/ key="exec"/, / comm="memfd:nowhere"/, /argc=1 a0="from-memory"/],
  },
  {
    name: 'a program is not there', code: `say(result=call(59, path('absent'), None, None))`,
    ebpf: ({ directory }) => [{ type: 'exec-failed', call: 'execve', result: -2, path: `${directory}/absent` }],
    audit: refused(59, 2, 'exec'),
  },
  {
    name: 'a program must not be executed', code: `${touch('plain')}; say(result=call(322, -100, path('plain'), None, None, 0))`,
    ebpf: ({ directory }) => [{ type: 'exec-failed', call: 'execveat', result: -13, path: `${directory}/plain` }],
    audit: refused(322, 13, 'exec'),
  },
  { name: 'a process ends with a code', code: 'os._exit(42)', ebpf: () => [{ type: 'exit', status: 42, signal: 0 }] },
  {
    name: 'a process dies of a signal', code: 'import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.kill(os.getpid(), 11)',
    ebpf: () => [{ type: 'exit', status: 0, signal: 11 }], audit: () => [/type=ANOM_ABEND/, / sig=11 /],
  },
  {
    name: 'a setuid program gives root',
    code: `open(path('helper'), 'wb').write(open('/bin/true', 'rb').read()); os.chmod(path('helper'), 0o4755); become(STRANGER); os.execv(path('helper'), ['helper'])`,
    ebpf: ({ directory }) => [{ type: 'exec', executable: `${directory}/helper`, uid: STRANGER, euid: 0, gid: STRANGER }],
    audit: () => [/ key="became-root"/, new RegExp(` uid=${STRANGER} `), / euid=0 /],
  },
];

const FILES: readonly Act[] = [
  {
    name: 'chmod', code: `${touch('chmod')}; say(result=call(90, path('chmod'), 0o640))`,
    ebpf: ({ directory }) => [{ type: 'mode', call: 'chmod', result: 0, mode: 0o640, path: `${directory}/chmod`, claimed: true }], audit: done(90, 'permissions', below('chmod')),
  },
  {
    name: 'fchmod', code: `fd = os.open(path('fchmod'), os.O_CREAT); os.fchmod(fd, 0o600); say(fd=fd)`,
    ebpf: ({ facts }) => [{ type: 'mode', call: 'fchmod', result: 0, fd: facts['fd'], mode: 0o600 }], audit: done(91, 'permissions'),
  },
  {
    name: 'fchmodat2', code: `${touch('fchmodat2')}; say(result=call(452, -100, path('fchmodat2'), 0o611, 0))`, needs: ({ facts }) => facts['result'] !== -38,
    ebpf: ({ directory }) => [{ type: 'mode', call: 'fchmodat2', result: 0, mode: 0o611, path: `${directory}/fchmodat2` }], audit: done(452, 'permissions', below('fchmodat2')),
  },
  {
    name: 'chown', code: `${touch('chown')}; os.chown(path('chown'), 1, 2)`,
    ebpf: ({ directory }) => [{ type: 'owner', call: 'chown', result: 0, toUid: 1, toGid: 2, path: `${directory}/chown` }, { type: 'capability', capability: 0, result: 0 }],
    audit: done(92, 'permissions', below('chown')),
  },
  {
    name: 'fchown', code: `fd = os.open(path('fchown'), os.O_CREAT); os.fchown(fd, 3, -1); say(fd=fd)`,
    ebpf: ({ facts }) => [{ type: 'owner', call: 'fchown', result: 0, fd: facts['fd'], toUid: 3, toGid: -1 }], audit: done(93, 'permissions'),
  },
  {
    name: 'lchown', code: `os.symlink('nowhere', path('lchown')); os.lchown(path('lchown'), 4, 5)`,
    ebpf: ({ directory }) => [{ type: 'owner', call: 'lchown', result: 0, toUid: 4, toGid: 5, path: `${directory}/lchown` }, { type: 'make', call: 'symlink', path: 'nowhere', to: `${directory}/lchown` }],
    audit: done(94, 'permissions', below('lchown')),
  },
  {
    name: 'a change of owner is refused', code: `${touch('kept')}; become(STRANGER); say(result=call(92, path('kept'), STRANGER, -1))`,
    ebpf: () => [{ type: 'owner', result: -1, toUid: STRANGER, uid: STRANGER, euid: STRANGER }, { type: 'capability', capability: 0, result: -1, uid: STRANGER, euid: STRANGER }],
    audit: refused(92, 1, 'permissions'),
  },
  {
    name: 'unlink', code: `${touch('unlinked')}; os.unlink(path('unlinked'))`,
    ebpf: ({ directory }) => [{ type: 'delete', call: 'unlink', result: 0, path: `${directory}/unlinked` }], audit: done(87, 'deletion', below('unlinked')),
  },
  {
    name: 'unlinkat, relative to a directory', code: `${touch('relative')}; fd = os.open(directory, os.O_RDONLY); os.unlink('relative', dir_fd=fd); say(fd=fd)`,
    ebpf: ({ facts }) => [{ type: 'delete', call: 'unlinkat', result: 0, directory: facts['fd'], path: 'relative' }], audit: done(263, 'deletion', () => 'relative'),
  },
  {
    name: 'mkdir and rmdir', code: `os.mkdir(path('room'), 0o750); os.rmdir(path('room'))`,
    ebpf: ({ directory }) => [{ type: 'make', call: 'mkdir', result: 0, mode: 0o750, path: `${directory}/room` }, { type: 'delete', call: 'rmdir', result: 0, path: `${directory}/room` }],
    audit: done(84, 'deletion', below('room')),
  },
  {
    name: 'rename', code: `${touch('old')}; os.rename(path('old'), path('new'))`,
    ebpf: ({ directory }) => [{ type: 'rename', call: 'rename', result: 0, path: `${directory}/old`, to: `${directory}/new` }], audit: done(82, 'deletion', below('old'), below('new')),
  },
  {
    name: 'two files change places', code: `${touch('left')}; ${touch('right')}; say(result=call(316, -100, path('left'), -100, path('right'), 2))`,
    ebpf: ({ directory }) => [{ type: 'rename', call: 'renameat2', result: 0, renameFlags: 2, path: `${directory}/left`, to: `${directory}/right` }],
    audit: done(316, 'deletion', below('left'), below('right')),
  },
  {
    name: 'link', code: `${touch('one')}; os.link(path('one'), path('other'))`,
    ebpf: ({ directory }) => [{ type: 'make', result: 0, path: `${directory}/one`, to: `${directory}/other` }],
  },
  {
    name: 'mknod', code: `os.mkfifo(path('pipe'))`, ebpf: ({ directory }) => [{ type: 'make', result: 0, path: `${directory}/pipe` }],
  },
  {
    name: 'truncate', code: `${touch('cut')}; os.truncate(path('cut'), 10)`,
    ebpf: ({ directory }) => [{ type: 'truncate', call: 'truncate', result: 0, octets: 10, path: `${directory}/cut` }],
  },
  {
    name: 'an attribute is set', code: `${touch('marked')}; say(result=call(188, path('marked'), 'user.strongroom', b'x', 1, 0))`, needs: ({ facts }) => facts['result'] !== -95,
    ebpf: ({ directory }) => [{ type: 'attribute', call: 'setxattr', result: 0, path: `${directory}/marked`, attribute: 'user.strongroom' }],
    audit: done(188, 'permissions', below('marked')),
  },
];

/** Files are opened for writing below `watched`. `inode` is what it is by another way. */
const WATCHED: readonly Act[] = [
  ['by its path', `open(path('watched/deep/file'), 'w')`, below('watched/deep/file')],
  ['relative', `os.chdir(path('watched')); open('deep/file', 'a')`, () => 'deep/file'],
  ['through a symbolic link', `os.symlink('watched', path('elsewhere')); open(path('elsewhere/deep/file'), 'r+')`, below('elsewhere/deep/file')],
  ['by its descriptor', `fd = os.open(path('watched/deep/file'), os.O_RDONLY); say(fd=fd); os.open(f'/proc/self/fd/{fd}', os.O_WRONLY)`, ({ facts }: At) => `/proc/self/fd/${facts['fd'] as number}`],
  ['which empties it, though for reading', `os.open(path('watched/deep/file'), os.O_RDONLY | os.O_TRUNC)`, below('watched/deep/file')],
  ['as another program left it', `os.link(path('watched/deep/file'), path('watched/hard')); os.open(path('watched/hard'), os.O_RDWR)`, below('watched/hard')],
].map(([how, code, path]) => ({
  name: `a watched file is opened for writing, ${how as string}`, code: `${code as string}; say(inode=os.stat(path('watched/deep/file')).st_ino)`,
  ebpf: (at: At) => [{ type: 'open', path: (path as (at: At) => string)(at), inode: at.facts['inode'] }],
}));

const IDENTITIES: readonly Act[] = [
  {
    name: 'setresuid and setresgid', code: 'os.setresgid(STRANGER, STRANGER, STRANGER); os.setresuid(STRANGER, STRANGER, STRANGER)',
    ebpf: () => [{ type: 'credentials', call: 'setresgid', result: 0, toGid: STRANGER, egid: STRANGER }, { type: 'credentials', call: 'setresuid', result: 0, toUid: STRANGER, uid: STRANGER, euid: STRANGER }],
    audit: done(117, 'changed-user'),
  },
  { name: 'setgid', code: 'os.setgid(STRANGER)', ebpf: () => [{ type: 'credentials', call: 'setgid', result: 0, toGid: STRANGER, gid: STRANGER }], audit: done(106, 'changed-user') },
  { name: 'setgroups', code: 'os.setgroups([1, 2, 3])', ebpf: () => [{ type: 'credentials', call: 'setgroups', result: 0, groups: 3 }] },
  {
    name: 'setuid is refused', code: 'become(STRANGER); say(result=call(105, 0))',
    ebpf: () => [{ type: 'credentials', call: 'setuid', result: -1, toUid: 0, uid: STRANGER, euid: STRANGER }, { type: 'capability', capability: 7, result: -1, uid: STRANGER, euid: STRANGER }],
    audit: refused(105, 1, 'changed-user'),
  },
  {
    name: 'capset', code: `say(result=call(126, struct.pack('<Ii', 0x20080522, 0), bytes(24)))`,
    ebpf: () => [{ type: 'credentials', call: 'capset', result: 0 }], audit: (at) => [...done(126, 'capabilities')(at), /type=CAPSET .*cap_pe=0/],
  },
  {
    name: 'a signal goes to a process of another user',
    code: `child = os.fork()
if child == 0:
    become(STRANGER); signal.pause()
while os.stat(f'/proc/{child}').st_uid != STRANGER: time.sleep(0.01)
os.kill(child, 15); os.waitpid(child, 0); say(child=child)`,
    ebpf: ({ facts }) => [{ type: 'signal', signal: 15, target: facts['child'], targetUid: STRANGER, result: 0 }],
  },
];

const KERNEL: readonly Act[] = [
  {
    name: 'a module is loaded from a file', code: `say(result=call(313, os.open('/dev/null', os.O_RDONLY), b'strongroom=1', 0))`,
    ebpf: ({ facts }) => [{ type: 'module', call: 'finit_module', result: facts['result'], path: 'strongroom=1' }], audit: () => [/ syscall=313 success=no /, / key="modules"/],
  },
  {
    name: 'a module is loaded from memory', code: `say(result=call(175, b'none', 4, b'strongroom=2'))`,
    ebpf: ({ facts }) => [{ type: 'module', call: 'init_module', result: facts['result'], octets: 4, path: 'strongroom=2' }], audit: () => [/ syscall=175 success=no /, / key="modules"/],
  },
  {
    name: 'a module is removed', code: `say(result=call(176, b'strongroom_none', 0o4000))`,
    ebpf: ({ facts }) => [{ type: 'module', call: 'delete_module', result: facts['result'], path: 'strongroom_none' }], audit: () => [/ syscall=176 success=no /, / key="modules"/],
  },
  { name: 'bpf()', code: 'say(result=call(321, 999, None, 0))', ebpf: () => [{ type: 'bpf', call: 'bpf', command: 999, result: -22 }], audit: refused(321, 22, 'kernel-programs') },
  {
    name: 'another kernel is loaded', code: 'become(STRANGER); say(result=call(246, 0, 0, None, 0))',
    ebpf: ({ facts }) => [{ type: 'module', call: 'kexec_load', result: facts['result'], uid: STRANGER, euid: STRANGER }], audit: () => [/ syscall=246 success=no /, / key="modules"/],
  },
  {
    name: 'ptrace', code: `child = sleeper(); say(child=child, result=call(101, 16, child, 0, 0)); end(child)`,
    ebpf: ({ facts }) => [{ type: 'ptrace', call: 'ptrace', request: 16, target: facts['child'], result: 0 }],
    audit: (at) => [...done(101, 'other-process')(at), new RegExp(`type=OBJ_PID .*opid=${String(at.facts['child'])}`)],
  },
  {
    name: "another process's memory is written",
    code: `buffer = ctypes.create_string_buffer(b'x', 8); child = sleeper()
vector = struct.pack('<QQ', ctypes.addressof(buffer), 8)
say(child=child, result=call(311, child, vector, 1, vector, 1, 0)); end(child)`,
    ebpf: ({ facts }) => [{ type: 'ptrace', call: 'process_vm_writev', target: facts['child'], result: 8 }], audit: done(311, 'other-process'),
  },
  { name: 'the time is set to what it is', code: 'say(result=call(164, None, None))', ebpf: () => [{ type: 'time', call: 'settimeofday', result: 0 }], audit: done(164, 'time') },
  {
    name: 'the clock is set, which is refused', code: `become(STRANGER); say(result=call(227, 0, struct.pack('<qq', 0, 0)))`,
    ebpf: () => [{ type: 'time', call: 'clock_settime', clock: 0, result: -1, uid: STRANGER, euid: STRANGER }], audit: refused(227, 1, 'time'),
  },
  {
    name: 'the clock is slowed down, which is refused', code: `become(STRANGER); say(result=call(159, struct.pack('<I', 2) + bytes(300)))`,
    ebpf: () => [{ type: 'time', call: 'adjtimex', result: -1, uid: STRANGER, euid: STRANGER }],
  },
  {
    name: 'the host gets a name', code: `libc.unshare(0x4000000); say(result=call(170, b'strongroom', 10))`, audit: done(170, 'host-name'),
    ebpf: () => [{ type: 'namespace', call: 'unshare', cloneFlags: 0x4000000, result: 0 }],
  },
];

const MOUNTS: readonly Act[] = [
  {
    name: 'mount and umount', code: `own_mounts(); os.mkdir(path('mount')); libc.mount(b'strongroom-test', path('mount').encode(), b'tmpfs', 0, None); libc.umount2(path('mount').encode(), 2)`,
    ebpf: ({ directory }) => [{ type: 'mount', call: 'mount', result: 0, path: 'strongroom-test', to: `${directory}/mount`, mountFlags: 0 }, { type: 'mount', call: 'umount2', result: 0, path: `${directory}/mount`, mountFlags: 2 }],
    audit: done(165, 'mounts', below('mount')),
  },
  {
    name: 'a bind mount', code: `own_mounts(); os.mkdir(path('bound')); libc.mount(b'/etc', path('bound').encode(), None, 4096, None)`,
    ebpf: ({ directory }) => [{ type: 'mount', call: 'mount', result: 0, path: '/etc', to: `${directory}/bound`, mountFlags: 4096 }], audit: done(165, 'mounts', below('bound')),
  },
  {
    name: 'chroot', code: `os.chroot(path('watched'))`, ebpf: ({ directory }) => [{ type: 'mount', call: 'chroot', result: 0, path: `${directory}/watched` }],
  },
  {
    name: 'pivot_root', code: `own_mounts(); os.mkdir(path('root')); libc.mount(b'none', path('root').encode(), b'tmpfs', 0, None); os.mkdir(path('root/before')); say(result=call(155, path('root'), path('root/before')))`,
    ebpf: ({ directory }) => [{ type: 'mount', call: 'pivot_root', result: 0, path: `${directory}/root`, to: `${directory}/root/before` }],
  },
];

const SOCKETS: readonly Act[] = [
  {
    name: 'bind, connect and accept by IPv4',
    code: `s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(1); say(port=s.getsockname()[1]); c = socket.create_connection(s.getsockname()); say(from_=c.getsockname()[1]); s.accept()`,
    ebpf: ({ facts }) => [
      { type: 'bind', call: 'bind', result: 0, address: { family: 'inet', address: '127.0.0.1', port: 0 } }, { type: 'connect', address: { family: 'inet', address: '127.0.0.1', port: facts['port'] } },
      { type: 'accept', call: 'accept4', address: { family: 'inet', address: '127.0.0.1', port: facts['from_'] } },
    ],
  },
  {
    name: 'connect by IPv6', code: `s = socket.socket(socket.AF_INET6); s.settimeout(1); say(result=s.connect_ex(('::1', 9)))`,
    ebpf: () => [{ type: 'connect', call: 'connect', address: { family: 'inet6', address: '::1', port: 9 } }],
  },
  {
    name: 'connect by a path',
    code: `s = socket.socket(socket.AF_UNIX); s.bind(path('socket')); s.listen(1); c = socket.socket(socket.AF_UNIX); c.connect(path('socket'))`,
    ebpf: ({ directory }) => [{ type: 'connect', result: 0, address: { family: 'unix', path: `${directory}/socket`, abstract: false } }, { type: 'bind', result: 0, address: { family: 'unix', path: `${directory}/socket`, abstract: false } }],
  },
  {
    name: 'connect is refused', code: `s = socket.socket(); s.bind(('127.0.0.1', 0)); port = s.getsockname()[1]; s.close(); say(port=port, result=-socket.socket().connect_ex(('127.0.0.1', port)))`,
    ebpf: ({ facts }) => [{ type: 'connect', result: -111, address: { family: 'inet', address: '127.0.0.1', port: facts['port'] } }],
  },
];

const SPACES: readonly (readonly [name: string, flag: number])[] = [
  ['mount', 0x20000], ['host name', 0x4000000], ['IPC', 0x8000000], ['network', 0x40000000], ['pid', 0x20000000], ['cgroup', 0x2000000], ['time', 0x80], ['user', 0x10000000],
];

const NAMESPACES: readonly Act[] = [
  ...SPACES.map(([name, flag]): Act => ({
    name: `unshare of the ${name} namespace`, code: `say(result=call(272, ${flag}))`,
    ebpf: () => [{ type: 'namespace', call: 'unshare', cloneFlags: flag, result: 0 }], audit: done(272, 'namespaces'),
  })),
  {
    name: 'setns', code: `fd = os.open('/proc/self/ns/uts', os.O_RDONLY); say(fd=fd, result=call(308, fd, 0x4000000))`,
    ebpf: ({ facts }) => [{ type: 'namespace', call: 'setns', result: 0, fd: facts['fd'], cloneFlags: 0x4000000 }], audit: done(308, 'namespaces'),
  },
  {
    name: 'clone into a namespace', code: `child = call(56, 0x4000011, None, None, None, 0)
if child == 0: os._exit(0)
os.waitpid(child, 0); say(child=child)`,
    ebpf: ({ facts }) => [{ type: 'namespace', call: 'clone', cloneFlags: 0x4000011, result: facts['child'] }],
  },
  {
    name: 'clone3 into namespaces', code: `child = call(435, struct.pack('<11Q', 0xc000000, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0), 88)
if child == 0: os._exit(0)
os.waitpid(child, 0); say(child=child)`,
    ebpf: ({ facts }) => [{ type: 'namespace', call: 'clone3', cloneFlags: 0xc000000, result: facts['child'], claimed: true }],
  },
  {
    name: 'a program is executed as root of a user namespace',
    code: `become(STRANGER); libc.unshare(0x10000000); say(space=os.stat('/proc/self/ns/user').st_ino); os.execv('/bin/true', ['true', 'as-root-here'])`,
    ebpf: ({ facts }) => [{ type: 'exec', command: ['true', 'as-root-here'], uid: STRANGER, euid: STRANGER, userSpace: facts['space'] }],
    audit: () => [/ key="exec"/, /a1="as-root-here"/, new RegExp(` uid=${STRANGER} `)],
  },
];

/** Past the system calls of 64 bits. */
const WAYS_ROUND: readonly Act[] = [
  {
    name: 'unlink by a call of 32 bits', code: `${touch('by32')}; say(result=call32(10, path('by32')))`, needs: ({ facts, status }) => status === 0 && facts['result'] === 0,
    ebpf: ({ directory }) => [{ type: 'abi', call: 10, result: 0 }, { type: 'delete', call: 'unlink', result: 0, path: `${directory}/by32`, compat: true }],
  },
  {
    name: 'a watched file is opened by a call of 32 bits', code: `say(inode=os.stat(path('watched/deep/file')).st_ino, result=call32(5, path('watched/deep/file'), 1))`,
    needs: ({ facts, status }) => status === 0 && Number(facts['result']) > 0,
    ebpf: ({ directory, facts }) => [{ type: 'open', call: 'open', openFlags: 1, path: `${directory}/watched/deep/file`, inode: facts['inode'], compat: true }],
  },
  {
    name: 'unlinkat by io_uring', code: `${touch('byring')}; say(result=uring(36, -100, path('byring'), 0, 0))`, needs: ({ facts }) => facts['result'] === 0,
    ebpf: ({ directory }) => [{ type: 'uring', call: 'io_uring_setup', entries: 2 }, { type: 'delete', call: 'unlinkat', path: `${directory}/byring`, uring: true, result: undefined, claimed: undefined }],
    audit: () => [/ syscall=425 success=yes /, / key="io-uring"/],
  },
  {
    name: 'openat by io_uring', code: `say(result=uring(18, -100, path('watched/deep/file'), 0, 1))`, needs: ({ facts }) => Number(facts['result']) > 0,
    ebpf: ({ directory }) => [{ type: 'open', call: 'openat', path: `${directory}/watched/deep/file`, openFlags: 0x8001, directory: -100, uring: true }],
  },
  {
    name: 'renameat by io_uring', code: `${touch('before')}; say(result=uring(35, -100, [path('before'), path('after')], -100, 0))`, needs: ({ facts }) => facts['result'] === 0,
    ebpf: ({ directory }) => [{ type: 'rename', call: 'renameat2', path: `${directory}/before`, to: `${directory}/after`, directory: -100, toDirectory: -100, uring: true }],
  },
];

export const ACTS: readonly Act[] = [...PROGRAMS, ...FILES, ...WATCHED, ...IDENTITIES, ...KERNEL, ...MOUNTS, ...SOCKETS, ...NAMESPACES, ...WAYS_ROUND];
