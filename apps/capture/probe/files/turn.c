/* SPDX-License-Identifier: Apache-2.0
 *
 * One turn of everything that goes on: what came is taken in, what is due is looked at, what is different is told.
 */
#include "files.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

enum { REST_MS = 50, /* between two readings of what is executed: each wakes us, which costs more than what is read */
	RETRY_MS = 250, COUNTS_MS = 10000 };

static void send_counts(void) {
	static uint64_t sent_at;
	if (steady_ns() - sent_at < COUNTS_MS * 1000000ull || !line_has_room()) return;
	sent_at = steady_ns();
	const uint64_t values[] = { store_next, events_read, waiting, watched_directories, entries, hashed_bytes, executables_told };
	frame_begin(FRAME_COUNTS);
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) frame_number(values[i], 8);
	frame_send();
}

/* Of two waits; -1: for ever. */
int shorter(int a, int b) { return a < 0 || (b >= 0 && b < a) ? b : a; }

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
	if (store_commit()) scan_want(REASON_OVERFLOW);
	send_counts();
	line_turn();
	if (!ending) return;
	line_turn();
	exit(0);
}
