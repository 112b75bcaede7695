/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of the watched trees, in memory: one node for each name, from "/" downwards. A name is found by its parent,
 * a watched directory by the handle that events bear.
 *
 * A node that is forgotten stays where it is, marked as gone, until nobody can hold it any more (tree_sweep).
 */
#include "files.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS (1 << 18)

static struct node *by_name[BUCKETS], *by_handle[BUCKETS], *dead;
struct node *top;
uint64_t entries, watched_directories;

static uint32_t mix(uint64_t hash, const void *bytes, size_t length) {
	const unsigned char *at = bytes;
	for (size_t i = 0; i < length; i++) hash = (hash ^ at[i]) * 1099511628211u;
	return (uint32_t)(hash ^ hash >> 29) % BUCKETS;
}

static uint32_t bucket_of(const struct node *parent, const char *name, size_t length) { return mix((uintptr_t)parent, name, length); }

static void link_child(struct node *node, struct node *parent) {
	uint32_t bucket = bucket_of(parent, node->name, strlen(node->name));
	node->parent = parent;
	node->previous = NULL;
	node->next = parent->children;
	if (node->next) node->next->previous = node;
	parent->children = node;
	node->by_name = by_name[bucket];
	by_name[bucket] = node;
}

static void unlink_child(struct node *node) {
	struct node **at = &by_name[bucket_of(node->parent, node->name, strlen(node->name))];
	while (*at != node) at = &(*at)->by_name;
	*at = node->by_name;
	if (node->next) node->next->previous = node->previous;
	if (node->previous) node->previous->next = node->next;
	else node->parent->children = node->next;
}

static struct node *make_node(const char *name, size_t length) {
	struct node *node = entries < ENTRIES_MAX ? calloc(1, sizeof *node + length + 1) : NULL;
	if (!node) return NULL;
	memcpy(node->name, name, length);
	entries++;
	return node;
}

/* NULL when there is none, or no room for one more. */
struct node *tree_child(struct node *parent, const char *name, size_t length, int make) {
	for (struct node *node = by_name[bucket_of(parent, name, length)]; node; node = node->by_name)
		if (node->parent == parent && strncmp(node->name, name, length) == 0 && node->name[length] == 0) return node;
	struct node *node = make ? make_node(name, length) : NULL;
	if (node) link_child(node, parent);
	return node;
}

/* The node of an absolute path. */
struct node *tree_at(const char *path, int make) {
	if (!top) top = make_node("", 0);
	struct node *node = top;
	while (node && *path) {
		size_t length = strcspn(path, "/");
		if (length > 0) node = tree_child(node, path, length, make);
		path += length + (path[length] == '/');
	}
	return node;
}

/* Writes the path, ended by 0; octets without that, or 0 when it is too long. */
size_t tree_path(const struct node *node, char *to) {
	char reversed[PATH_BYTES_MAX];
	size_t at = sizeof reversed - 1;
	reversed[at] = 0;
	for (; node->parent; node = node->parent) {
		size_t length = strlen(node->name);
		if (length + 1 > at) return 0;
		memcpy(reversed + (at -= length), node->name, length);
		reversed[--at] = '/';
	}
	if (at == sizeof reversed - 1) reversed[--at] = '/';
	memcpy(to, reversed + at, sizeof reversed - at);
	return sizeof reversed - 1 - at;
}

/* The uppermost watched directory that it is in, or NULL. */
struct node *tree_root_of(struct node *node) {
	struct node *root = NULL;
	for (; node; node = node->parent) if (node->root) root = node;
	return root;
}

/* Whether a baseline was taken there before, so that what is new is news. */
int tree_is_taken(struct node *node) {
	struct node *root = tree_root_of(node);
	return root && root->taken;
}

static void unset_handle(struct node *node) {
	if (!node->handle) return;
	struct node **at = &by_handle[mix(0, node->handle->bytes, node->handle->length)];
	while (*at != node) at = &(*at)->by_handle;
	*at = node->by_handle;
	free(node->handle);
	node->handle = NULL;
	watched_directories--;
}

void tree_set_handle(struct node *node, const unsigned char *bytes, uint32_t length) {
	unset_handle(node);
	struct handle *handle = malloc(sizeof *handle + length);
	if (!handle) fail("there is no memory");
	handle->length = length;
	memcpy(handle->bytes, bytes, length);
	node->handle = handle;
	uint32_t bucket = mix(0, bytes, length);
	node->by_handle = by_handle[bucket];
	by_handle[bucket] = node;
	watched_directories++;
}

struct node *tree_by_handle(const unsigned char *bytes, uint32_t length) {
	for (struct node *node = by_handle[mix(0, bytes, length)]; node; node = node->by_handle)
		if (node->handle->length == length && memcmp(node->handle->bytes, bytes, length) == 0) return node;
	return NULL;
}

/* It, and all below it, are no part of the tree any more. */
void tree_forget(struct node *node) {
	while (node->children) tree_forget(node->children);
	unset_handle(node);
	look_never(node);
	if (node->root || !node->parent) { /* what is asked for stays asked for */
		node->known = 0;
		return;
	}
	unlink_child(node);
	node->gone = 1;
	node->dead = dead;
	dead = node;
	entries--;
}

/* To be called where nothing but what waits holds a node. */
void tree_sweep(void) {
	for (struct node **at = &dead; *at;) {
		struct node *node = *at;
		if (node->held > 0) {
			at = &node->dead;
			continue;
		}
		*at = node->dead;
		free(node);
	}
}

/* A node keeps its handle and what is below it; its name is a part of it, so a new one takes its place. */
void tree_move(struct node *node, struct node *parent, const char *name) {
	size_t length = strlen(name);
	for (struct node *above = parent; above; above = above->parent) if (above == node) return; /* never into itself */
	struct node *old = tree_child(parent, name, length, 0);
	if (old && old != node) tree_forget(old);
	struct node *moved = tree_child(parent, name, length, 1);
	if (!moved || moved == node) return;
	moved->facts = node->facts;
	moved->known = node->known;
	moved->seen = node->seen;
	if (node->handle) tree_set_handle(moved, node->handle->bytes, node->handle->length);
	while (node->children) {
		struct node *child = node->children;
		unlink_child(child);
		link_child(child, moved);
	}
	tree_forget(node);
}

static int compare(const void *a, const void *b) { return strcmp((*(struct node *const *)a)->name, (*(struct node *const *)b)->name); }

/* Its children by the octets of their names; to be freed. */
struct node **tree_sorted(struct node *parent, size_t *count) {
	size_t total = 0;
	for (struct node *child = parent->children; child; child = child->next) total++;
	struct node **all = malloc((total + 1) * sizeof *all);
	if (!all) fail("there is no memory");
	*count = 0;
	for (struct node *child = parent->children; child; child = child->next) all[(*count)++] = child;
	qsort(all, total, sizeof *all, compare);
	return all;
}
