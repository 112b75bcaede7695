/* SPDX-License-Identifier: Apache-2.0
 *
 * strongroom-probe: moves kernel events from a ring buffer to capture, and knows what found no room in it.
 *
 *   strongroom-probe SOCKET [--own PID] [--ring-bytes N] [--hold-bytes N] [--watch DIRECTORY]...
 *
 * It loads probe.bpf.c, gives up every capability, and then only copies: into frames, docs/FORMAT.md "Between our processes".
 * While capture is away or does not keep up, frames are held here, and beyond a bound the ring holds; what finds no room there
 * is counted by the kernel's side, and told.
 */
#define _GNU_SOURCE
#include "probe.h"
#include "line.h"
#include "probe.skel.h"
#include "calls.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { WATCH_MAX = 256 };
#define RING_BYTES (8 << 20)
#define HOLD_BYTES (64 << 20)
#define REST_MS 200     /* between two readings: each wakes us and capture, which costs more than what is read. The ring wakes us before */
#define LONG_REST_MS 1000 /* after little was read; then what is executed wakes us too, since who did it is to be seen while it is there */
#define LITTLE_BYTES 16384
#define WAKE_PART 8     /* when so much of it is full */
#define OWN_NS 10000000000ULL /* our own processes' work is told so often */

static struct probe *skeleton;
static unsigned long long life, told_at;
static struct counts told[CPUS_MAX];
static int cpus, ring_bytes = RING_BYTES, hold_bytes = HOLD_BYTES;
static const char *path, *watches[WATCH_MAX];
static int watch_count, supervisor;

static unsigned long long boot_ns(void) { return clock_ns(CLOCK_BOOTTIME); }

static int take(void *context, void *data, size_t size) {
	const struct event *event = data;
	(void)context;
	(void)size;
	frame_put(data, (unsigned int)(sizeof *event + event->first + event->second));
	return frame_length() < FRAME_FULL ? 0 : -1; /* which stops this reading; the ring keeps the rest */
}

/* Returns whether there was little. */
static int move_events(struct ring_buffer *ring) {
	for (int moved = 0;; moved = 1) {
		frame_begin(FRAME_EVENTS);
		unsigned int empty = frame_length();
		ring_buffer__consume(ring);
		unsigned int length = frame_length();
		if (length > empty) frame_give();
		if (length < FRAME_FULL) return !moved && length < LITTLE_BYTES;
	}
}

/* What found no room, and what our own processes did, since that was told last; also if it is nothing: it says that we watched.
 * `moved_at`: all that there was by then has been moved. */
static void tell_counts(unsigned long long moved_at) {
	static struct counts seen[CPUS_MAX];
	int is_lost = 0;
	memcpy(seen, skeleton->bss->counts, sizeof seen[0] * (size_t)cpus);
	for (int cpu = 0; cpu < cpus; cpu++)
		for (int type = 0; type < TYPES; type++) is_lost |= seen[cpu].by_type[type].lost != told[cpu].by_type[type].lost;
	if (!is_lost && !ending && moved_at - told_at < OWN_NS) return;
	frame_begin(FRAME_LOST);
	frame_number(told_at, 8);
	frame_number(told_at = is_lost ? boot_ns() : moved_at, 8);
	for (int cpu = 0; cpu < cpus; cpu++) {
		for (int type = 0; type < TYPES; type++) {
			const struct count *new = &seen[cpu].by_type[type], *old = &told[cpu].by_type[type];
			if (new->lost == old->lost && new->own == old->own) continue;
			frame_number((unsigned long long)cpu, 2);
			frame_number((unsigned long long)type, 1);
			frame_number(new->lost - old->lost, 8);
			frame_number(new->own - old->own, 8);
		}
	}
	memcpy(told, seen, sizeof seen[0] * (size_t)cpus);
	frame_give();
}

/* What the kernel's side makes of a file of ours, and of ourselves. */
static struct learning learned(int fd) {
	struct learning about = { .fd = fd };
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &about, .ctx_size_in = sizeof about);
	if (bpf_prog_test_run_opts(bpf_program__fd(skeleton->progs.learn), &run) < 0) fail("the kernel's side does not answer");
	return about;
}

/* In a container process numbers are others than those that the kernel's side sees: our parent's is asked of it. */
static void know_own(void) {
	struct learning us = learned(-1);
	skeleton->bss->probe = (int)us.probe;
	skeleton->bss->supervisor = supervisor != 0 && supervisor == getppid() ? (int)us.parent : supervisor;
}

static void watch_trees(void) {
	for (int i = 0; i < watch_count; i++) {
		unsigned char one = 1;
		int fd = open(watches[i], O_PATH | O_CLOEXEC);
		struct inode_key key = fd < 0 ? (struct inode_key){ 0, 0 } : learned(fd).file;
		if (key.inode == 0 || bpf_map__update_elem(skeleton->maps.trees, &key, sizeof key, &one, sizeof one, BPF_ANY) < 0) note("%.120s is not watched: %s", watches[i], strerror(errno));
		if (fd >= 0) close(fd);
	}
}

static void watch_calls(void) {
	static struct wanted table[SYSCALLS_MAX];
	for (int i = 0; i < SYSCALLS_MAX; i++) table[i].type = TYPES;
	for (size_t i = 0; i < sizeof call_table / sizeof *call_table; i++) table[call_table[i].call] = call_table[i].wanted;
	for (unsigned int i = 0; i < SYSCALLS_MAX; i++) bpf_map__update_elem(skeleton->maps.calls, &i, sizeof i, &table[i], sizeof table[i], BPF_ANY);
	for (size_t i = 0; i < sizeof uring_table / sizeof *uring_table; i++)
		bpf_map__update_elem(skeleton->maps.uring, &uring_table[i].operation, sizeof(int), &uring_table[i].call, sizeof(int), BPF_ANY);
	for (size_t i = 0; i < sizeof compat_table / sizeof *compat_table; i++)
		bpf_map__update_elem(skeleton->maps.compat, &compat_table[i].foreign, sizeof(int), &compat_table[i].ours, sizeof(int), BPF_ANY);
}

static int hook_in(const struct btf *btf, const char *name) {
	char type[96];
	snprintf(type, sizeof type, "btf_trace_%s", name);
	return btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF);
}

/* Whether its first argument is a request of io_uring: before Linux 6.0 it was not. */
static int takes_request(const struct btf *btf, int hook) {
	const struct btf_type *type = hook < 0 ? NULL : btf__type_by_id(btf, btf__type_by_id(btf, (unsigned int)hook)->type);
	const struct btf_type *function = type ? btf__type_by_id(btf, type->type) : NULL;
	if (!function || !btf_is_func_proto(function) || btf_vlen(function) < 2) return 0;
	const struct btf_type *pointer = btf__type_by_id(btf, btf_params(function)[1].type); /* [0] is the hook's own */
	const struct btf_type *request = pointer && btf_is_ptr(pointer) ? btf__type_by_id(btf, pointer->type) : NULL;
	return request && btf_is_struct(request) && strcmp(btf__name_by_offset(btf, request->name_off), "io_kiocb") == 0;
}

/* Of io_uring there is one hook, by one of two names. */
static void choose_uring(const struct btf *btf) {
	int is_new = hook_in(btf, "io_uring_submit_req") >= 0;
	int is_old = !is_new && takes_request(btf, hook_in(btf, "io_uring_submit_sqe"));
	bpf_program__set_autoload(skeleton->progs.on_uring, is_new);
	bpf_program__set_autoload(skeleton->progs.on_uring_before, is_old);
	if (!is_new && !is_old) note("this kernel has no hook io_uring_submit_req: what it tells is not collected");
}

/* A hook that this kernel does not have is left out, and said; the rest goes on. */
static void load(void) {
	struct btf *btf = btf__load_vmlinux_btf();
	struct bpf_program *program;
	if (!btf) fail("this kernel has no type information (/sys/kernel/btf/vmlinux)");
	skeleton = probe__open();
	if (!skeleton) fail("the kernel's side cannot be opened");
	choose_uring(btf);
	bpf_object__for_each_program(program, skeleton->obj) {
		const char *hook = strchr(bpf_program__section_name(program), '/');
		if (!hook++) continue; /* the one that we run ourselves */
		if (!bpf_program__autoload(program) || hook_in(btf, hook) >= 0) continue;
		note("this kernel has no hook %s: what it tells is not collected", hook);
		bpf_program__set_autoload(program, 0);
	}
	btf__free(btf);
	bpf_map__set_max_entries(skeleton->maps.ring, (unsigned int)ring_bytes);
	skeleton->rodata->wake_bytes = (unsigned long long)ring_bytes / WAKE_PART;
	if (probe__load(skeleton) < 0) fail("the kernel does not take the probe");
	know_own();
	watch_trees();
	watch_calls();
	bpf_object__for_each_program(program, skeleton->obj) {
		if (!bpf_program__autoload(program) || program == skeleton->progs.learn || bpf_program__attach(program)) continue;
		note("%s cannot be attached: %s", bpf_program__section_name(program), strerror(errno));
	}
}

static void options(int argc, char **argv) {
	if (argc > 1 && argv[1][0] == '/') path = argv[1];
	for (int i = 2; path && i < argc; i += 2) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		if (value && strcmp(argv[i], "--own") == 0) supervisor = atoi(value);
		else if (value && strcmp(argv[i], "--ring-bytes") == 0) ring_bytes = atoi(value);
		else if (value && strcmp(argv[i], "--hold-bytes") == 0) hold_bytes = atoi(value);
		else if (value && strcmp(argv[i], "--watch") == 0 && watch_count < WATCH_MAX) watches[watch_count++] = value;
		else path = NULL;
	}
	if (path) return;
	fputs("usage: strongroom-probe SOCKET [--own PID] [--ring-bytes N] [--hold-bytes N] [--watch DIRECTORY]...\n", stderr);
	exit(2);
}

/* Can be read when the ring has called, and not, as the ring itself, while anything lies in it. */
static int waking(void) {
	struct epoll_event call = { .events = EPOLLIN | EPOLLET };
	int fd = epoll_create1(EPOLL_CLOEXEC);
	if (fd < 0 || epoll_ctl(fd, EPOLL_CTL_ADD, bpf_map__fd(skeleton->maps.ring), &call) < 0) fail("the ring buffer cannot be waited for");
	return fd;
}

/* Until the ring has called, the line wants something, or the time is over. Returns whether the ring has called. */
static int await(int woken, int milliseconds) {
	struct epoll_event event;
	struct pollfd ready[] = { { woken, POLLIN, 0 }, { line_fd(), (short)(POLLIN | (line_wants() ? POLLOUT : 0)), 0 } };
	poll(ready, 2, milliseconds);
	if (ready[1].revents & ~POLLOUT) line_lost(); /* capture says nothing on it: it is gone */
	return epoll_wait(woken, &event, 1, 0) > 0;
}

/* After little was read for long, unless something is executed: others mostly follow it. */
static void rest(int woken, int is_long) {
	skeleton->bss->calls_exec = is_long;
	if (await(woken, is_long ? LONG_REST_MS : REST_MS) && is_long) await(woken, REST_MS);
}

int main(int argc, char **argv) {
	reader_begin("strongroom-probe");
	options(argc, argv);
	die_with_parent();
	hear_end();
	cpus = libbpf_num_possible_cpus();
	if (cpus > CPUS_MAX) cpus = CPUS_MAX;
	life = told_at = boot_ns();
	load();
	struct ring_buffer *ring = ring_buffer__new(bpf_map__fd(skeleton->maps.ring), take, NULL, NULL);
	if (!ring) fail("the ring buffer cannot be read");
	int woken = waking();
	give_up(0, SAME_USER, 0);
	line_open(&(struct line_facts){ .path = path, .life = life, .ring_bytes = ring_bytes, .cpus = cpus, .hold_bytes = (size_t)hold_bytes });
	for (int was_little = 0; !ending;) {
		line_move();
		rest(woken, was_little && line_fd() >= 0);
		unsigned long long moved_at = boot_ns();
		was_little = move_events(ring);
		tell_counts(moved_at);
	}
	move_events(ring);
	tell_counts(boot_ns());
	line_end();
	return 0;
}
