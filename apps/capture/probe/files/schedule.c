/* SPDX-License-Identifier: Apache-2.0
 *
 * When the next scan is due: whoever misses something wants one.
 */
#include "files.h"

#define LOOK_NS 60000000000u /* the clock is looked at so often, for it can be set */
enum { SOON_MS = 1000 };

static uint64_t due;
static int wanted = -1;

void scan_want(int reason) {
	if (wanted >= 0) return;
	wanted = reason;
	due = steady_ns() + SOON_MS * (reason == REASON_START ? 0 : 1000000u);
}

/* Until all content is to be read again; a clock that was set back makes it due as well. */
static uint64_t deep_wait_ns(void) {
	uint64_t now = wall_ns(), every = (uint64_t)options.every_seconds * 1000000000u;
	return now < store_deep_at || now - store_deep_at >= every ? 0 : store_deep_at + every - now;
}

int scan_wait_ms(void) {
	uint64_t now = steady_ns(), wait = wanted < 0 ? deep_wait_ns() : due <= now ? 0 : due - now;
	if (wait == 0) return 0;
	return wait > LOOK_NS ? (int)(LOOK_NS / 1000000u) : (int)(wait / 1000000u) + 1;
}

/* The one that is due begins: why, and whether all content is read again. */
void scan_take(int *reason, int *deep) {
	*reason = wanted >= 0 ? wanted : REASON_SCHEDULE;
	*deep = deep_wait_ns() == 0;
	wanted = -1;
}
