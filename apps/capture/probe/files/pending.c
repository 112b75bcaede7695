/* SPDX-License-Identifier: Apache-2.0
 *
 * Entries that wait to be looked at, in the order in which they are due.
 */
#include "files.h"

#include <stdlib.h>

#define MS 1000000u
/* Until it is looked at: after what is over; after it was made and is perhaps still open; while it is written and not closed. */
static const uint64_t delays[WAITS] = { 200 * (uint64_t)MS, 2000 * (uint64_t)MS, 60000 * (uint64_t)MS };
static struct pending *first[WAITS], *last[WAITS];
uint64_t waiting, waiting_of_scan;

void pending_append(struct pending *pending, int wait) {
	pending->wait = (uint8_t)wait;
	pending->due = steady_ns() + delays[wait];
	pending->next = NULL;
	pending->previous = last[wait];
	if (last[wait]) last[wait]->next = pending;
	else first[wait] = pending;
	last[wait] = pending;
}

void pending_detach(struct pending *pending) {
	if (pending->next) pending->next->previous = pending->previous;
	else last[pending->wait] = pending->previous;
	if (pending->previous) pending->previous->next = pending->next;
	else first[pending->wait] = pending->next;
}

void pending_discard(struct pending *pending) {
	if (pending->from) pending->from->held--;
	waiting--;
	waiting_of_scan -= pending->how == HOW_SCAN;
	free(pending);
}

/* What waits already is looked at no later for it. */
struct pending *look_later(struct node *node, int wait, int how) {
	struct pending *pending = node->pending;
	if (pending) {
		if (how < pending->how) {
			waiting_of_scan -= pending->how == HOW_SCAN;
			pending->how = (uint8_t)how;
		}
		if (wait >= pending->wait) return pending;
		pending_detach(pending);
		pending_append(pending, wait);
		return pending;
	}
	pending = node->pending = calloc(1, sizeof *pending);
	if (!pending) fail("there is no memory");
	pending->node = node;
	pending->how = (uint8_t)how;
	waiting++;
	waiting_of_scan += how == HOW_SCAN;
	pending_append(pending, wait);
	return pending;
}

void look_never(struct node *node) {
	struct pending *pending = node->pending;
	if (!pending) return;
	node->pending = NULL;
	pending_detach(pending);
	pending_discard(pending);
}

/* How long until the next is due; -1: nothing waits. */
int look_wait_ms(void) {
	uint64_t now = steady_ns(), due = UINT64_MAX;
	for (int wait = 0; wait < WAITS; wait++) if (first[wait] && first[wait]->due < due) due = first[wait]->due;
	if (due == UINT64_MAX) return -1;
	return due <= now ? 0 : (int)((due - now) / MS) + 1;
}

/* The next that is due at `now`, shortest waits first; NULL: none. */
struct pending *pending_due(uint64_t now) {
	for (int wait = 0; wait < WAITS; wait++) if (first[wait] && first[wait]->due <= now) return first[wait];
	return NULL;
}
