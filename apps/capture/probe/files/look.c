/* SPDX-License-Identifier: Apache-2.0
 *
 * From "something happened to this name" to what is different: after a short wait the entry is looked at anew, held against
 * what is known, and the difference is told. What happened and was undone within the wait leaves none.
 */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MS 1000000u
enum { TRIES_MAX = 20, AT_ONCE = 256 };
/* Until it is looked at: after what is over; after it was made and is perhaps still open; while it is written and not closed. */
static const uint64_t delays[WAITS] = { 200 * (uint64_t)MS, 2000 * (uint64_t)MS, 60000 * (uint64_t)MS };
static struct pending *first[WAITS], *last[WAITS];
uint64_t waiting, waiting_of_scan;

static void append(struct pending *pending, int wait) {
	pending->wait = (uint8_t)wait;
	pending->due = steady_ns() + delays[wait];
	pending->next = NULL;
	pending->previous = last[wait];
	if (last[wait]) last[wait]->next = pending;
	else first[wait] = pending;
	last[wait] = pending;
}

static void detach(struct pending *pending) {
	if (pending->next) pending->next->previous = pending->previous;
	else last[pending->wait] = pending->previous;
	if (pending->previous) pending->previous->next = pending->next;
	else first[pending->wait] = pending->next;
}

static void discard(struct pending *pending) {
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
		detach(pending);
		append(pending, wait);
		return pending;
	}
	pending = node->pending = calloc(1, sizeof *pending);
	if (!pending) fail("there is no memory");
	pending->node = node;
	pending->how = (uint8_t)how;
	waiting++;
	waiting_of_scan += how == HOW_SCAN;
	append(pending, wait);
	return pending;
}

void look_never(struct node *node) {
	struct pending *pending = node->pending;
	if (!pending) return;
	node->pending = NULL;
	detach(pending);
	discard(pending);
}

/* How long until the next is due; -1: nothing waits. */
int look_wait_ms(void) {
	uint64_t now = steady_ns(), due = UINT64_MAX;
	for (int wait = 0; wait < WAITS; wait++) if (first[wait] && first[wait]->due < due) due = first[wait]->due;
	if (due == UINT64_MAX) return -1;
	return due <= now ? 0 : (int)((due - now) / MS) + 1;
}

/* The very directory that is known by this node, or -1: it has another name by now, and we shall hear of that. */
int open_directory(struct node *node) {
	char path[PATH_BYTES_MAX];
	if (tree_path(node, path) == 0) return -1;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || watch_is(node, fd)) return fd;
	close(fd);
	return -1;
}

/* The directory that is there now by this name, whichever it is; -1: none. */
int open_directory_anew(struct node *node) {
	int above = open_directory(node->parent);
	int fd = above < 0 ? -1 : openat(above, node->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct facts facts;
	if (above >= 0) close(above);
	if (fd < 0 || (facts_of(fd, &facts) == 0 && !is_home(&facts))) return fd;
	close(fd);
	return -1;
}

/* What is in a directory that is new to us: events of it begin with its mark, so some of it may have come before. */
void list_directory(struct node *node, int fd) {
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = again < 0 ? NULL : fdopendir(again);
	if (!list) return;
	for (struct dirent *entry; (entry = readdir(list));) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
		struct node *child = tree_child(node, entry->d_name, strlen(entry->d_name), 1);
		if (child && !child->known) look_later(child, WAIT_SHORT, HOW_DIRECTORY);
	}
	closedir(list);
}

/* It and all below it are gone: told from below. */
static void removed(struct node *node, const struct pending *pending) {
	for (struct node *child = node->children, *next; child; child = next) {
		next = child->next;
		removed(child, pending);
	}
	if (node->known) tell_difference(TYPE_REMOVED, node, NULL, &node->facts, NULL, pending);
	tree_forget(node);
}

static void enter(struct node *node, int directory) {
	int fd = openat(directory, node->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) return;
	watch_directory(node, fd);
	list_directory(node, fd);
	close(fd);
}

/* The same file under another name, and nothing was there before: it takes along what is known of it. */
static struct node *renamed(struct node *node, const struct facts *now, const struct pending *pending) {
	struct node *from = pending->from, *parent = node->parent, *old_parent = from->parent;
	char to[PATH_BYTES_MAX];
	int again = node->pending != NULL;
	if (tree_path(node, to) == 0) return node;
	tell_difference(TYPE_RENAMED, from, to, &from->facts, now, pending);
	tree_move(from, parent, node->name); /* forgets both nodes, and leaves their names readable */
	struct node *old = tree_child(old_parent, from->name, strlen(from->name), 1);
	if (old) look_later(old, WAIT_SHORT, pending->how); /* another file may be there by now */
	struct node *moved = tree_child(parent, node->name, strlen(node->name), 1);
	if (moved && again) look_later(moved, WAIT_SHORT, HOW_EVENT);
	return moved;
}

static void differs(struct node *node, int directory, const struct facts *now, const struct pending *pending) {
	struct node *from = pending->from;
	int same = from && !from->gone && from->known && from->facts.inode == now->inode && from->facts.kind == now->kind;
	if (node->known && node->facts.kind == KIND_DIRECTORY && (now->kind != KIND_DIRECTORY || node->facts.inode != now->inode)) {
		for (struct node *child = node->children, *next; child; child = next) {
			next = child->next;
			removed(child, pending);
		}
	}
	char other[PATH_BYTES_MAX];
	if (!node->known && same) node = renamed(node, now, pending);
	else if (!node->known && (tree_is_taken(node) || pending->created)) tell_difference(TYPE_CREATED, node, NULL, NULL, now, pending);
	else if (node->known && !facts_same(&node->facts, now))
		tell_difference(TYPE_CHANGED, node, same && tree_path(from, other) > 0 ? other : NULL, &node->facts, now, pending);
	if (!node) return;
	node->facts = *now;
	node->known = 1;
	if (now->kind == KIND_DIRECTORY && !is_home(now)) enter(node, directory);
}

static void look(struct pending *pending) {
	struct node *node = pending->node;
	struct facts now;
	int directory = open_directory(node->parent);
	if (directory < 0 && pending->tries < TRIES_MAX) {
		pending->tries++;
		return append(pending, WAIT_SHORT);
	}
	node->pending = NULL; /* events come in while it is read: what they tell is for the next look */
	int error = directory < 0 ? ESTALE : facts_read(directory, node->name, node->known ? &node->facts : NULL, pending->deep, &now);
	if (!error) differs(node, directory, &now, pending);
	else if (error == ENOENT && directory >= 0) removed(node, pending);
	else if (!node->known) tree_forget(node);
	if (directory >= 0) close(directory);
	discard(pending);
}

/* A few of those that are due, as long as what they tell finds room. */
void look_due(void) {
	uint64_t now = steady_ns();
	int count = 0;
	for (int wait = 0; wait < WAITS; wait++) {
		while (first[wait] && first[wait]->due <= now && count < AT_ONCE && line_has_room()) {
			struct pending *pending = first[wait];
			detach(pending);
			look(pending);
			count++;
		}
	}
}
