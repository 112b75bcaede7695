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

enum { OUT_BYTES = 1 << 16 };
#define APPENDED_MAX (64u << 20)

static int directory = -1, file = -1;
static unsigned char *staged;
static size_t staged_length, staged_room, appended;

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

/* Makes durable what was told since, and sends it. Whether so much was appended that a scan shall write all anew. */
int store_commit(void) {
	if (staged_length == 0) return 0;
	keep_staged();
	append_staged();
	if (appended <= APPENDED_MAX) return 0;
	appended = 0;
	return 1;
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
	whole = store_load(bytes, length, &ended);
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
