/* SPDX-License-Identifier: Apache-2.0
 *
 * Which file systems are mounted where, as the kernel lists it (proc(5), /proc/self/mountinfo), and what becomes of a watched
 * tree when that changes: what is mounted within it hides what was there, has marks at once, and is looked at; what is
 * unmounted shows what was there before. Both are told.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 16, CONCERNED_MAX = 4096 };

struct concerned { struct mount mount; uint32_t round; };

static struct concerned *all[CONCERNED_MAX]; /* mounts within a watched tree, or around one */
static int count, list = -1;
static uint32_t round_number;

int mounts_open(void) { return open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC); }

/* A blank, a tab, a line's end and a backslash stand as three octal digits. */
static void unescape(char *path) {
	char *to = path;
	for (const char *from = path; *from; from++, to++) {
		int is_octal = from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' && from[2] <= '7' && from[3] >= '0' && from[3] <= '7';
		*to = is_octal ? (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0')) : *from;
		if (is_octal) from += 3;
	}
	*to = 0;
}

static void take_line(char *line, void (*take)(const struct mount *)) {
	static char escaped[4 * PATH_BYTES_MAX];
	char options[512];
	unsigned int id, first, second;
	struct mount mount;
	if (sscanf(line, "%u %*u %u:%u %*s %16383s %511s", &id, &first, &second, escaped, options) != 5) return;
	unescape(escaped);
	if (strlen(escaped) >= sizeof mount.path) return;
	strcpy(mount.path, escaped);
	mount.id = id;
	mount.device = (uint64_t)first << 20 | second;
	mount.executes = strstr(options, "noexec") == NULL;
	take(&mount);
}

/* Each mount that there is. It allocates nothing, and calls the kernel by lseek and read alone (marker.c). */
void mounts_each(int fd, void (*take)(const struct mount *)) {
	static char text[PIECE_BYTES + 1];
	size_t length = 0;
	if (lseek(fd, 0, SEEK_SET) < 0) return;
	for (ssize_t got; (got = read(fd, text + length, PIECE_BYTES - length)) > 0;) {
		length += (size_t)got;
		text[length] = 0;
		char *line = text;
		for (char *end; (end = strchr(line, '\n')); line = end + 1) {
			*end = 0;
			take_line(line, take);
		}
		length -= (size_t)(line - text);
		memmove(text, line, length);
		if (length == PIECE_BYTES) length = 0; /* no line is so long */
	}
}

/* The octets that both have, if one of them is the other or a directory above it; else 0. */
static size_t shared(const char *a, const char *b) {
	size_t shorter = strlen(a) < strlen(b) ? strlen(a) : strlen(b);
	if (strncmp(a, b, shorter) != 0) return 0;
	return a[shorter] == b[shorter] || a[shorter] == '/' || b[shorter] == '/' || shorter == 1 ? shorter : 0;
}

static void look_below(struct node *node) {
	if (node->known) look_later(node, WAIT_SHORT, HOW_DIRECTORY);
	for (struct node *child = node->children; child; child = child->next) look_below(child);
}

/* At or below `path` in this tree all may be another; the upper is looked at first. */
static void changed(const char *root, const char *path) {
	struct node *node = tree_at(strlen(path) > strlen(root) ? path : root, 0);
	if (!node) return; /* it is not known yet, and will be seen as it is now */
	look_later(node, WAIT_SHORT, HOW_DIRECTORY);
	int fd = open_directory_anew(node);
	if (fd >= 0) {
		look_mark(node, fd);
		close(fd);
	}
	look_below(node);
}

static void tell(const struct mount *mount, int what) {
	for (int i = 0; i < options.root_count; i++) if (shared(options.roots[i], mount->path) > 0) changed(options.roots[i], mount->path);
	tell_mount(what, 0, mount->device, mount->path);
}

static int concerns(const struct mount *mount) {
	for (int i = 0; i < options.root_count; i++) if (shared(options.roots[i], mount->path) > 0) return 1;
	return 0;
}

static void take(const struct mount *mount) {
	if (!concerns(mount)) return;
	for (int i = 0; i < count; i++) {
		const struct mount *known = &all[i]->mount;
		if (known->id != mount->id || known->device != mount->device || strcmp(known->path, mount->path) != 0) continue;
		all[i]->round = round_number;
		return;
	}
	if (count == CONCERNED_MAX) return;
	struct concerned *new = malloc(sizeof *new);
	if (!new) fail("there is no memory");
	new->mount = *mount;
	new->round = round_number;
	all[count++] = new;
	if (round_number > 1) tell(mount, MOUNT_WATCHED);
}

static void forget_others(void) {
	for (int i = 0; i < count; i++) {
		if (all[i]->round == round_number) continue;
		struct concerned *old = all[i];
		all[i--] = all[--count];
		tell(&old->mount, MOUNT_GONE);
		free(old);
	}
}

int mounts_fd(void) { return list; }

/* What is mounted is compared with what was: at first there is nothing to compare. */
void mounts_read(void) {
	if (list < 0) list = mounts_open();
	if (list < 0) return note("what is mounted later is seen by scans alone: %s", strerror(errno));
	round_number++;
	mounts_each(list, take);
	forget_others();
}
