/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STRONGROOM_PROBE_H
#define STRONGROOM_PROBE_H
/* What the kernel's side and ours share: docs/FORMAT.md, "Between our processes". No type here depends on a header. */

enum { CPUS_MAX = 512, SYSCALLS_MAX = 512, URING_MAX = 64, TEXT_BYTES_MAX = 8192, PATH_BYTES_MAX = 2048, ADDRESS_BYTES_MAX = 128 };
enum {
	TYPE_EXEC, TYPE_EXIT, TYPE_DELETE, TYPE_RENAME, TYPE_MODE, TYPE_OWNER, TYPE_OPEN, TYPE_CONNECT, TYPE_ACCEPT, TYPE_BIND, TYPE_CREDENTIALS,
	TYPE_CAPABILITY, TYPE_MODULE, TYPE_BPF, TYPE_PTRACE, TYPE_MOUNT, TYPE_NAMESPACE, TYPE_SIGNAL, TYPE_TIME, TYPE_ABI, TYPE_MAKE, TYPE_TRUNCATE,
	TYPE_ATTRIBUTE, TYPE_URING, TYPE_EXEC_FAILED, TYPES
};
enum { TYPES_ROOM = 32 }; /* a power of two, so that a mask of the type is a bound which every verifier sees */
enum { NONE = 255 };
enum { FLAG_CLAIMED = 1, FLAG_UNREADABLE = 2, FLAG_COMPAT = 4, FLAG_URING = 8, FLAG_MEMFD = 16 };

/* One event, before its octets: `first` and then `second` of them. In the machine's byte order, without padding. */
struct event {
	unsigned short type, cpu, first, second;
	unsigned int flags, full; /* full: octets of the first text before it was cut */
	unsigned long long sequence, time, started;
	unsigned int pid, tid, parent, uid, gid, euid, egid, login, session, mount, pids, net, user;
	int call;
	unsigned long long cgroup, cgroup_v1, device, inode;
	long long result;
	unsigned long long arguments[6];
	char name[16];
};

/* What is wanted of a system call: which arguments are paths, or an address. */
struct wanted {
	unsigned char type, path, other, address; /* type: TYPES is none; the others: NONE, or the argument's index */
};

struct count {
	unsigned long long lost, own;
};

struct counts {
	unsigned long long sequence;
	struct count by_type[TYPES_ROOM];
};

struct inode_key {
	unsigned long long device, inode;
};

/* What the kernel's side says of the probe itself, and of a file that it holds open, in the terms that it uses itself: process
 * numbers of the first pid namespace, and devices that no file system makes up for stat. */
struct learning {
	int fd;
	unsigned int probe, parent, none;
	struct inode_key file;
};
#endif
