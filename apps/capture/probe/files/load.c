/* SPDX-License-Identifier: Apache-2.0
 *
 * What the baseline on disk says (store.c), taken into the tree.
 */
#include "files.h"

#include <string.h>

uint64_t store_next = 1, store_id, store_digest_number, store_deep_at;
unsigned char store_digest[HASH_BYTES];

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
size_t store_load(const unsigned char *bytes, size_t length, int *ended) {
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
