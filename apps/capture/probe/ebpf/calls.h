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
#define NOTHING NONE, NONE, NONE

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
	{ SYS_mkdir, { TYPE_MAKE, 0, NONE, NONE } }, { SYS_mknod, { TYPE_MAKE, 0, NONE, NONE } },
	{ SYS_link, { TYPE_MAKE, 0, 1, NONE } }, { SYS_symlink, { TYPE_MAKE, 0, 1, NONE } },
#endif
	{ SYS_unlinkat, { TYPE_DELETE, 1, NONE, NONE } },
#ifdef SYS_renameat
	{ SYS_renameat, { TYPE_RENAME, 1, 3, NONE } },
#endif
	{ SYS_renameat2, { TYPE_RENAME, 1, 3, NONE } },
	{ SYS_fchmod, { TYPE_MODE, NOTHING } }, { SYS_fchmodat, { TYPE_MODE, 1, NONE, NONE } }, { SYS_fchmodat2, { TYPE_MODE, 1, NONE, NONE } },
	{ SYS_fchown, { TYPE_OWNER, NOTHING } }, { SYS_fchownat, { TYPE_OWNER, 1, NONE, NONE } },
	{ SYS_openat, { TYPE_OPEN, 1, NONE, NONE } }, { SYS_openat2, { TYPE_OPEN, 1, NONE, NONE } },
	{ SYS_execve, { TYPE_EXEC_FAILED, 0, NONE, NONE } }, { SYS_execveat, { TYPE_EXEC_FAILED, 1, NONE, NONE } },
	{ SYS_mkdirat, { TYPE_MAKE, 1, NONE, NONE } }, { SYS_mknodat, { TYPE_MAKE, 1, NONE, NONE } },
	{ SYS_linkat, { TYPE_MAKE, 1, 3, NONE } }, { SYS_symlinkat, { TYPE_MAKE, 0, 2, NONE } },
	{ SYS_truncate, { TYPE_TRUNCATE, 0, NONE, NONE } },
	{ SYS_setxattr, { TYPE_ATTRIBUTE, 0, 1, NONE } }, { SYS_lsetxattr, { TYPE_ATTRIBUTE, 0, 1, NONE } }, { SYS_fsetxattr, { TYPE_ATTRIBUTE, NONE, 1, NONE } },
	{ SYS_removexattr, { TYPE_ATTRIBUTE, 0, 1, NONE } }, { SYS_lremovexattr, { TYPE_ATTRIBUTE, 0, 1, NONE } }, { SYS_fremovexattr, { TYPE_ATTRIBUTE, NONE, 1, NONE } },
	{ SYS_io_uring_setup, { TYPE_URING, NOTHING } },
	{ SYS_connect, { TYPE_CONNECT, NONE, NONE, 1 } },
	{ SYS_accept, { TYPE_ACCEPT, NONE, NONE, 1 } }, { SYS_accept4, { TYPE_ACCEPT, NONE, NONE, 1 } },
	{ SYS_bind, { TYPE_BIND, NONE, NONE, 1 } },
	{ SYS_setuid, { TYPE_CREDENTIALS, NOTHING } }, { SYS_setgid, { TYPE_CREDENTIALS, NOTHING } },
	{ SYS_setreuid, { TYPE_CREDENTIALS, NOTHING } }, { SYS_setregid, { TYPE_CREDENTIALS, NOTHING } },
	{ SYS_setresuid, { TYPE_CREDENTIALS, NOTHING } }, { SYS_setresgid, { TYPE_CREDENTIALS, NOTHING } },
	{ SYS_setgroups, { TYPE_CREDENTIALS, NOTHING } }, { SYS_setfsuid, { TYPE_CREDENTIALS, NOTHING } },
	{ SYS_setfsgid, { TYPE_CREDENTIALS, NOTHING } }, { SYS_capset, { TYPE_CREDENTIALS, NOTHING } },
	{ SYS_init_module, { TYPE_MODULE, 2, NONE, NONE } }, { SYS_finit_module, { TYPE_MODULE, 1, NONE, NONE } }, { SYS_delete_module, { TYPE_MODULE, 0, NONE, NONE } },
	{ SYS_kexec_load, { TYPE_MODULE, NOTHING } },
#ifdef SYS_kexec_file_load
	{ SYS_kexec_file_load, { TYPE_MODULE, NOTHING } },
#endif
	{ SYS_bpf, { TYPE_BPF, NOTHING } },
	{ SYS_ptrace, { TYPE_PTRACE, NOTHING } }, { SYS_process_vm_writev, { TYPE_PTRACE, NOTHING } }, { SYS_process_vm_readv, { TYPE_PTRACE, NOTHING } },
	{ SYS_mount, { TYPE_MOUNT, 0, 1, NONE } }, { SYS_umount2, { TYPE_MOUNT, 0, NONE, NONE } }, { SYS_pivot_root, { TYPE_MOUNT, 0, 1, NONE } },
	{ SYS_move_mount, { TYPE_MOUNT, 1, 3, NONE } }, { SYS_chroot, { TYPE_MOUNT, 0, NONE, NONE } },
	{ SYS_unshare, { TYPE_NAMESPACE, NOTHING } }, { SYS_setns, { TYPE_NAMESPACE, NOTHING } }, { SYS_clone, { TYPE_NAMESPACE, NOTHING } }, { SYS_clone3, { TYPE_NAMESPACE, NOTHING } },
	{ SYS_settimeofday, { TYPE_TIME, NOTHING } }, { SYS_clock_settime, { TYPE_TIME, NOTHING } },
	{ SYS_adjtimex, { TYPE_TIME, NOTHING } }, { SYS_clock_adjtime, { TYPE_TIME, NOTHING } },
};

/* Operations of io_uring that do what a call does. */
static const struct { int operation, call; } uring_table[] = {
	{ 13, SYS_accept4 }, { 16, SYS_connect }, { 18, SYS_openat }, { 28, SYS_openat2 }, { 35, SYS_renameat2 }, { 36, SYS_unlinkat }, { 37, SYS_mkdirat },
	{ 38, SYS_symlinkat }, { 39, SYS_linkat }, { 41, SYS_fsetxattr }, { 42, SYS_setxattr }, { 56, SYS_bind },
};

/* Calls of 32-bit programs that do what one of 64 bits does, with arguments in the same places. */
static const struct { int foreign, ours; } compat_table[] = {
#ifdef __x86_64__
	{ 5, SYS_open }, { 8, SYS_creat }, { 9, SYS_link }, { 10, SYS_unlink }, { 11, SYS_execve }, { 14, SYS_mknod }, { 15, SYS_chmod }, { 16, SYS_lchown }, { 21, SYS_mount },
	{ 23, SYS_setuid }, { 26, SYS_ptrace }, { 38, SYS_rename }, { 39, SYS_mkdir }, { 40, SYS_rmdir }, { 46, SYS_setgid }, { 52, SYS_umount2 }, { 61, SYS_chroot },
	{ 70, SYS_setreuid }, { 71, SYS_setregid }, { 79, SYS_settimeofday }, { 81, SYS_setgroups }, { 83, SYS_symlink }, { 92, SYS_truncate }, { 94, SYS_fchmod }, { 95, SYS_fchown },
	{ 120, SYS_clone }, { 124, SYS_adjtimex }, { 128, SYS_init_module }, { 129, SYS_delete_module }, { 138, SYS_setfsuid }, { 139, SYS_setfsgid }, { 164, SYS_setresuid },
	{ 170, SYS_setresgid }, { 182, SYS_chown }, { 185, SYS_capset }, { 193, SYS_truncate }, { 198, SYS_lchown }, { 203, SYS_setreuid }, { 204, SYS_setregid }, { 206, SYS_setgroups },
	{ 207, SYS_fchown }, { 208, SYS_setresuid }, { 210, SYS_setresgid }, { 212, SYS_chown }, { 213, SYS_setuid }, { 214, SYS_setgid }, { 215, SYS_setfsuid }, { 216, SYS_setfsgid },
	{ 217, SYS_pivot_root }, { 226, SYS_setxattr }, { 227, SYS_lsetxattr }, { 228, SYS_fsetxattr }, { 235, SYS_removexattr }, { 236, SYS_lremovexattr }, { 237, SYS_fremovexattr },
	{ 264, SYS_clock_settime }, { 295, SYS_openat }, { 296, SYS_mkdirat }, { 297, SYS_mknodat }, { 298, SYS_fchownat }, { 301, SYS_unlinkat }, { 302, SYS_renameat },
	{ 303, SYS_linkat }, { 304, SYS_symlinkat }, { 306, SYS_fchmodat }, { 310, SYS_unshare }, { 343, SYS_clock_adjtime }, { 346, SYS_setns }, { 347, SYS_process_vm_readv },
	{ 348, SYS_process_vm_writev }, { 283, SYS_kexec_load }, { 350, SYS_finit_module }, { 353, SYS_renameat2 }, { 357, SYS_bpf }, { 358, SYS_execveat }, { 361, SYS_bind }, { 362, SYS_connect },
	{ 364, SYS_accept4 }, { 404, SYS_clock_settime }, { 405, SYS_clock_adjtime }, { 425, SYS_io_uring_setup }, { 429, SYS_move_mount }, { 435, SYS_clone3 }, { 437, SYS_openat2 },
	{ 452, SYS_fchmodat2 },
#else /* of arm, by its EABI. What arm64 has no call for that takes the same arguments, such as open and unlink, is left out */
	{ 11, SYS_execve }, { 21, SYS_mount }, { 23, SYS_setuid }, { 26, SYS_ptrace }, { 46, SYS_setgid }, { 52, SYS_umount2 }, { 61, SYS_chroot }, { 70, SYS_setreuid },
	{ 71, SYS_setregid }, { 79, SYS_settimeofday }, { 81, SYS_setgroups }, { 92, SYS_truncate }, { 94, SYS_fchmod }, { 95, SYS_fchown }, { 120, SYS_clone },
	{ 124, SYS_adjtimex }, { 128, SYS_init_module }, { 129, SYS_delete_module }, { 138, SYS_setfsuid }, { 139, SYS_setfsgid }, { 164, SYS_setresuid },
	{ 170, SYS_setresgid }, { 185, SYS_capset }, { 193, SYS_truncate }, { 203, SYS_setreuid }, { 204, SYS_setregid }, { 206, SYS_setgroups }, { 207, SYS_fchown },
	{ 208, SYS_setresuid }, { 210, SYS_setresgid }, { 213, SYS_setuid }, { 214, SYS_setgid }, { 215, SYS_setfsuid }, { 216, SYS_setfsgid }, { 218, SYS_pivot_root },
	{ 226, SYS_setxattr }, { 227, SYS_lsetxattr }, { 228, SYS_fsetxattr }, { 235, SYS_removexattr }, { 236, SYS_lremovexattr }, { 237, SYS_fremovexattr },
	{ 262, SYS_clock_settime }, { 282, SYS_bind }, { 283, SYS_connect }, { 285, SYS_accept }, { 322, SYS_openat }, { 323, SYS_mkdirat }, { 324, SYS_mknodat },
	{ 325, SYS_fchownat }, { 328, SYS_unlinkat }, { 329, SYS_renameat }, { 330, SYS_linkat }, { 331, SYS_symlinkat }, { 333, SYS_fchmodat }, { 337, SYS_unshare },
	{ 347, SYS_kexec_load }, { 366, SYS_accept4 }, { 372, SYS_clock_adjtime }, { 375, SYS_setns }, { 376, SYS_process_vm_readv }, { 377, SYS_process_vm_writev },
	{ 379, SYS_finit_module }, { 382, SYS_renameat2 }, { 386, SYS_bpf }, { 387, SYS_execveat }, { 404, SYS_clock_settime }, { 405, SYS_clock_adjtime },
	{ 425, SYS_io_uring_setup }, { 429, SYS_move_mount }, { 435, SYS_clone3 }, { 437, SYS_openat2 },
#endif
};
#endif
