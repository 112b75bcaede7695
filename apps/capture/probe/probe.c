/* SPDX-License-Identifier: Apache-2.0
 *
 * strongroom-probe: moves kernel events from a ring buffer to capture, and knows what found no room in it.
 *
 *   strongroom-probe SOCKET [--own PID] [--ring-bytes N] [--watch DIRECTORY]...
 *
 * It loads probe.bpf.c, gives up every capability, and then only copies: into frames, docs/FORMAT.md "Between our processes".
 * While capture is away or does not read, nothing is read here, and the ring holds; what finds no room there is counted by
 * the kernel's side, and told. A frame that did not go out whole goes out again, on the next line.
 */
#define _GNU_SOURCE
#include "probe.h"
#include "probe.skel.h"
#include "probe-calls.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_HELLO, FRAME_EVENTS, FRAME_LOST, FRAME_NOTE };
enum { FRAME_BYTES = 1 << 20, FRAME_FULL = FRAME_BYTES - (32 << 10), WATCH_MAX = 256, NOTES_MAX = 16, NOTE_BYTES = 200 };
#define RING_BYTES (8 << 20)
#define REST_MS 200     /* between two readings: each wakes us and capture, which costs more than what is read. The ring wakes us before */
#define WAKE_PART 8     /* when so much of it is full */
#define OWN_NS 10000000000ULL /* our own processes' work is told so often */
#define RETRY_NS 250000000L

static struct probe *skeleton;
static unsigned char frame[FRAME_BYTES];
static unsigned int length;
static unsigned long long life, told_at, next[CPUS_MAX];
static struct counts told[CPUS_MAX];
static char notes[NOTES_MAX][NOTE_BYTES];
static int note_count, line = -1, cpus, ring_bytes = RING_BYTES;
static const char *path, *watches[WATCH_MAX];
static int watch_count, supervisor;
static volatile sig_atomic_t ending;

static unsigned long long boot_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (unsigned long long)now.tv_sec * 1000000000 + (unsigned long long)now.tv_nsec;
}

/* What does not work though the rest does. Told to each capture that comes. */
static void note(const char *format, ...) {
	va_list values;
	if (note_count == NOTES_MAX) return;
	va_start(values, format);
	vsnprintf(notes[note_count], NOTE_BYTES, format, values);
	va_end(values);
	fprintf(stderr, "strongroom-probe: %s\n", notes[note_count++]);
}

static void fail(const char *what, int error) {
	fprintf(stderr, "strongroom-probe: %s: %s\n", what, strerror(error));
	exit(1);
}

static void put(const void *bytes, unsigned int count) {
	if (count > sizeof frame - length) fail("a frame is longer than any can be", EMSGSIZE);
	memcpy(frame + length, bytes, count);
	length += count;
}

static void put_number(unsigned long long value, int octets) {
	while (octets-- > 0) {
		unsigned char octet = (unsigned char)(value >> (8 * octets));
		put(&octet, 1);
	}
}

static void begin(int kind) {
	length = 4;
	put_number((unsigned long long)kind, 1);
}

/* Whether the frame went out whole. Blocks while capture does not read. */
static int send_frame(void) {
	unsigned int total = length - 4;
	unsigned char prefix[] = { (unsigned char)(total >> 24), (unsigned char)(total >> 16), (unsigned char)(total >> 8), (unsigned char)total };
	memcpy(frame, prefix, sizeof prefix);
	for (unsigned int sent = 0; sent < length;) {
		ssize_t count = write(line, frame + sent, length - sent);
		if (count < 0 && errno == EINTR && !ending) continue;
		if (count <= 0) {
			close(line);
			line = -1;
			return 0;
		}
		sent += (unsigned int)count;
	}
	return 1;
}

static int send_hello(void) {
	begin(FRAME_HELLO);
	put_number(1, 1);
	put_number((unsigned long long)getpid(), 4);
	put_number(life, 8);
	put_number((unsigned long long)ring_bytes, 8);
	put_number((unsigned long long)cpus, 2);
	for (int cpu = 0; cpu < cpus; cpu++) put_number(next[cpu], 8);
	if (!send_frame()) return 0;
	for (int i = 0; i < note_count; i++) {
		begin(FRAME_NOTE);
		put(notes[i], (unsigned int)strlen(notes[i]));
		if (!send_frame()) return 0;
	}
	return 1;
}

/* Returns when there is a line and its hello has gone out. */
static void connect_line(void) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timespec retry = { 0, RETRY_NS };
	strncpy(address.sun_path, path, sizeof address.sun_path - 1);
	while (line < 0) {
		if (ending) exit(0); /* nobody is there to take the rest */
		line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (line < 0) fail("there is no socket for the line to capture", errno);
		if (connect(line, (struct sockaddr *)&address, sizeof address) == 0 && send_hello()) return;
		if (line >= 0) close(line);
		line = -1;
		nanosleep(&retry, NULL);
	}
}

/* Sends the frame that `fill` makes, for as long as it takes; a hello uses the same memory, so it is kept aside. */
static void deliver(void) {
	static unsigned char kept[FRAME_BYTES];
	unsigned int kept_length = length;
	if (line >= 0 && send_frame()) return;
	memcpy(kept, frame, kept_length);
	do {
		connect_line();
		memcpy(frame, kept, length = kept_length);
	} while (!send_frame());
}

static int take(void *context, void *data, size_t size) {
	const struct event *event = data;
	(void)context;
	put(data, (unsigned int)(sizeof *event + event->first + event->second));
	(void)size;
	if (length < FRAME_FULL) return 0;
	return -1; /* stops this reading; the ring keeps the rest */
}

/* The numbers of a frame's events count as sent when it went out whole. */
static void count_sent(void) {
	for (unsigned int at = 5; at < length;) {
		struct event event;
		memcpy(&event, frame + at, sizeof event);
		if (event.sequence >= next[event.cpu % CPUS_MAX]) next[event.cpu % CPUS_MAX] = event.sequence + 1;
		at += (unsigned int)sizeof event + event.first + event.second;
	}
}

static void move_events(struct ring_buffer *ring) {
	for (;;) {
		begin(FRAME_EVENTS);
		ring_buffer__consume(ring);
		if (length > 5) {
			deliver();
			count_sent();
		}
		if (length < FRAME_FULL) return;
	}
}

/* What found no room, and what our own processes did, since that was told last. */
static void tell_counts(void) {
	static struct counts now[CPUS_MAX];
	unsigned int rows = 0;
	int is_lost = 0;
	memcpy(now, skeleton->bss->counts, sizeof now[0] * (size_t)cpus);
	for (int cpu = 0; cpu < cpus; cpu++)
		for (int type = 0; type < TYPES; type++) is_lost |= now[cpu].by_type[type].lost != told[cpu].by_type[type].lost;
	if (!is_lost && !ending && boot_ns() - told_at < OWN_NS) return;
	begin(FRAME_LOST);
	put_number(told_at, 8);
	put_number(told_at = boot_ns(), 8);
	for (int cpu = 0; cpu < cpus; cpu++) {
		for (int type = 0; type < TYPES; type++) {
			const struct count *new = &now[cpu].by_type[type], *old = &told[cpu].by_type[type];
			if (new->lost == old->lost && new->own == old->own) continue;
			rows++;
			put_number((unsigned long long)cpu, 2);
			put_number((unsigned long long)type, 1);
			put_number(new->lost - old->lost, 8);
			put_number(new->own - old->own, 8);
		}
	}
	memcpy(told, now, sizeof now[0] * (size_t)cpus);
	if (rows > 0) deliver();
}

/* What the kernel's side makes of a file of ours, and of ourselves. */
static struct learning learned(int fd) {
	struct learning about = { .fd = fd };
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &about, .ctx_size_in = sizeof about);
	if (bpf_prog_test_run_opts(bpf_program__fd(skeleton->progs.learn), &run) < 0) fail("the kernel's side does not answer", errno);
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

/* A hook that this kernel does not have is left out, and said; the rest goes on. */
static void load(void) {
	struct btf *btf = btf__load_vmlinux_btf();
	struct bpf_program *program;
	if (!btf) fail("this kernel has no type information (/sys/kernel/btf/vmlinux)", errno);
	skeleton = probe__open();
	if (!skeleton) fail("the kernel's side cannot be opened", errno);
	bpf_object__for_each_program(program, skeleton->obj) {
		char type[96];
		const char *hook = strchr(bpf_program__section_name(program), '/');
		if (!hook++) continue; /* the one that we run ourselves */
		snprintf(type, sizeof type, "btf_trace_%s", hook);
		if (btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF) >= 0) continue;
		note("this kernel has no hook %s: what it tells is not collected", hook);
		bpf_program__set_autoload(program, 0);
	}
	btf__free(btf);
	bpf_map__set_max_entries(skeleton->maps.ring, (unsigned int)ring_bytes);
	skeleton->rodata->wake_bytes = (unsigned long long)ring_bytes / WAKE_PART;
	if (probe__load(skeleton) < 0) fail("the kernel does not take the probe", errno);
	know_own();
	watch_trees();
	watch_calls();
	bpf_object__for_each_program(program, skeleton->obj) {
		if (!bpf_program__autoload(program) || program == skeleton->progs.learn || bpf_program__attach(program)) continue;
		note("%s cannot be attached: %s", bpf_program__section_name(program), strerror(errno));
	}
}

/* Leaves this process with no capability, and with nothing that could bring one. */
static void give_up(void) {
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2];
	memset(none, 0, sizeof none);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &header, none) < 0) fail("capabilities cannot be given up", errno);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail("new privileges cannot be ruled out", errno);
}

static void options(int argc, char **argv) {
	if (argc > 1 && argv[1][0] == '/') path = argv[1];
	for (int i = 2; path && i < argc; i += 2) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		if (value && strcmp(argv[i], "--own") == 0) supervisor = atoi(value);
		else if (value && strcmp(argv[i], "--ring-bytes") == 0) ring_bytes = atoi(value);
		else if (value && strcmp(argv[i], "--watch") == 0 && watch_count < WATCH_MAX) watches[watch_count++] = value;
		else path = NULL;
	}
	if (path) return;
	fputs("usage: strongroom-probe SOCKET [--own PID] [--ring-bytes N] [--watch DIRECTORY]...\n", stderr);
	exit(2);
}

/* Can be read when the ring has called, and not, as the ring itself, while anything lies in it. */
static int waking(void) {
	struct epoll_event call = { .events = EPOLLIN | EPOLLET };
	int fd = epoll_create1(EPOLL_CLOEXEC);
	if (fd < 0 || epoll_ctl(fd, EPOLL_CTL_ADD, bpf_map__fd(skeleton->maps.ring), &call) < 0) fail("the ring buffer cannot be waited for", errno);
	return fd;
}

static void end(int signal) {
	(void)signal;
	ending = 1;
}

int main(int argc, char **argv) {
	struct sigaction action = { .sa_handler = end };
	options(argc, argv);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* whoever started us restarts us, or is gone for good */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* the terminal's, for the supervisor */
	sigaction(SIGTERM, &action, NULL);
	cpus = libbpf_num_possible_cpus();
	if (cpus > CPUS_MAX) cpus = CPUS_MAX;
	life = told_at = boot_ns();
	load();
	struct ring_buffer *ring = ring_buffer__new(bpf_map__fd(skeleton->maps.ring), take, NULL, NULL);
	if (!ring) fail("the ring buffer cannot be read", errno);
	int woken = waking();
	give_up();
	while (!ending) {
		struct epoll_event event;
		connect_line();
		struct pollfd ready[] = { { woken, POLLIN, 0 }, { line, POLLIN, 0 } };
		poll(ready, 2, REST_MS);
		epoll_wait(woken, &event, 1, 0);
		if (ready[1].revents) { /* capture says nothing on it: it is gone */
			close(line);
			line = -1;
		}
		move_events(ring);
		tell_counts();
	}
	move_events(ring);
	tell_counts();
	return 0;
}
