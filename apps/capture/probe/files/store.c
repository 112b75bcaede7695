/* SPDX-License-Identifier: Apache-2.0
 *
 * The baseline on disk, `baseline` in our directory, in frames like those of the line (docs/FORMAT.md, "File integrity"):
 *
 *   numbered frames that are kept · BEGIN · an ENTRY for each name · END · numbered frames since
 *
 * A difference is appended and synced before it goes out; reading it makes the same change to what is known. So after a crash
 *  - before the sync: the difference may be torn or absent; it was not told, and the scan at the next start finds it again;
 *  - after it: it is sent again, with its number, and capture knows by that whether it has it.
 * A scan writes all anew: `baseline.new`, sync, rename, sync of the directory, and only then is the scan told. A crash before
 * the rename leaves the old file, whose numbered frames lead to the same state but for times; one after it leaves the new file,
 * in which the scan's own frame is kept, and is sent again.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BEGIN = 100, ENTRY, END, VERSION = 1, FACTS_BYTES = 121, PREFIX_BYTES = 4, OUT_BYTES = 1 << 16 };
#define APPENDED_MAX (64u << 20)

uint64_t store_next = 1, store_id, store_digest_number, store_deep_at;
unsigned char store_digest[HASH_BYTES];
static int directory = -1, file = -1;
static unsigned char *staged;
static size_t staged_length, staged_room, appended;

/* What is read, from `at` to `end`; short: there was less than wanted. */
static struct { const unsigned char *at, *end; int is_short; } from;

static uint64_t get_number(int octets) {
	uint64_t value = 0;
	if (from.end - from.at < octets) from.is_short = 1;
	else while (octets-- > 0) value = value << 8 | *from.at++;
	return value;
}

static void get_bytes(void *to, size_t length) {
	if ((size_t)(from.end - from.at) < length) from.is_short = 1;
	else memcpy(to, from.at, length);
	if (!from.is_short) from.at += length;
}

static void get_path(char *to, size_t length) {
	if (length >= PATH_BYTES_MAX) from.is_short = 1;
	if (!from.is_short) get_bytes(to, length);
	to[from.is_short ? 0 : length] = 0;
}

static void get_facts(struct facts *to) {
	memset(to, 0, sizeof *to);
	to->kind = (uint8_t)get_number(1);
	to->content = (uint8_t)get_number(1);
	to->has_attributes = (uint8_t)get_number(1);
	to->error = (uint16_t)get_number(2);
	to->mode = (uint32_t)get_number(4);
	to->uid = (uint32_t)get_number(4);
	to->gid = (uint32_t)get_number(4);
	to->device = get_number(8);
	to->inode = get_number(8);
	to->size = get_number(8);
	to->modified = (int64_t)get_number(8);
	to->changed = (int64_t)get_number(8);
	get_bytes(to->sha256, HASH_BYTES);
	get_bytes(to->attributes, HASH_BYTES);
}

static void apply_difference(void) {
	char path[PATH_BYTES_MAX], to[PATH_BYTES_MAX];
	struct facts before, after;
	uint8_t type = (uint8_t)get_number(1);
	get_number(1 + 8);
	for (int count = (int)get_number(1); count > 0 && !from.is_short; count--) get_number(8), get_number(4);
	get_path(path, get_number(2));
	get_path(to, get_number(2));
	uint8_t flags = (uint8_t)get_number(1);
	if (flags & 1) get_facts(&before);
	if (flags & 2) get_facts(&after);
	if (from.is_short) return;
	struct node *node = tree_at(path, 1), *parent = NULL;
	char *name = strrchr(to, '/');
	if (node && type == TYPE_RENAMED && name) {
		*name++ = 0;
		parent = tree_at(to, 1);
		if (parent) tree_move(node, parent, name);
		node = parent ? tree_child(parent, name, strlen(name), 1) : NULL;
	}
	if (!node) return;
	if (type == TYPE_REMOVED) return tree_forget(node);
	node->facts = after;
	node->known = 1;
}

static void apply_entry(void) {
	char path[PATH_BYTES_MAX];
	struct facts facts;
	get_facts(&facts);
	get_path(path, (size_t)(from.end - from.at));
	struct node *node = from.is_short ? NULL : tree_at(path, 1);
	if (!node) return;
	node->facts = facts;
	node->known = node->taken = 1; /* the latter counts at the root of a tree alone */
}

static void begin_entries(void) {
	if (get_number(1) != VERSION) from.is_short = 1;
	store_id = get_number(8);
	while (top->children) tree_forget(top->children);
}

/* What stands between must be what its digest says. */
static void end_entries(void) {
	unsigned char digest[HASH_BYTES];
	uint64_t count, known;
	get_bytes(store_digest, HASH_BYTES);
	store_digest_number = get_number(8);
	store_deep_at = get_number(8);
	store_next = get_number(8);
	count = get_number(8);
	facts_digest(digest, &known);
	if (count > 0 && (known != count || memcmp(digest, store_digest, HASH_BYTES) != 0)) from.is_short = 1;
}

static void apply(uint8_t kind, const unsigned char *whole, uint32_t length) {
	if (kind == BEGIN) return begin_entries();
	if (kind == ENTRY) return apply_entry();
	if (kind == END) return end_entries();
	uint64_t number = get_number(8);
	if (kind == FRAME_DIFFERENCE) apply_difference();
	if (from.is_short) return;
	line_keep(whole, length);
	if (number >= store_next) store_next = number + 1;
}

/* Octets of it that are whole; `ended`: an END was among them. */
static size_t load(const unsigned char *bytes, size_t length, int *ended) {
	size_t at = 0;
	while (length - at > PREFIX_BYTES) {
		from.at = bytes + at;
		from.end = bytes + length;
		from.is_short = 0;
		size_t total = get_number(PREFIX_BYTES) + PREFIX_BYTES;
		if (total > length - at || total <= PREFIX_BYTES) break;
		from.end = bytes + at + total;
		uint8_t kind = (uint8_t)get_number(1);
		apply(kind, bytes + at, (uint32_t)total);
		if (from.is_short) break;
		*ended |= kind == END;
		at += total;
	}
	return at;
}

static int write_all(int fd, const unsigned char *bytes, size_t length) {
	while (length > 0) {
		ssize_t count = write(fd, bytes, length);
		if (count < 0 && errno == EINTR) continue;
		if (count < 0) return -1;
		bytes += count;
		length -= (size_t)count;
	}
	return 0;
}

/* A file that is written in pieces of some size. */
static struct { int fd, failed; size_t length; unsigned char bytes[OUT_BYTES]; } to;

static void flush_out(void) {
	if (!to.failed && write_all(to.fd, to.bytes, to.length) < 0) to.failed = errno;
	to.length = 0;
}

static void put_out(const unsigned char *bytes, size_t length) {
	if (to.length + length > sizeof to.bytes) flush_out();
	if (length > sizeof to.bytes) {
		if (!to.failed && write_all(to.fd, bytes, length) < 0) to.failed = errno;
		return;
	}
	memcpy(to.bytes + to.length, bytes, length);
	to.length += length;
}

static void put_frame(void) {
	uint32_t length;
	const unsigned char *bytes = frame_end(&length);
	put_out(bytes, length);
}

static uint64_t put_entries(struct node *node) {
	char path[PATH_BYTES_MAX];
	uint64_t count = 0;
	size_t length = node->known ? tree_path(node, path) : 0;
	if (length > 0) {
		frame_begin(ENTRY);
		frame_facts(&node->facts);
		frame_bytes(path, length);
		put_frame();
		count = 1;
	}
	for (struct node *child = node->children; child; child = child->next) count += put_entries(child);
	return count;
}

static int write_snapshot(void) {
	const unsigned char *bytes;
	to.fd = openat(directory, "baseline.new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	to.failed = to.fd < 0 ? errno : 0;
	to.length = 0;
	for (int half = 0; half < 2; half++) {
		uint32_t length = line_kept(half, &bytes);
		put_out(bytes, length);
	}
	frame_begin(BEGIN);
	frame_number(VERSION, 1);
	frame_number(store_id, 8);
	put_frame();
	uint64_t count = put_entries(top);
	frame_begin(END);
	frame_bytes(store_digest, HASH_BYTES);
	frame_number(store_digest_number, 8);
	frame_number(store_deep_at, 8);
	frame_number(store_next, 8);
	frame_number(store_digest_number == 0 ? 0 : count, 8);
	put_frame();
	flush_out();
	if (!to.failed && (fsync(to.fd) < 0 || renameat(directory, "baseline.new", directory, "baseline") < 0 || fsync(directory) < 0)) to.failed = errno;
	if (to.failed && to.fd >= 0) close(to.fd);
	return to.failed ? -1 : to.fd;
}

static void send_staged(void) {
	line_put(staged, (uint32_t)staged_length);
	staged_length = 0;
}

static void keep_staged(void) {
	for (size_t at = 0; at < staged_length;) {
		const unsigned char *bytes = staged + at;
		uint32_t length = PREFIX_BYTES + ((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3]);
		line_keep(bytes, length);
		at += length;
	}
}

static void append_staged(void) {
	if (staged_length > 0 && (write_all(file, staged, staged_length) < 0 || fdatasync(file) < 0)) note("the baseline cannot be written: %s", strerror(errno));
	appended += staged_length;
	send_staged();
}

/* Makes durable what was told since, and sends it. */
void store_commit(void) {
	if (staged_length == 0) return;
	keep_staged();
	append_staged();
	if (appended <= APPENDED_MAX) return;
	appended = 0;
	scan_want(REASON_OVERFLOW);
}

/* After a scan: all anew, with the scan's digest, and then what is staged goes out. */
void store_snapshot(uint64_t scan_number, int deep, const unsigned char *digest) {
	if (deep) store_deep_at = wall_ns();
	memcpy(store_digest, digest, HASH_BYTES);
	store_digest_number = scan_number;
	keep_staged();
	int written = write_snapshot();
	if (written < 0) {
		note("the baseline cannot be written: %s", strerror(to.failed));
		return append_staged();
	}
	close(file);
	file = written;
	appended = 0;
	send_staged();
}

static unsigned char *read_whole(int fd, size_t *length) {
	struct stat facts;
	if (fstat(fd, &facts) < 0) fail("the baseline cannot be read");
	unsigned char *bytes = malloc((size_t)facts.st_size + 1);
	if (!bytes) fail("there is no memory for the baseline");
	for (*length = 0; *length < (size_t)facts.st_size;) {
		ssize_t count = read(fd, bytes + *length, (size_t)facts.st_size - *length);
		if (count < 0) fail("the baseline cannot be read");
		if (count == 0) break;
		*length += (size_t)count;
	}
	return bytes;
}

static void begin_new(void) {
	if (getrandom(&store_id, sizeof store_id, 0) != sizeof store_id) fail("there is no randomness");
	memset(store_digest, 0, HASH_BYTES);
	store_digest_number = store_deep_at = 0;
	store_next = 1;
	while (top->children) tree_forget(top->children);
	file = write_snapshot();
	if (file < 0) fail("the baseline cannot be written");
}

/* Reads what there is, or begins. One that is not whole is put aside, and a new one begun: capture tells that there is another. */
void store_open(void) {
	size_t length, whole;
	int ended = 0;
	tree_at("/", 1);
	directory = open(options.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0) fail("the directory of the baseline cannot be opened");
	file = openat(directory, "baseline", O_RDWR | O_CLOEXEC);
	if (file < 0 && errno != ENOENT) fail("the baseline cannot be opened");
	if (file < 0) return begin_new();
	unsigned char *bytes = read_whole(file, &length);
	whole = load(bytes, length, &ended);
	free(bytes);
	if (!ended) {
		close(file);
		renameat(directory, "baseline", directory, "baseline.damaged");
		note("the baseline is damaged and was put aside as baseline.damaged; a new one is begun");
		return begin_new();
	}
	if (whole < length && ftruncate(file, (off_t)whole) < 0) fail("the baseline's torn end cannot be cut off");
	if (lseek(file, 0, SEEK_END) < 0) fail("the baseline cannot be written");
}

/* Ends a frame that begins with store_next; it goes out with the next commit. */
void tell_numbered_end(void) {
	uint32_t length;
	const unsigned char *bytes = frame_end(&length);
	if (staged_length + length > staged_room) {
		staged_room = (staged_length + length) * 2;
		staged = realloc(staged, staged_room);
		if (!staged) fail("there is no memory");
	}
	memcpy(staged + staged_length, bytes, length);
	staged_length += length;
	store_next++;
}

void tell_difference(int type, const struct node *node, const char *other, const struct facts *before, const struct facts *after, const struct pending *pending) {
	char path[PATH_BYTES_MAX];
	size_t length = tree_path(node, path), other_length = other ? strlen(other) : 0;
	if (length == 0) return;
	if (pending->how == HOW_SCAN) scan_told();
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
