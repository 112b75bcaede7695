/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STRONGROOM_FILES_H
#define STRONGROOM_FILES_H
#define _GNU_SOURCE
#include "../reader.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { HASH_BYTES = 32, NAME_BYTES_MAX = 255, PATH_BYTES_MAX = 4096, ENTRIES_MAX = 1 << 21, DEPTH_MAX = 256, PIDS_MAX = 8 };
enum { FRAME_HELLO, FRAME_DIFFERENCE, FRAME_SCAN, FRAME_EXECUTABLE, FRAME_LOST, FRAME_NOTE, FRAME_COUNTS, FRAME_MOUNT };
enum { TYPE_CREATED, TYPE_CHANGED, TYPE_REMOVED, TYPE_RENAMED };
enum { HOW_EVENT, HOW_DIRECTORY, HOW_SCAN };
enum { KIND_OTHER, KIND_FILE, KIND_DIRECTORY, KIND_LINK, KIND_FIFO, KIND_SOCKET, KIND_CHARACTERS, KIND_BLOCKS };
enum { CONTENT_NONE, CONTENT_HASHED, CONTENT_UNREADABLE };
enum { REASON_START, REASON_SCHEDULE, REASON_OVERFLOW };
enum { LOST_EVENTS, LOST_EXECUTABLES_OVERFLOW, LOST_EXECUTABLES };
enum { MOUNT_WATCHED, MOUNT_GONE, MOUNT_HASHED, MOUNT_NOT_HASHED };
/* Frames of the baseline on disk, beside numbered ones. */
enum { BEGIN = 100, ENTRY, END, VERSION = 1, PREFIX_BYTES = 4 };
/* How long an entry waits before it is looked at: what else happens to it meanwhile is seen at once with it. */
enum { WAIT_SHORT, WAIT_OPEN, WAIT_WRITTEN, WAITS };

struct options {
	const char *socket, *state, *home;
	const char *roots[256];
	int root_count, every_seconds, executables;
};

struct facts {
	uint8_t kind, content, has_attributes;
	uint16_t error; /* of a content that is unreadable */
	uint32_t mode, uid, gid;
	uint64_t device, inode, size;
	int64_t modified, changed; /* ns */
	unsigned char sha256[HASH_BYTES], attributes[HASH_BYTES];
};

struct process {
	uint32_t pid;
	uint64_t started; /* ns since boot, to a clock tick; 0: it was gone */
};

/* An entry that something may have happened to. */
struct pending {
	struct node *node, *from; /* from: what had another name before */
	struct pending *next, *previous;
	uint64_t due;
	uint8_t wait, how, deep, created, tries, process_count;
	struct process processes[PIDS_MAX];
};

struct handle {
	uint32_t length;
	unsigned char bytes[]; /* of the file system, then of the directory */
};

struct node {
	struct node *parent, *children, *next, *previous, *by_name, *by_handle, *dead;
	struct pending *pending;
	struct handle *handle; /* of a directory that is watched */
	struct facts facts;
	uint32_t seen, held; /* held: so many pending ones name it as what they were */
	uint8_t known, root, taken, gone; /* known: a part of the baseline; taken: of a root, it was scanned before */
	char name[];
};

struct mount {
	uint64_t device;
	uint32_t id;
	int executes; /* what is executed by this path */
	char path[PATH_BYTES_MAX];
};

static inline uint64_t steady_ns(void) { return clock_ns(CLOCK_BOOTTIME); }
static inline uint64_t wall_ns(void) { return clock_ns(CLOCK_REALTIME); }

/* Of the files below each calls those before it alone. What has to go the other way is a pointer that files.c sets. */

/* options.c */
extern struct options options;
void options_read(int argc, char **argv);

/* process.c */
uint64_t process_started(uint32_t pid);

/* pending.c */
struct pending *look_later(struct node *node, int wait, int how);
void look_never(struct node *node);
int look_wait_ms(void);
struct pending *pending_due(uint64_t now);
void pending_append(struct pending *pending, int wait);
void pending_detach(struct pending *pending);
void pending_discard(struct pending *pending);
extern uint64_t waiting, waiting_of_scan;

/* tree.c */
extern struct node *top;
extern uint64_t entries, watched_directories;
struct node *tree_child(struct node *parent, const char *name, size_t length, int make);
struct node *tree_at(const char *path, int make);
size_t tree_path(const struct node *node, char *to);
struct node *tree_root_of(struct node *node);
int tree_is_taken(struct node *node);
void tree_move(struct node *node, struct node *parent, const char *name);
void tree_forget(struct node *node);
void tree_sweep(void);
void tree_set_handle(struct node *node, const unsigned char *bytes, uint32_t length);
struct node *tree_by_handle(const unsigned char *bytes, uint32_t length);
struct node **tree_sorted(struct node *parent, size_t *count);

/* facts.c */
int facts_read(int directory, const char *name, const struct facts *known, int deep, struct facts *to);
int facts_of(int fd, struct facts *to);
int facts_same(const struct facts *a, const struct facts *b);
void facts_digest(unsigned char *to, uint64_t *count);
int hash_fd(int fd, unsigned char *to);
int is_home(const struct facts *facts);
extern uint64_t hashed_bytes;
extern int scanning; /* a scan goes on, which leaves the page cache to others */
extern void (*meanwhile)(void); /* called between two pieces of a file that is being hashed */

/* line.c */
void frame_begin(uint8_t kind);
void frame_number(uint64_t value, int octets);
void frame_bytes(const void *bytes, size_t length);
void frame_facts(const struct facts *facts);
const unsigned char *frame_end(uint32_t *length);
void frame_send(void);
void line_put(const unsigned char *bytes, uint32_t length);
void line_keep(const unsigned char *bytes, uint32_t length);
uint32_t line_kept(int half, const unsigned char **bytes);
int line_has_room(void);
void line_turn(void);
int line_fd(void);
int line_was_there(void);
int line_wants_out(void);
extern void (*line_hello)(void); /* sends the first frame of a line */
extern void (*line_anew)(void); /* a capture is there that may know nothing */

/* load.c */
extern uint64_t store_next, store_id, store_digest_number, store_deep_at;
extern unsigned char store_digest[HASH_BYTES];
size_t store_load(const unsigned char *bytes, size_t length, int *ended);

/* store.c */
void store_open(void);
int store_commit(void);
void store_snapshot(uint64_t scan_number, int deep, const unsigned char *digest);
void tell_numbered_end(void);

/* tell.c */
extern uint64_t scan_differences; /* that the scan which goes on has found */
void tell_difference(int type, const struct node *node, const char *to, const struct facts *before, const struct facts *after, const struct pending *pending);
void tell_mount(int what, int error, uint64_t device, const char *path);
void tell_lost(int what, uint64_t count, uint64_t from);

/* schedule.c */
void scan_want(int reason);
int scan_wait_ms(void);
void scan_take(int *reason, int *deep);

/* watch.c */
void watch_open(void);
int watch_fd(void);
void watch_directory(struct node *node, int fd);
int watch_is(const struct node *node, int fd);
int watch_read(void);
extern uint64_t events_read;

/* look.c */
void look_due(void);
int open_directory(struct node *node);
int open_directory_anew(struct node *node);
void look_mark(struct node *node, int fd);

/* mounts.c */
int mounts_open(void);
void mounts_each(int fd, void (*take)(const struct mount *));
int mounts_fd(void);
void mounts_read(void);

/* marker.c */
void marker_start(int executables);
int marker_fd(void);
void marker_read(void);

/* exec.c */
void executables_open(void);
int executables_fd(void);
int executables_read(void);
void executables_again(void);
extern uint64_t executables_told;

/* turn.c */
int shorter(int a, int b);
void breathe(int wait_ms);

/* scan.c */
void scan_roots(void);
void scan_if_due(void);
void scan_throttle(void);
#endif
