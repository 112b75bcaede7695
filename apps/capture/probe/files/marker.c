/* SPDX-License-Identifier: Apache-2.0
 *
 * Which file systems tell of what is executed from them: all that are mounted when we begin and, by a child of ours, each that
 * is mounted later. Such a mark takes CAP_SYS_ADMIN, which we give up. The child keeps it, and behind a filter of system calls
 * it can do two things alone: read the list of mounts, and add this mark to what lies by some path. Nothing is said to it.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { DEVICES_MAX = 4096, REST_MS = 50, MARK = FAN_MARK_ADD | FAN_MARK_FILESYSTEM };
#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#else
#error "the filter of system calls is not known for this machine"
#endif

struct told { uint64_t device; uint32_t error; char path[PATH_BYTES_MAX]; };

static struct { uint64_t device; uint32_t round; int error; } devices[DEVICES_MAX];
static int device_count, group = -1, began, to_parent = -1, marker = -1;
static uint32_t round_number;

static int error_of(const struct mount *mount) {
	return fanotify_mark(group, MARK, FAN_OPEN_EXEC, AT_FDCWD, mount->path) == 0 ? 0 : errno;
}

static void say(const struct mount *mount, int error) {
	static struct told told;
	if (!began) {
		if (error) note("what is executed from %.120s is not hashed: %s", mount->path, strerror(error));
		return;
	}
	told.device = mount->device;
	told.error = (uint32_t)error;
	strcpy(told.path, mount->path);
	send(to_parent, &told, offsetof(struct told, path) + strlen(told.path), MSG_NOSIGNAL);
}

/* A number may be given anew to another file system at any time, so each is marked whenever the list changed: a mark that is
 * there stays as it is. What is new, or has another answer, is said. */
static void take(const struct mount *mount) {
	int at = 0;
	if (!mount->executes) return;
	while (at < device_count && devices[at].device != mount->device) at++;
	if (at < device_count && devices[at].round == round_number && devices[at].error == 0) return;
	int error = error_of(mount), is_new = at == device_count;
	if (at == DEVICES_MAX) return;
	if (is_new) device_count++;
	if (is_new || (devices[at].error && !error)) say(mount, error);
	devices[at].device = mount->device;
	devices[at].round = round_number;
	devices[at].error = error;
}

static void mark_all(int list) {
	round_number++;
	mounts_each(list, take);
	for (int i = 0; i < device_count; i++) if (devices[i].round != round_number) devices[i--] = devices[--device_count];
}

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define CALL(number) LOAD(nr), UNLESS(number, 1), ALLOW
#define CALL_ON(number, fd) LOAD(nr), UNLESS(number, 3), LOAD(args[0]), UNLESS((uint32_t)(fd), 1), ALLOW

/* The lower half of an argument is what the kernel takes of a descriptor and of these flags. */
static void confine(int list) {
	struct sock_filter rules[] = {
		LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		LOAD(nr), UNLESS(SYS_fanotify_mark, 5), LOAD(args[0]), UNLESS((uint32_t)group, 3), LOAD(args[1]), UNLESS(MARK, 1), ALLOW,
		CALL_ON(SYS_read, list), CALL_ON(SYS_lseek, list), CALL_ON(SYS_sendto, to_parent),
		CALL(SYS_ppoll), CALL(SYS_clock_nanosleep), CALL(SYS_exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog filter = { sizeof rules / sizeof *rules, rules };
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0) exit(1);
}

/* The child's life. It ends with its parent. */
static void follow(int list) {
	struct timespec rest = { 0, REST_MS * 1000000L };
	give_up(CAPABILITY(CAP_SYS_ADMIN) | CAPABILITY(CAP_DAC_READ_SEARCH), SAME_USER, 0); /* the latter, to reach what is mounted in directories of others */
	confine(list);
	for (;;) {
		mark_all(list);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
		struct pollfd changed = { list, POLLPRI, 0 };
		ppoll(&changed, 1, NULL, NULL);
	}
}

/* Marks what is there; then a child does what is left to do. */
void marker_start(int executables) {
	int pair[2], list = mounts_open();
	pid_t parent = getpid();
	group = executables;
	if (list < 0) return note("what is executed is not hashed: the mounts cannot be listed: %s", strerror(errno));
	mark_all(list);
	began = 1;
	pid_t child = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ? -1 : fork();
	if (child < 0) return note("what is executed from what is mounted later is not hashed: %s", strerror(errno));
	if (child > 0) {
		marker = pair[0];
		close(pair[1]);
		close(list);
		return;
	}
	die_with_parent();
	if (getppid() != parent) exit(0);
	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_NAME, "strongroom-mark");
	close(pair[0]);
	close(watch_fd());
	to_parent = pair[1];
	follow(list);
}

int marker_fd(void) { return marker; }

/* What the child says it has marked. */
void marker_read(void) {
	static struct told told;
	ssize_t length = marker < 0 ? -1 : recv(marker, &told, sizeof told - 1, MSG_DONTWAIT);
	if (length == 0) {
		close(marker);
		marker = -1;
		note("what is executed from what is mounted from now on is not hashed: the process that marks it ended");
	}
	if (length <= (ssize_t)offsetof(struct told, path)) return;
	((char *)&told)[length] = 0;
	tell_mount(told.error ? MOUNT_NOT_HASHED : MOUNT_HASHED, (int)told.error, told.device, told.path);
}
