// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * The kernel's side of strongroom-probe. Each event draws a number of its CPU, is written whole into the ring buffer, or is
 * counted as lost; so a hole in the numbers is seen, and its reason known.
 *
 * System calls are looked at when they return: the result is known, the memory that their arguments point to has been read
 * by the kernel just now, and one hook is enough. Still another thread may have changed it since: such texts are claimed.
 */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "probe.h"

char LICENSE[] SEC("license") = "GPL";

#define FMODE_WRITE 2
#define TS_COMPAT 2 /* x86 */
#define TIF_32BIT (1UL << 22) /* arm64 */
#define SB_NOUSER (1UL << 31)
#define CLONE_NEW 0x7e020080ULL /* all CLONE_NEW… flags of clone, with CLONE_NEWTIME's bit, which clone gives another meaning */
#define CLONE_SIGNAL 0xff
#define DEPTH_MAX 48
/* Calls that are treated by number. clone3 has one for all processors. */
#define SYS_CLONE3 435
#if defined(__TARGET_ARCH_x86)
enum { SYS_OPEN = 2, SYS_CONNECT = 42, SYS_ACCEPT = 43, SYS_BIND = 49, SYS_CLONE = 56, SYS_ADJTIMEX = 159, SYS_OPENAT = 257, SYS_ACCEPT4 = 288, SYS_CLOCK_ADJTIME = 305, SOCKETCALL_32 = 102 };
#else
enum { SYS_OPENAT = 56, SYS_ADJTIMEX = 171, SYS_CLONE = 220, SYS_CLOCK_ADJTIME = 266 };
#endif
#define SYS_OPENAT2 437
#define O_TRUNC 01000
#define O_CHANGES (3 | O_TRUNC) /* 0: for reading alone */
#define X32_CALL 0x40000000
/* Of our own processes these are counted, and not told. */
#define OWN_TYPES (1U << TYPE_DELETE | 1U << TYPE_RENAME | 1U << TYPE_MODE | 1U << TYPE_OPEN | 1U << TYPE_CONNECT | 1U << TYPE_ACCEPT | 1U << TYPE_MAKE | 1U << TYPE_TRUNCATE)

struct scratch {
	struct event event;
	char octets[2 * TEXT_BYTES_MAX];
};

struct seen_key {
	__u32 process, what;
	__u64 started;
};

struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 8 << 20); } ring SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, struct scratch); } scratch SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, SYSCALLS_MAX); __type(key, __u32); __type(value, struct wanted); } calls SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, SYSCALLS_MAX); __type(key, __u32); __type(value, __u32); } compat SEC(".maps"); /* by number of a 32-bit call: ours; 0: none that is told of */
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, URING_MAX); __type(key, __u32); __type(value, __u32); } uring SEC(".maps"); /* the same by io_uring's operations */
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 1024); __type(key, struct inode_key); __type(value, __u8); } trees SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); __uint(max_entries, 16384); __type(key, struct seen_key); __type(value, __u8); } seen SEC(".maps");

volatile int supervisor; /* its children are our own processes; 0: nobody is */
volatile int probe;
volatile int calls_exec; /* whoever reads rests for long, and is to be woken by what is executed */
const volatile __u64 wake_bytes = 1 << 20;
struct counts counts[CPUS_MAX]; /* mapped into the program's memory: reading it takes no system call */

static __always_inline struct counts *counts_here(void) {
	__u32 cpu = bpf_get_smp_processor_id();
	return &counts[cpu & (CPUS_MAX - 1)];
}

/* Files and sockets of our own processes would be recorded for ever, each record making others. Only those types are counted
 * instead, and only of the processes that the supervisor itself started: what they start, and what they execute, is recorded. */
static __always_inline int is_own(__u32 type, struct task_struct *task) {
	if (!supervisor) return 0;
	int process = task->tgid;
	if (process == probe) return 1;
	if (!(OWN_TYPES & 1U << type)) return 0;
	return process == supervisor || task->real_parent->tgid == supervisor;
}

static __always_inline __u64 v1_cgroup(struct task_struct *task) {
	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id)) return 0;
	struct css_set *set = task->cgroups;
	__u32 index = bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id);
	struct cgroup_subsys_state **state = (void *)((char *)set + bpf_core_field_offset(set->subsys) + (index & 15) * sizeof *state); /* known when it is loaded, so it is as good as a field */
	return (*state)->cgroup->kn->id;
}

/* The number of the process's own namespace of processes: mostly the first one, which takes no help to read. */
static __always_inline __u32 pid_space(struct pid *pid) {
	__u32 level = pid->level;
	struct pid_namespace *space = 0;
	if (level == 0) return pid->numbers[0].ns->ns.inum;
	__u64 number = ((level & 31) * bpf_core_type_size(struct upid)) & 1023; /* a verifier before Linux 6.5 sees no bound in a product */
	bpf_probe_read_kernel(&space, sizeof space, (char *)pid + bpf_core_field_offset(pid->numbers) + number + bpf_core_field_offset(struct upid, ns));
	return BPF_CORE_READ(space, ns.inum);
}

/* The verifier knows the type of a task and of what it points to, so most is read as in C: a tenth of what a helper's call takes. */
static __always_inline void describe(struct event *event, struct task_struct *task) {
	const struct cred *cred = task->cred;
	struct nsproxy *spaces = task->nsproxy;
	event->time = bpf_ktime_get_boot_ns();
	event->started = task->group_leader->start_boottime; /* it is the process that it tells of, as pid is */
	event->pid = task->tgid;
	event->tid = task->pid;
	event->parent = task->real_parent->tgid;
	event->uid = cred->uid.val;
	event->gid = cred->gid.val;
	event->euid = cred->euid.val;
	event->egid = cred->egid.val;
	event->login = bpf_core_field_exists(task->loginuid) ? task->loginuid.val : -1;
	event->session = bpf_core_field_exists(task->sessionid) ? task->sessionid : -1;
	if (spaces) {
		event->mount = spaces->mnt_ns->ns.inum;
		event->net = spaces->net_ns->ns.inum;
	}
	event->user = cred->user_ns->ns.inum;
	event->pids = pid_space(task->thread_pid);
	event->cgroup = bpf_get_current_cgroup_id();
	event->cgroup_v1 = v1_cgroup(task);
	bpf_get_current_comm(event->name, sizeof event->name);
}

/* Room for an event, all zero but its description; null when it is one of our own. */
static __always_inline struct scratch *begin(__u16 type, struct task_struct *task) {
	__u32 zero = 0;
	struct scratch *at = bpf_map_lookup_elem(&scratch, &zero);
	if (!at) return 0;
	if (is_own(type, task)) {
		__sync_fetch_and_add(&counts_here()->by_type[type & (TYPES_ROOM - 1)].own, 1);
		return 0;
	}
	__builtin_memset(&at->event, 0, sizeof at->event);
	at->event.type = type;
	at->event.call = -1;
	describe(&at->event, task);
	return at;
}

static __always_inline void give(struct scratch *at) {
	__u32 cpu = bpf_get_smp_processor_id();
	struct counts *here = &counts[cpu & (CPUS_MAX - 1)];
	__u32 type = at->event.type;
	__u32 length = at->event.first + at->event.second;
	at->event.cpu = cpu;
	at->event.sequence = __sync_fetch_and_add(&here->sequence, 1);
	if (length > 2 * TEXT_BYTES_MAX - 1) length = 2 * TEXT_BYTES_MAX - 1;
	__u64 held = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	/* Whoever reads comes by by itself; it is woken, which costs more than an event, only while the ring fills or out of a long rest. */
	__u64 wake = held > wake_bytes && held < 2 * wake_bytes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
	if (type == TYPE_EXEC && calls_exec) {
		calls_exec = 0;
		wake = BPF_RB_FORCE_WAKEUP;
	}
	if (bpf_ringbuf_output(&ring, at, sizeof at->event + length, wake)) __sync_fetch_and_add(&here->by_type[type & (TYPES_ROOM - 1)].lost, 1);
}

/* Whether this process does it for the first time, as far as is remembered. */
static __always_inline int is_first(struct task_struct *task, __u32 what) {
	struct seen_key key = { .process = task->tgid, .what = what, .started = task->group_leader->start_boottime };
	__u8 one = 1;
	if (bpf_map_lookup_elem(&seen, &key)) return 0;
	bpf_map_update_elem(&seen, &key, &one, BPF_ANY);
	return 1;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm) {
	struct scratch *at = begin(TYPE_EXEC, task);
	if (!at) return 0;
	unsigned long from = BPF_CORE_READ(task, mm, arg_start), to = BPF_CORE_READ(task, mm, arg_end);
	__u64 length = to - from;
	at->event.full = length;
	if (length > TEXT_BYTES_MAX - 1) length = TEXT_BYTES_MAX - 1;
	if (bpf_probe_read_user(at->octets, length & (TEXT_BYTES_MAX - 1), (const void *)from)) {
		at->event.flags |= FLAG_UNREADABLE;
		length = 0;
	}
	at->event.first = length;
	long second = bpf_probe_read_kernel_str(at->octets + (length & (TEXT_BYTES_MAX - 1)), PATH_BYTES_MAX, BPF_CORE_READ(bprm, filename));
	if (second > 0) at->event.second = second - 1;
	at->event.inode = BPF_CORE_READ(bprm, file, f_inode, i_ino);
	at->event.device = BPF_CORE_READ(bprm, file, f_inode, i_sb, s_dev);
	/* On a file system of the kernel's own, which has no mark of fanotify: memory alone. */
	if (BPF_CORE_READ(bprm, file, f_inode, i_sb, s_flags) & SB_NOUSER) at->event.flags |= FLAG_MEMFD;
	give(at);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task) {
	if (task->signal->live.counter != 0) return 0; /* other threads live on */
	struct scratch *at = begin(TYPE_EXIT, task);
	if (!at) return 0;
	at->event.result = task->exit_code;
	give(at);
	return 0;
}

/* Whether a file lies in a watched tree, by inodes from itself upwards: no path that can be spelt otherwise. */
static __always_inline int is_watched(struct dentry *dentry) {
	struct inode_key key = { .device = BPF_CORE_READ(dentry, d_sb, s_dev) }; /* parents are of the same file system */
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		key.inode = BPF_CORE_READ(dentry, d_inode, i_ino);
		if (bpf_map_lookup_elem(&trees, &key)) return 1;
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
		if (parent == dentry || !parent) return 0;
		dentry = parent;
	}
	return 0;
}

/* Whether a file was emptied by being opened, be it for reading. */
static __always_inline int truncates(__u32 call, const __u64 *arguments) {
	__u64 flags = call == SYS_OPENAT ? arguments[2] : 0;
#if defined(__TARGET_ARCH_x86)
	if (call == SYS_OPEN) flags = arguments[1];
#endif
	if (call == SYS_OPENAT2) bpf_probe_read_user(&flags, sizeof flags, (void *)arguments[2]);
	return (flags & O_TRUNC) != 0;
}

/* The file that was opened as `fd`, if it is one to tell of. */
static __always_inline struct file *opened(struct task_struct *task, long fd, int is_emptied) {
	struct file **table = task->files->fdt->fd, *file = 0;
	if (fd < 0 || bpf_probe_read_kernel(&file, sizeof file, &table[fd]) || !file) return 0;
	if ((!is_emptied && !(BPF_CORE_READ(file, f_mode) & FMODE_WRITE)) || !is_watched(BPF_CORE_READ(file, f_path.dentry))) return 0;
	return file;
}

/* Whether a call asks for nothing that is worth an event. The flags of clone3 take the place of the address where they lie. */
static __always_inline int is_idle(__u32 type, __u32 call, __u64 *arguments, long result) {
	__u32 modes = 1;
	if (type == TYPE_TIME && call == SYS_ADJTIMEX) bpf_probe_read_user(&modes, sizeof modes, (void *)arguments[0]); /* it may only read */
	if (type == TYPE_TIME && call == SYS_CLOCK_ADJTIME) bpf_probe_read_user(&modes, sizeof modes, (void *)arguments[1]);
	if (type == TYPE_NAMESPACE && call == SYS_CLONE) return !(arguments[0] & ~CLONE_SIGNAL & CLONE_NEW) || result == 0;
	if (type == TYPE_NAMESPACE && call == SYS_CLONE3) {
		if (result == 0 || bpf_probe_read_user(&arguments[0], sizeof arguments[0], (void *)arguments[0])) return 1;
		return !(arguments[0] & CLONE_NEW);
	}
	if (type == TYPE_ACCEPT) return result == -11;
	if (call == SYS_OPENAT) return !(arguments[2] & O_CHANGES);
	if (type == TYPE_EXEC_FAILED) return result >= 0;
	return modes == 0;
}

static __always_inline __u32 text_at(struct scratch *at, __u32 offset, __u64 user) {
	long length = bpf_probe_read_user_str(at->octets + (offset & (PATH_BYTES_MAX - 1)), PATH_BYTES_MAX, (const void *)user);
	if (length > 0) return (length - 1) & (PATH_BYTES_MAX - 1);
	at->event.flags |= user ? FLAG_UNREADABLE : 0;
	return 0;
}

static __always_inline void address_at(struct scratch *at, const struct wanted *wanted, const __u64 *arguments) {
	__u32 length = arguments[2];
	if (wanted->type == TYPE_ACCEPT && (!arguments[1] || bpf_probe_read_user(&length, sizeof length, (const void *)arguments[2]))) return;
	if (length > ADDRESS_BYTES_MAX - 1) length = ADDRESS_BYTES_MAX - 1;
	if (bpf_probe_read_user(at->octets, length & (ADDRESS_BYTES_MAX - 1), (const void *)arguments[1])) at->event.flags |= FLAG_UNREADABLE;
	else at->event.first = length;
}

/* That a process makes calls of another ABI is said once. */
static __always_inline void tell_abi(struct task_struct *task, __u32 call, long result) {
	struct scratch *at = is_first(task, TYPE_ABI << 16) ? begin(TYPE_ABI, task) : 0;
	if (!at) return;
	at->event.call = call;
	at->event.result = result;
	give(at);
}

/* A call of 32 bits as the one of ours that does the same, or 0 when it is none that is told of. */
static __always_inline __u32 ours_for(__u32 call) {
	__u32 *ours = bpf_map_lookup_elem(&compat, &call);
	return ours ? *ours : 0;
}

#if defined(__TARGET_ARCH_x86)
/* socketcall, by which older 32-bit programs do everything with sockets: its arguments lie in memory. */
static __always_inline __u32 socket_call(__u64 *arguments) {
	__u64 which = arguments[0];
	__u32 words[4];
	if (bpf_probe_read_user(words, sizeof words, (const void *)arguments[1])) return 0;
	for (int i = 0; i < 4; i++) arguments[i] = words[i];
	return which == 2 ? SYS_BIND : which == 3 ? SYS_CONNECT : which == 5 ? SYS_ACCEPT : which == 18 ? SYS_ACCEPT4 : 0;
}

static __always_inline __u32 foreign_call(struct pt_regs *regs, struct task_struct *task, long result, __u64 *arguments) {
	__u32 call = regs->orig_ax;
	tell_abi(task, call, result);
	if (!(task->thread_info.status & TS_COMPAT)) return call & ~X32_CALL;
	__u64 given[6] = { (__u32)regs->bx, (__u32)regs->cx, (__u32)regs->dx, (__u32)regs->si, (__u32)regs->di, (__u32)regs->bp };
	__builtin_memcpy(arguments, given, sizeof given);
	if (call == SOCKETCALL_32) return socket_call(arguments);
	return ours_for(call);
}
#endif

SEC("tp_btf/sys_exit")
int BPF_PROG(on_call, struct pt_regs *regs, long result) {
	struct task_struct *task = bpf_get_current_task_btf();
	int is_foreign = 0;
#if defined(__TARGET_ARCH_x86)
	__u32 call = regs->orig_ax;
	__u64 arguments[6] = { regs->di, regs->si, regs->dx, regs->r10, regs->r8, regs->r9 };
	if (task->thread_info.status & TS_COMPAT || (call & X32_CALL && (__s32)call > 0)) {
		is_foreign = 1;
		call = foreign_call(regs, task, result, arguments);
	}
#else
	__u32 call = regs->syscallno;
	__u64 arguments[6] = { regs->orig_x0, regs->regs[1], regs->regs[2], regs->regs[3], regs->regs[4], regs->regs[5] };
	if (task->thread_info.flags & TIF_32BIT) {
		is_foreign = 1;
		tell_abi(task, call, result);
		call = ours_for(call);
	}
#endif
	struct wanted *wanted = bpf_map_lookup_elem(&calls, &call);
	if (!wanted || wanted->type >= TYPES || is_idle(wanted->type, call, arguments, result)) return 0;
	struct file *file = 0;
	if (wanted->type == TYPE_OPEN && !(file = opened(task, result, truncates(call, arguments)))) return 0;
	struct scratch *at = begin(wanted->type, task);
	if (!at) return 0;
	at->event.call = call;
	at->event.result = result;
	__builtin_memcpy(at->event.arguments, arguments, sizeof arguments);
	if (is_foreign) at->event.flags |= FLAG_COMPAT;
	if (file) {
		at->event.inode = BPF_CORE_READ(file, f_inode, i_ino);
		at->event.device = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
	}
	if (wanted->path < 6) at->event.first = text_at(at, 0, arguments[wanted->path]);
	if (wanted->other < 6) at->event.second = text_at(at, at->event.first, arguments[wanted->other]);
	if (wanted->address < 6) address_at(at, wanted, arguments);
	if (at->event.first || at->event.second || call == SYS_CLONE3) at->event.flags |= FLAG_CLAIMED;
	at->event.full = at->event.first;
	give(at);
	return 0;
}

/* A signal that a process sends to one of another user. */
SEC("tp_btf/signal_generate")
int BPF_PROG(on_signal, int signal, struct kernel_siginfo *info, struct task_struct *target, int group, int result) {
	struct task_struct *task = bpf_get_current_task_btf();
	if ((unsigned long)info < 2) return 0;
	int code = BPF_CORE_READ(info, si_code);
	if (code != 0 && code != -1 && code != -6) return 0; /* kill, sigqueue, tgkill: by processes, never in an interrupt */
	__u32 from = BPF_CORE_READ(task, cred, euid.val), to = BPF_CORE_READ(target, cred, uid.val);
	if (from == to) return 0;
	struct scratch *at = begin(TYPE_SIGNAL, task);
	if (!at) return 0;
	at->event.arguments[0] = signal;
	at->event.arguments[1] = BPF_CORE_READ(target, tgid);
	at->event.arguments[2] = to;
	at->event.result = result;
	give(at);
	return 0;
}

/* The first time that a process uses a capability, or is refused one. */
SEC("tp_btf/cap_capable")
int BPF_PROG(on_capability, const struct cred *cred, struct user_namespace *asked, const struct user_namespace *held, int capability, int result) {
	struct task_struct *task = bpf_get_current_task_btf();
	if (!is_first(task, TYPE_CAPABILITY << 16 | (result ? 256 : 0) | (capability & 255))) return 0;
	struct scratch *at = begin(TYPE_CAPABILITY, task);
	if (!at) return 0;
	at->event.arguments[0] = capability;
	at->event.arguments[1] = BPF_CORE_READ(asked, ns.inum);
	at->event.result = result;
	give(at);
	return 0;
}

#include "uring.h"

/* Run by the probe, before anything is watched. */
SEC("syscall")
int learn(struct learning *about) {
	struct task_struct *task = bpf_get_current_task_btf();
	struct file **table = BPF_CORE_READ(task, files, fdt, fd), *file = 0;
	int fd = about->fd;
	about->probe = BPF_CORE_READ(task, tgid);
	about->parent = BPF_CORE_READ(task, real_parent, tgid);
	if (fd < 0 || bpf_probe_read_kernel(&file, sizeof file, &table[fd]) || !file) return 0;
	about->file.device = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
	about->file.inode = BPF_CORE_READ(file, f_inode, i_ino);
	return 0;
}
