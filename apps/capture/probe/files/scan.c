/* SPDX-License-Identifier: Apache-2.0
 *
 * The scan: every entry of the watched trees is looked at, whatever events told of it. What differs waits a moment like what
 * events tell of, so that an event that is on its way still says by whom; what no event tells of was missed, and is told as
 * found by the scan. Every so often (`--every`) all content is read again; a scan at the start or after events were lost
 * trusts a file whose times and size are as they were.
 *
 * It takes a fifth of one processor at most, and the disk when nobody else wants it.
 */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WORK_NS 20000000u /* then as long again, times REST */
enum { REST = 4, IDLE_DISK = 3 << 13, USUAL_DISK = 0 };

static uint32_t generation;
static uint64_t worked_from;
static struct { uint64_t from, files, directories, others, bytes, taken, unreadable, left_out; } sum;

static void disk(int priority) { syscall(SYS_ioprio_set, 1, 0, priority); }

static uint64_t work_ns(void) {
	struct timespec used;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

/* Within a scan: when we have worked for a while, others shall. Events are taken in meanwhile, and end the rest early. */
void scan_throttle(void) {
	uint64_t worked = work_ns() - worked_from;
	if (!scanning || worked < WORK_NS) return;
	for (uint64_t until = steady_ns() + worked * REST, now; (now = steady_ns()) < until;) {
		struct timespec rest = { 0, (long)(until - now < 20000000u ? until - now : 20000000u) };
		nanosleep(&rest, NULL);
		if (watch_read() > 0) break;
	}
	worked_from = work_ns();
}

static void count(const struct facts *facts, int read) {
	if (facts->kind == KIND_DIRECTORY) sum.directories++;
	else if (facts->kind == KIND_FILE) sum.files++;
	else sum.others++;
	if (facts->kind == KIND_FILE && read) sum.bytes += facts->size;
	if (facts->content == CONTENT_UNREADABLE) sum.unreadable++;
}

/* Holds one entry against what is known; what is now in `now`, or an errno. */
static int hold(struct node *node, int directory, int deep, struct facts *now) {
	int error = facts_read(directory, node->name, node->known ? &node->facts : NULL, deep, now);
	if (error) return error;
	node->seen = generation;
	count(now, deep);
	if (node->pending) return 0; /* will be looked at */
	if (!node->known && !tree_is_taken(node)) sum.taken++;
	else if (!node->known || !facts_same(&node->facts, now)) {
		look_later(node, WAIT_SHORT, HOW_SCAN)->deep = 1;
		return 0;
	}
	node->facts = *now;
	node->known = 1;
	return 0;
}

static void scan_directory(struct node *node, int fd, int deep, int depth);

static void scan_entry(struct node *node, int directory, int deep, int depth) {
	struct facts now;
	if (hold(node, directory, deep, &now) == 0 && now.kind == KIND_DIRECTORY) {
		int fd = depth < DEPTH_MAX ? openat(directory, node->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
		if (fd < 0 || is_home(&now)) sum.left_out++;
		else scan_directory(node, fd, deep, depth + 1);
		if (fd >= 0) close(fd);
	}
	breathe(0);
	scan_throttle();
}

/* Its names, one after the other, ended by an empty one; to be freed. */
static char *names_in(int fd) {
	size_t length = 0, room = 4096;
	char *names = malloc(room);
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = again < 0 ? NULL : fdopendir(again);
	for (struct dirent *entry; names && list && (entry = readdir(list));) {
		size_t octets = strlen(entry->d_name) + 1;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
		if (length + octets >= room) names = realloc(names, room *= 2);
		if (!names) break;
		memcpy(names + length, entry->d_name, octets);
		length += octets;
	}
	if (!names) fail("there is no memory");
	names[length] = 0;
	if (list) closedir(list);
	return names;
}

static void scan_directory(struct node *node, int fd, int deep, int depth) {
	watch_directory(node, fd);
	char *names = names_in(fd);
	for (const char *name = names; *name && !node->gone; name += strlen(name) + 1) {
		struct node *child = tree_child(node, name, strlen(name), 1);
		if (child) scan_entry(child, fd, deep, depth);
		else sum.left_out++;
	}
	free(names);
	for (struct node *child = node->gone ? NULL : node->children; child; child = child->next)
		if (child->known && child->seen != generation && !child->pending) look_later(child, WAIT_SHORT, HOW_SCAN);
}

static uint64_t forget_others(struct node *node) {
	uint64_t count = 0;
	for (struct node *child = node->children, *next; child && !node->root; child = next) {
		next = child->next;
		count += forget_others(child);
	}
	if (node->root || node->children) return count;
	count += node->known;
	tree_forget(node);
	return count;
}

/* What is known of what is not watched any more is known no longer. */
void scan_roots(void) {
	for (int i = 0; i < options.root_count; i++) {
		struct node *root = tree_at(options.roots[i], 1);
		if (!root) fail("there is no memory");
		root->root = 1;
	}
	uint64_t count = forget_others(top);
	if (count > 0) note("%llu entries of the baseline are watched no longer", (unsigned long long)count);
}

static void each_root(int deep, int marks) {
	for (int i = 0; i < options.root_count; i++) {
		struct node *root = tree_at(options.roots[i], 1);
		int above = open_directory(root->parent);
		int fd = marks ? open(options.roots[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
		if (fd >= 0) look_mark(root, fd);
		if (!marks && above >= 0) scan_entry(root, above, deep, 0);
		if (!marks && root->known && root->seen != generation && !root->pending) look_later(root, WAIT_SHORT, HOW_SCAN);
		if (fd >= 0) close(fd);
		if (above >= 0) close(above);
	}
}

/* The differences are told first, then the scan, with the digest of what is known from here on. */
static void finish(int reason, int deep) {
	unsigned char digest[HASH_BYTES];
	uint64_t number, known;
	while (waiting_of_scan > 0) breathe(look_wait_ms());
	for (int i = 0; i < options.root_count; i++) tree_at(options.roots[i], 1)->taken = 1;
	facts_digest(digest, &known);
	number = store_next;
	frame_begin(FRAME_SCAN);
	frame_number(number, 8);
	frame_number((uint64_t)reason, 1);
	frame_number((uint64_t)deep, 1);
	const uint64_t values[] = {
		sum.from, wall_ns(), known, sum.files, sum.directories, sum.others, sum.bytes, sum.taken, scan_differences, sum.unreadable, sum.left_out,
	};
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) frame_number(values[i], 8);
	frame_bytes(digest, sizeof digest);
	tell_numbered_end();
	store_snapshot(number, deep, digest);
}

void scan_if_due(void) {
	int reason, deep;
	if (scan_wait_ms() > 0) return;
	scan_take(&reason, &deep);
	memset(&sum, 0, sizeof sum);
	scan_differences = 0;
	sum.from = wall_ns();
	generation++;
	scanning = 1;
	worked_from = work_ns();
	disk(IDLE_DISK);
	if (generation == 1) each_root(deep, 1);
	each_root(deep, 0);
	disk(USUAL_DISK);
	scanning = 0;
	finish(reason, deep);
}
