/* SPDX-License-Identifier: Apache-2.0
 *
 * What takes a right: the socket of the audit, and its status.
 */
#include "audit.h"

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STATUS_INTERVAL_MS 10000
#define RULES_EVERY 6 /* such intervals, and whenever we are asked */
#define OWNERS_BACKLOG 8192 /* a kernel that was told nothing holds 64 records */
#define STATUS_WORDS 11 /* of struct audit_status, behind its mask, and what the rules report of executions */

static int status = -1;

/* A larger buffer than the limit of the machine takes CAP_NET_ADMIN; without it we get what that allows. */
int receive_bytes(int fd, int bytes) {
	int got = 0;
	socklen_t size = sizeof got;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &size);
	return got / 2; /* the kernel counts its own overhead in */
}

/* Outside of the initial network namespace this succeeds, and nothing ever comes. */
int join_group(int *fd, int bytes) {
	int group = AUDIT_NLGRP_READLOG;
	*fd = open_audit();
	int got = receive_bytes(*fd, bytes);
	if (setsockopt(*fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0) fail("the audit's multicast group cannot be joined (it takes CAP_AUDIT_READ)");
	return got;
}

/* Only where nobody is the owner. If an auditd comes, the kernel asks us (AUDIT_REPLACE), and we end: never two that fight. */
int become_owner(int *fd) {
	struct audit_status now, wanted = { .mask = AUDIT_STATUS_PID | AUDIT_STATUS_ENABLED, .enabled = 1, .pid = (uint32_t)getpid() };
	*fd = open_audit();
	int error = request(*fd, AUDIT_GET, NULL);
	if (!error) error = answer(*fd, &now);
	if (!error && now.pid) error = -EEXIST;
	if (!error && now.enabled == 2) wanted.mask = AUDIT_STATUS_PID; /* locked: what is set stays set */
	if (!error && now.enabled != 2 && now.backlog_limit < OWNERS_BACKLOG) {
		wanted.mask |= AUDIT_STATUS_BACKLOG_LIMIT;
		wanted.backlog_limit = OWNERS_BACKLOG;
	}
	if (!error) error = request(*fd, AUDIT_SET, &wanted);
	if (!error) error = answer(*fd, NULL);
	if (!error) return 1;
	fprintf(stderr, "strongroom-audit: not the owner of the audit socket, so the multicast group is read: %s\n", strerror(-error));
	close(*fd);
	return 0;
}

/* What the child tells. */
struct told {
	struct audit_status status;
	uint32_t exec; /* as exec_rules says */
};

/* Answers each octet that we send, and on its own at intervals. */
static void serve_status(int fd, int peer) {
	struct told now = { .exec = EXEC_UNKNOWN };
	for (int round = 0;; round++) {
		struct pollfd ready = { peer, POLLIN, 0 };
		char octets[64];
		int asked = poll(&ready, 1, STATUS_INTERVAL_MS) > 0;
		if (asked && recv(peer, octets, sizeof octets, 0) <= 0) exit(0);
		if (request(fd, AUDIT_GET, NULL) || answer(fd, &now.status)) continue;
		if (asked || round % RULES_EVERY == 0) now.exec = exec_rules(fd);
		if (send(peer, &now, sizeof now, MSG_NOSIGNAL) < 0) exit(0);
	}
}

/* Starts the child that may ask; 0 if it may not, and then nobody does. */
int start_status(uid_t user, gid_t group) {
	struct audit_status now;
	int pair[2], fd = open_audit();
	pid_t parent = getpid();
	int error = request(fd, AUDIT_GET, NULL);
	if (!error) error = answer(fd, &now);
	if (error) {
		fprintf(stderr, "strongroom-audit: the audit's status cannot be read (it takes CAP_AUDIT_CONTROL): %s\n", strerror(-error));
		close(fd);
		return 0;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) fail("there is no pair of sockets");
	pid_t child = fork();
	if (child < 0) fail("there is no process to ask for the status");
	if (child == 0) {
		die_with_parent();
		if (getppid() != parent) exit(0);
		close(pair[0]);
		give_up(CAPABILITY(CAP_AUDIT_CONTROL), user, group);
		die_with_parent();
		serve_status(fd, pair[1]);
	}
	close(pair[1]);
	close(fd);
	status = pair[0];
	ask_status();
	return 1;
}

int status_fd(void) { return status; }

void ask_status(void) {
	if (status >= 0) send(status, "?", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void forward_status(void) {
	struct told told;
	const struct audit_status *now = &told.status;
	ssize_t length = recv(status, &told, sizeof told, MSG_DONTWAIT);
	if (length == 0) {
		close(status);
		status = -1;
		note("the audit's status is no longer read: the process that asks for it ended");
	}
	if (length != (ssize_t)sizeof told) return;
	const uint32_t words[STATUS_WORDS] = {
		now->enabled, now->failure, now->pid, now->rate_limit, now->backlog_limit, now->lost, now->backlog, now->feature_bitmap,
		now->backlog_wait_time, now->backlog_wait_time_actual, told.exec,
	};
	frame_begin(FRAME_STATUS);
	frame_u64(wall_ns());
	for (int i = 0; i < STATUS_WORDS; i++) frame_u32(words[i]);
	frame_send();
}
