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

enum { TRIES_MAX = 20, AT_ONCE = 256 };

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
static void list_directory(struct node *node, int fd) {
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

void look_mark(struct node *node, int fd) { mark_below(node, fd, 0); }

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
		return pending_append(pending, WAIT_SHORT);
	}
	node->pending = NULL; /* events come in while it is read: what they tell is for the next look */
	int error = directory < 0 ? ESTALE : facts_read(directory, node->name, node->known ? &node->facts : NULL, pending->deep, &now);
	if (!error) differs(node, directory, &now, pending);
	else if (error == ENOENT && directory >= 0) removed(node, pending);
	else if (!node->known) tree_forget(node);
	if (directory >= 0) close(directory);
	pending_discard(pending);
}

/* A few of those that are due, as long as what they tell finds room. */
void look_due(void) {
	uint64_t now = steady_ns();
	struct pending *pending;
	for (int count = 0; count < AT_ONCE && line_has_room() && (pending = pending_due(now)); count++) {
		pending_detach(pending);
		look(pending);
	}
}
