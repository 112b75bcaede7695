/* SPDX-License-Identifier: Apache-2.0
 *
 * What is told and kept, each with a number: differences, mounts, losses.
 */
#include "files.h"

#include <string.h>

uint64_t scan_differences;

void tell_difference(int type, const struct node *node, const char *other, const struct facts *before, const struct facts *after, const struct pending *pending) {
	char path[PATH_BYTES_MAX];
	size_t length = tree_path(node, path), other_length = other ? strlen(other) : 0;
	if (length == 0) return;
	scan_differences += pending->how == HOW_SCAN;
	frame_begin(FRAME_DIFFERENCE);
	frame_number(store_next, 8);
	frame_number((uint64_t)type, 1);
	frame_number(pending->how, 1);
	frame_number(wall_ns(), 8);
	frame_number(pending->process_count, 1);
	for (int i = 0; i < pending->process_count; i++) {
		frame_number(pending->processes[i].started, 8);
		frame_number(pending->processes[i].pid, 4);
	}
	frame_number(length, 2);
	frame_bytes(path, length);
	frame_number(other_length, 2);
	frame_bytes(other, other_length);
	frame_number((before ? 1u : 0) | (after ? 2u : 0), 1);
	if (before) frame_facts(before);
	if (after) frame_facts(after);
	tell_numbered_end();
}

/* What was mounted, or is no longer, and what that means. */
void tell_mount(int what, int error, uint64_t device, const char *path) {
	frame_begin(FRAME_MOUNT);
	frame_number(store_next, 8);
	frame_number((uint64_t)what, 1);
	frame_number((uint64_t)error, 2);
	frame_number(device, 8);
	frame_bytes(path, strlen(path));
	tell_numbered_end();
}

/* What the kernel or we could not hand on. */
void tell_lost(int what, uint64_t count, uint64_t since) {
	frame_begin(FRAME_LOST);
	frame_number(store_next, 8);
	frame_number((uint64_t)what, 1);
	frame_number(count, 8);
	frame_number(since, 8);
	frame_number(wall_ns(), 8);
	tell_numbered_end();
}
