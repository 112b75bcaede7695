/* SPDX-License-Identifier: Apache-2.0
 *
 * strongroom-files: knows what watched trees look like, and tells capture of each difference; and of what is executed, hashed.
 *
 *   strongroom-files SOCKET --state DIRECTORY [--watch DIRECTORY]... [--every SECONDS] [--home DIRECTORY] [--no-executables]
 *
 * It asks the kernel for events, gives up every capability but the one to read what is not its own, and goes round: events
 * (watch.c) name entries that are looked at a moment later (look.c); scans (scan.c) find what events did
 * not tell; differences are made durable (store.c), then sent (line.c), in frames of docs/FORMAT.md, "Between our
 * processes". While capture is away or does not read, what happened waits, and is told as what it came to.
 */
#include "files.h"

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { REST_MS = 50, /* between two readings of what is executed: each wakes us, which costs more than what is read */
	RETRY_MS = 250, COUNTS_MS = 10000, NICE = 5 };

struct options options = { .every_seconds = 86400, .executables = 1 };

uint64_t steady_ns(void) { return clock_ns(CLOCK_BOOTTIME); }
uint64_t wall_ns(void) { return clock_ns(CLOCK_REALTIME); }

static void send_counts(void) {
	static uint64_t sent_at;
	if (steady_ns() - sent_at < COUNTS_MS * 1000000ull || !line_has_room()) return;
	sent_at = steady_ns();
	const uint64_t values[] = { store_next, events_read, waiting, watched_directories, entries, hashed_bytes, executables_told };
	frame_begin(FRAME_COUNTS);
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) frame_number(values[i], 8);
	frame_send();
}

/* Between two pieces of a file that is being hashed. */
void pump(void) {
	watch_read();
	line_turn();
	scan_throttle();
}

static int shorter(int a, int b) { return a < 0 || (b >= 0 && b < a) ? b : a; }

/* One turn: waits for something to do, at most so long, and does it. */
void breathe(int wait_ms) {
	static uint64_t rested_from;
	uint64_t rested_ms = (steady_ns() - rested_from) / 1000000u;
	int rest_ms = rested_ms < REST_MS ? (int)(REST_MS - rested_ms) : 0;
	struct pollfd ready[] = {
		{ watch_fd(), POLLIN, 0 }, { rest_ms > 0 ? -1 : executables_fd(), POLLIN, 0 }, { line_fd(), POLLIN | (line_wants_out() ? POLLOUT : 0), 0 },
		{ mounts_fd(), POLLPRI, 0 }, { marker_fd(), POLLIN, 0 },
	};
	if (rest_ms > 0 && executables_fd() >= 0) wait_ms = shorter(wait_ms, rest_ms);
	if (wait_ms > 0 && line_fd() < 0) wait_ms = shorter(wait_ms, RETRY_MS);
	if (!line_has_room() && wait_ms == 0 && !scanning) wait_ms = RETRY_MS;
	if (poll(ready, sizeof ready / sizeof *ready, wait_ms) < 0 && errno != EINTR) fail("waiting failed");
	watch_read();
	if (rest_ms == 0 && executables_read() > 0) rested_from = steady_ns();
	if (ready[3].revents) mounts_read();
	if (ready[4].revents) marker_read();
	look_due();
	store_commit();
	send_counts();
	line_turn();
	if (!ending) return;
	line_turn();
	exit(0);
}

/* The directory that is meant; one within another that is watched as well needs no watching of its own. */
static void add_root(const char *path) {
	char *real = realpath(path, NULL);
	if (!real || strcmp(real, "/") == 0) return note("%.120s is not watched: %s", path, real ? "it is everything" : strerror(errno));
	for (int i = 0; i < options.root_count; i++) {
		size_t length = strlen(options.roots[i]);
		if (strncmp(real, options.roots[i], length) == 0 && (real[length] == '/' || real[length] == 0)) return;
		length = strlen(real);
		if (strncmp(real, options.roots[i], length) == 0 && options.roots[i][length] == '/') options.roots[i--] = options.roots[--options.root_count];
	}
	options.roots[options.root_count++] = real;
}

static void options_read(int argc, char **argv) {
	const int most = sizeof options.roots / sizeof *options.roots;
	if (argc > 1 && argv[1][0] == '/') options.socket = argv[1];
	for (int i = 2; options.socket && i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		if (strcmp(argv[i], "--no-executables") == 0) options.executables = 0;
		else if (!value) options.socket = NULL;
		else if (strcmp(argv[i], "--state") == 0) options.state = argv[++i];
		else if (strcmp(argv[i], "--home") == 0) options.home = argv[++i];
		else if (strcmp(argv[i], "--every") == 0) options.every_seconds = atoi(argv[++i]);
		else if (strcmp(argv[i], "--watch") == 0 && options.root_count < most) add_root(argv[++i]);
		else options.socket = NULL;
	}
	if (options.socket && options.state && options.every_seconds > 0) return;
	fputs("usage: strongroom-files SOCKET --state DIRECTORY [--watch DIRECTORY]... [--every SECONDS] [--home DIRECTORY] [--no-executables]\n", stderr);
	exit(2);
}

int main(int argc, char **argv) {
	reader_begin("strongroom-files");
	options_read(argc, argv);
	die_with_parent();
	hear_end();
	setpriority(PRIO_PROCESS, 0, NICE);
	watch_open();
	executables_open();
	give_up(CAPABILITY(CAP_DAC_READ_SEARCH), SAME_USER, 0); /* to read what is not our own */
	store_open();
	scan_roots();
	mounts_read();
	scan_want(REASON_START);
	for (;;) {
		scan_if_due();
		tree_sweep();
		breathe(shorter(look_wait_ms(), scan_wait_ms()));
	}
}
