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

#define LOOK_NS 60000000000u /* the clock is looked at so often, for it can be set */
#define WORK_NS 20000000u /* then as long again, times REST */
enum { REST = 4, DEPTH_MAX = 256, IDLE_DISK = 3 << 13, USUAL_DISK = 0, SOON_MS = 1000 };

uint32_t generation;
int scanning;
static uint64_t due, worked_from;
static int wanted = -1;
static struct { uint64_t from, files, directories, others, bytes, differences, taken, unreadable, left_out; } sum;

void scan_want(int reason) {
	if (wanted >= 0) return;
	wanted = reason;
	due = steady_ns() + SOON_MS * (reason == REASON_START ? 0 : 1000000u);
}

void scan_told(void) { sum.differences++; }

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

/* Strongroom's own: to watch it would make a record of each record. */
int is_home(const struct facts *facts) {
	static struct facts home;
	int fd = options.home && home.inode == 0 ? open(options.home, O_PATH | O_CLOEXEC) : -1;
	if (fd >= 0) {
		facts_of(fd, &home);
		close(fd);
	}
	return home.inode != 0 && facts->inode == home.inode && facts->device == home.device;
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

/* Marks all directories before anything is read, so that events begin at once. */
static void mark_below(struct node *node, int fd, int depth) {
	watch_directory(node, fd);
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = again < 0 ? NULL : fdopendir(again);
	for (struct dirent *entry; list && depth < DEPTH_MAX && (entry = readdir(list));) {
		if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
		struct facts facts;
		int below = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		struct node *child = below < 0 || facts_of(below, &facts) != 0 || is_home(&facts) ? NULL : tree_child(node, entry->d_name, strlen(entry->d_name), 1);
		if (child) mark_below(child, below, depth + 1);
		if (below >= 0) close(below);
	}
	if (list) closedir(list);
}

void scan_mark(struct node *node, int fd) { mark_below(node, fd, 0); }

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
		if (fd >= 0) scan_mark(root, fd);
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
		sum.from, wall_ns(), known, sum.files, sum.directories, sum.others, sum.bytes, sum.taken, sum.differences, sum.unreadable, sum.left_out,
	};
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) frame_number(values[i], 8);
	frame_bytes(digest, sizeof digest);
	tell_numbered_end();
	store_snapshot(number, deep, digest);
}

void scan_if_due(void) {
	if (scan_wait_ms() > 0) return;
	int reason = wanted >= 0 ? wanted : REASON_SCHEDULE;
	int deep = deep_wait_ns() == 0;
	wanted = -1;
	memset(&sum, 0, sizeof sum);
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
