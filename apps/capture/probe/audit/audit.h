/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STRONGROOM_AUDIT_H
#define STRONGROOM_AUDIT_H
#define _GNU_SOURCE
#include "../reader.h"

#include <linux/audit.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <sys/types.h>

enum { MESSAGE_BYTES_MAX = 16384, PLUGIN_BYTES_MAX = 65536, FRAME_BYTES_MAX = 2 << 20 };
enum { FRAME_HELLO, FRAME_RECORDS, FRAME_LINES, FRAME_LOST, FRAME_STATUS, FRAME_NOTE };
enum { PATH_MULTICAST, PATH_PLUGIN, PATH_OWNER };
enum { FLAG_DRAINED = 1, FLAG_AGAIN = 2 };
enum { EXEC_UNKNOWN, EXEC_NONE, EXEC_SOME, EXEC_ALL }; /* how many executions the rules report */
enum { EXIT_USAGE = 2, EXIT_REPLACED = 75 };

struct options {
	const char *socket;
	int plugin, own, receive_bytes;
	uid_t user;
	gid_t group; /* -1: stay who we are */
};
static inline uint64_t steady_ns(void) { return clock_ns(CLOCK_MONOTONIC); }
static inline uint64_t wall_ns(void) { return clock_ns(CLOCK_REALTIME); }

/* Of the files below each calls those before it alone. */

/* line.c */
void frame_begin(uint8_t kind);
void frame_u8(uint8_t value);
void frame_u16(uint16_t value);
void frame_u32(uint32_t value);
void frame_u64(uint64_t value);
void frame_bytes(const void *bytes, uint32_t length);
void frame_keep(void);
void frame_send(void);
void line_hello(uint8_t path, uint64_t received_bytes, int status);
void line_ensure(const char *path);
void line_lost(void);
int line_fd(void);

/* netlink.c */
int open_audit(void);
int request(int fd, uint16_t type, const struct audit_status *body);
ssize_t receive(int fd, void *message, size_t size);
int answer(int fd, struct audit_status *into);

/* rules.c */
uint32_t exec_rules(int fd);

/* kernel.c */
int join_group(int *fd, int bytes);
int receive_bytes(int fd, int bytes);
int become_owner(int *fd);
int start_status(uid_t user, gid_t group);
int status_fd(void);
void ask_status(void);
void forward_status(void);
#endif
