/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STRONGROOM_PROBE_CALLS_H
#define STRONGROOM_PROBE_CALLS_H
/* The system calls that are told of: type, which argument is a path, which another, and which an address. What a processor
 * or a kernel's headers do not have is left out. */
#include "probe.h"
#include <sys/syscall.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static const struct {
	int call;
	struct wanted wanted;
} call_table[] = {
#ifdef SYS_unlink
	{ SYS_unlink, { TYPE_DELETE, 0, NONE, NONE } }, { SYS_rmdir, { TYPE_DELETE, 0, NONE, NONE } },
	{ SYS_rename, { TYPE_RENAME, 0, 1, NONE } },
	{ SYS_chmod, { TYPE_MODE, 0, NONE, NONE } },
	{ SYS_chown, { TYPE_OWNER, 0, NONE, NONE } }, { SYS_lchown, { TYPE_OWNER, 0, NONE, NONE } },
	{ SYS_open, { TYPE_OPEN, 0, NONE, NONE } }, { SYS_creat, { TYPE_OPEN, 0, NONE, NONE } },
#endif
	{ SYS_unlinkat, { TYPE_DELETE, 1, NONE, NONE } },
#ifdef SYS_renameat
	{ SYS_renameat, { TYPE_RENAME, 1, 3, NONE } },
#endif
	{ SYS_renameat2, { TYPE_RENAME, 1, 3, NONE } },
	{ SYS_fchmod, { TYPE_MODE, NONE, NONE, NONE } }, { SYS_fchmodat, { TYPE_MODE, 1, NONE, NONE } }, { SYS_fchmodat2, { TYPE_MODE, 1, NONE, NONE } },
	{ SYS_fchown, { TYPE_OWNER, NONE, NONE, NONE } }, { SYS_fchownat, { TYPE_OWNER, 1, NONE, NONE } },
	{ SYS_openat, { TYPE_OPEN, 1, NONE, NONE } }, { SYS_openat2, { TYPE_OPEN, 1, NONE, NONE } },
	{ SYS_connect, { TYPE_CONNECT, NONE, NONE, 1 } },
	{ SYS_accept, { TYPE_ACCEPT, NONE, NONE, 1 } }, { SYS_accept4, { TYPE_ACCEPT, NONE, NONE, 1 } },
	{ SYS_bind, { TYPE_BIND, NONE, NONE, 1 } },
	{ SYS_setuid, { TYPE_CREDENTIALS, NONE, NONE, NONE } }, { SYS_setgid, { TYPE_CREDENTIALS, NONE, NONE, NONE } },
	{ SYS_setreuid, { TYPE_CREDENTIALS, NONE, NONE, NONE } }, { SYS_setregid, { TYPE_CREDENTIALS, NONE, NONE, NONE } },
	{ SYS_setresuid, { TYPE_CREDENTIALS, NONE, NONE, NONE } }, { SYS_setresgid, { TYPE_CREDENTIALS, NONE, NONE, NONE } },
	{ SYS_setgroups, { TYPE_CREDENTIALS, NONE, NONE, NONE } }, { SYS_setfsuid, { TYPE_CREDENTIALS, NONE, NONE, NONE } },
	{ SYS_setfsgid, { TYPE_CREDENTIALS, NONE, NONE, NONE } }, { SYS_capset, { TYPE_CREDENTIALS, NONE, NONE, NONE } },
	{ SYS_init_module, { TYPE_MODULE, 2, NONE, NONE } }, { SYS_finit_module, { TYPE_MODULE, 1, NONE, NONE } }, { SYS_delete_module, { TYPE_MODULE, 0, NONE, NONE } },
	{ SYS_bpf, { TYPE_BPF, NONE, NONE, NONE } },
	{ SYS_ptrace, { TYPE_PTRACE, NONE, NONE, NONE } }, { SYS_process_vm_writev, { TYPE_PTRACE, NONE, NONE, NONE } },
	{ SYS_mount, { TYPE_MOUNT, 0, 1, NONE } }, { SYS_umount2, { TYPE_MOUNT, 0, NONE, NONE } }, { SYS_pivot_root, { TYPE_MOUNT, 0, 1, NONE } },
	{ SYS_move_mount, { TYPE_MOUNT, 1, 3, NONE } }, { SYS_chroot, { TYPE_MOUNT, 0, NONE, NONE } },
	{ SYS_unshare, { TYPE_NAMESPACE, NONE, NONE, NONE } }, { SYS_setns, { TYPE_NAMESPACE, NONE, NONE, NONE } }, { SYS_clone, { TYPE_NAMESPACE, NONE, NONE, NONE } },
	{ SYS_settimeofday, { TYPE_TIME, NONE, NONE, NONE } }, { SYS_clock_settime, { TYPE_TIME, NONE, NONE, NONE } },
	{ SYS_adjtimex, { TYPE_TIME, NONE, NONE, NONE } }, { SYS_clock_adjtime, { TYPE_TIME, NONE, NONE, NONE } },
};
#endif
