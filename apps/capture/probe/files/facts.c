/* SPDX-License-Identifier: Apache-2.0
 *
 * What there is to say of a file: kind, mode, owner, size, and SHA-256 of its content and of its extended attributes.
 * Whatever has no content is never opened: an open can be an act. What is opened is the very file that was looked at.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 18, ATTRIBUTES_BYTES = 1 << 16, ATTRIBUTES_MAX = 1024, STABLE_TRIES = 3 };
#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x80
#endif

uint64_t hashed_bytes;
int scanning;
void (*meanwhile)(void);

static EVP_MD_CTX *hash_begin(void) {
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) fail("SHA-256 is not to be had");
	return context;
}

static void hash_end(EVP_MD_CTX *context, unsigned char *to) {
	EVP_DigestFinal_ex(context, to, NULL);
	EVP_MD_CTX_free(context);
}

/* A scan leaves the page cache to those who work, where the kernel can (6.14). */
static ssize_t read_piece(int fd, void *to, off_t at) {
	static int kind = RWF_DONTCACHE;
	struct iovec piece = { to, PIECE_BYTES };
	if (!scanning || !kind) return pread(fd, to, PIECE_BYTES, at);
	ssize_t count = preadv2(fd, &piece, 1, at, kind);
	if (count >= 0 || errno != EOPNOTSUPP) return count;
	kind = 0;
	return pread(fd, to, PIECE_BYTES, at);
}

/* 0, or an errno. Events are taken in meanwhile. */
int hash_fd(int fd, unsigned char *to) {
	static unsigned char piece[PIECE_BYTES];
	EVP_MD_CTX *context = hash_begin();
	int error = 0;
	for (off_t at = 0;;) {
		ssize_t count = read_piece(fd, piece, at);
		if (count < 0 && errno == EINTR) continue;
		if (count < 0) error = errno;
		if (count <= 0) break;
		EVP_DigestUpdate(context, piece, (size_t)count);
		hashed_bytes += (uint64_t)count;
		at += count;
		meanwhile();
	}
	hash_end(context, to);
	return error;
}

static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Over each name and value, by name: capabilities of a program and access lists are among them. */
static void read_attributes(const char *path, struct facts *to) {
	static char list[ATTRIBUTES_BYTES], value[ATTRIBUTES_BYTES];
	char *names[ATTRIBUTES_MAX];
	size_t count = 0;
	ssize_t length = listxattr(path, list, sizeof list);
	for (ssize_t at = 0; at < length && count < ATTRIBUTES_MAX; at += (ssize_t)strlen(list + at) + 1) names[count++] = list + at;
	to->has_attributes = count > 0;
	if (count == 0) return;
	qsort(names, count, sizeof *names, compare);
	EVP_MD_CTX *context = hash_begin();
	for (size_t i = 0; i < count; i++) {
		ssize_t octets = getxattr(path, names[i], value, sizeof value);
		uint32_t prefix = octets < 0 ? UINT32_MAX : (uint32_t)octets;
		unsigned char big[4] = { (unsigned char)(prefix >> 24), (unsigned char)(prefix >> 16), (unsigned char)(prefix >> 8), (unsigned char)prefix };
		EVP_DigestUpdate(context, names[i], strlen(names[i]) + 1);
		EVP_DigestUpdate(context, big, sizeof big);
		if (octets > 0) EVP_DigestUpdate(context, value, (size_t)octets);
	}
	hash_end(context, to->attributes);
}

static uint8_t kind_of(mode_t mode) {
	switch (mode & S_IFMT) {
	case S_IFREG: return KIND_FILE;
	case S_IFDIR: return KIND_DIRECTORY;
	case S_IFLNK: return KIND_LINK;
	case S_IFIFO: return KIND_FIFO;
	case S_IFSOCK: return KIND_SOCKET;
	case S_IFCHR: return KIND_CHARACTERS;
	case S_IFBLK: return KIND_BLOCKS;
	default: return KIND_OTHER;
	}
}

/* What a descriptor alone tells; 0, or an errno. */
int facts_of(int fd, struct facts *to) {
	struct stat stat;
	if (fstat(fd, &stat) < 0) return errno;
	*to = (struct facts){
		.kind = kind_of(stat.st_mode), .mode = stat.st_mode & 07777, .uid = stat.st_uid, .gid = stat.st_gid,
		.device = (uint64_t)major(stat.st_dev) << 20 | minor(stat.st_dev), .inode = stat.st_ino, .size = (uint64_t)stat.st_size,
		.modified = stat.st_mtim.tv_sec * 1000000000LL + stat.st_mtim.tv_nsec, .changed = stat.st_ctim.tv_sec * 1000000000LL + stat.st_ctim.tv_nsec,
	};
	if (to->kind == KIND_DIRECTORY) to->size = 0; /* says how many names it once had room for */
	return 0;
}

static int untouched(const struct facts *a, const struct facts *b) {
	return a->kind == b->kind && a->device == b->device && a->inode == b->inode && a->size == b->size && a->modified == b->modified && a->changed == b->changed;
}

static void read_link(int fd, struct facts *to) {
	char target[PATH_BYTES_MAX];
	ssize_t length = readlinkat(fd, "", target, sizeof target);
	EVP_MD_CTX *context = hash_begin();
	EVP_DigestUpdate(context, target, length > 0 ? (size_t)length : 0);
	hash_end(context, to->sha256);
	to->content = CONTENT_HASHED;
}

/* A file that is written while it is read is read again, a few times. */
static void read_file(const char *path, struct facts *to) {
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int error = fd < 0 ? errno : 0;
	struct facts after = *to;
	for (int i = 0; i < STABLE_TRIES && !error; i++) {
		struct facts before = after;
		error = hash_fd(fd, to->sha256);
		if (!error) error = facts_of(fd, &after);
		if (!error && untouched(&before, &after)) break;
	}
	if (fd >= 0) close(fd);
	to->content = error ? CONTENT_UNREADABLE : CONTENT_HASHED;
	to->error = (uint16_t)error;
	to->size = after.size;
	to->modified = after.modified;
	to->changed = after.changed;
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

/* Of a name in a directory; 0, or an errno. What `known` tells is not read again where nothing was touched, unless `deep`. */
int facts_read(int directory, const char *name, const struct facts *known, int deep, struct facts *to) {
	char path[64];
	int fd = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int error = fd < 0 ? errno : facts_of(fd, to);
	if (!error && known && !deep && untouched(known, to) && known->content != CONTENT_UNREADABLE) {
		to->content = known->content;
		to->has_attributes = known->has_attributes;
		memcpy(to->sha256, known->sha256, HASH_BYTES);
		memcpy(to->attributes, known->attributes, HASH_BYTES);
	} else if (!error) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		if (to->kind == KIND_LINK) read_link(fd, to);
		else read_attributes(path, to);
		if (to->kind == KIND_FILE) read_file(path, to);
	}
	if (fd >= 0) close(fd);
	return error;
}

/* Whether there is no difference to tell of. Times and device numbers change with what is no change of a file. */
int facts_same(const struct facts *a, const struct facts *b) {
	return a->kind == b->kind && a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && a->inode == b->inode && a->size == b->size &&
		a->content == b->content && (a->content != CONTENT_HASHED || memcmp(a->sha256, b->sha256, HASH_BYTES) == 0) &&
		a->has_attributes == b->has_attributes && (!a->has_attributes || memcmp(a->attributes, b->attributes, HASH_BYTES) == 0);
}

static void digest_number(EVP_MD_CTX *context, uint64_t value, int octets) {
	unsigned char bytes[8];
	for (int i = 0; i < octets; i++) bytes[i] = (unsigned char)(value >> (8 * (octets - 1 - i)));
	EVP_DigestUpdate(context, bytes, (size_t)octets);
}

static void digest_node(EVP_MD_CTX *context, struct node *node, uint64_t *count) {
	static const unsigned char none[HASH_BYTES];
	char path[PATH_BYTES_MAX];
	size_t length = tree_path(node, path), children;
	const struct facts *facts = &node->facts;
	if (node->known && length > 0) {
		digest_number(context, length, 2);
		EVP_DigestUpdate(context, path, length);
		digest_number(context, facts->kind, 1);
		digest_number(context, facts->mode, 4);
		digest_number(context, facts->uid, 4);
		digest_number(context, facts->gid, 4);
		digest_number(context, facts->inode, 8);
		digest_number(context, facts->size, 8);
		EVP_DigestUpdate(context, facts->content == CONTENT_HASHED ? facts->sha256 : none, HASH_BYTES);
		EVP_DigestUpdate(context, facts->has_attributes ? facts->attributes : none, HASH_BYTES);
		++*count;
	}
	struct node **all = tree_sorted(node, &children);
	for (size_t i = 0; i < children; i++) digest_node(context, all[i], count);
	free(all);
}

/* Over the whole baseline: docs/FORMAT.md, "File integrity". */
void facts_digest(unsigned char *to, uint64_t *count) {
	EVP_MD_CTX *context = hash_begin();
	*count = 0;
	digest_node(context, top, count);
	hash_end(context, to);
}
