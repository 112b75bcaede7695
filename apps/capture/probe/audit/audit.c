/* SPDX-License-Identifier: Apache-2.0
 *
 * strongroom-audit: moves audit records from the kernel to capture, and knows what it could not move.
 *
 *   strongroom-audit SOCKET [--own] [--user UID:GID] [--receive-bytes N]     from the kernel's multicast group
 *   strongroom-audit SOCKET --plugin[=UID:GID]                               from auditd, on the standard input; it passes two arguments on
 *
 * It opens what it needs, gives up every capability, and then only copies: into frames, docs/FORMAT.md "Between our
 * processes". While capture is away or does not read, nothing is read here, and the kernel's buffer holds; what did not fit
 * there the kernel counts, and we report. Frames of records are kept for a while, and sent again to a capture that was
 * restarted: it knows by their serials which of them it has.
 *
 * Reading the kernel's status takes CAP_AUDIT_CONTROL each time, so a child does that: it keeps that one capability, listens
 * to nobody but us, and asks.
 */
#include "audit.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define RECORDS_AT_ONCE 256
#define RECEIVE_BYTES (32 << 20)      /* some 40,000 records */
#define SMALL_RECEIVE_BYTES (4 << 20) /* with less there is no time to rest */
#define REST_NS 50000000L             /* before each reading: each wakes us and capture, which costs more than what is read */
#define SHORT_REST_NS 500000L
#define QUIET_MS 2500                 /* then say that nothing more came: events without an end are over, */
#define QUIET_TIMES 3                 /* and what is missing will not come */

static unsigned char messages[RECORDS_AT_ONCE][MESSAGE_BYTES_MAX];
static struct mmsghdr headers[RECORDS_AT_ONCE];
static struct iovec vectors[RECORDS_AT_ONCE];
static int kernel = -1, owner;
static uint32_t dropped;
static uint64_t whole_until; /* nothing is known to be missing before */

/* How many records the kernel could not put into our buffer, told as soon as that has risen. */
static void report_lost(void) {
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t size = sizeof info;
	uint64_t now = wall_ns();
	memset(info, 0, sizeof info);
	if (getsockopt(kernel, SOL_SOCKET, SO_MEMINFO, info, &size) == 0 && info[SK_MEMINFO_DROPS] != dropped) {
		frame_begin(FRAME_LOST);
		frame_u64(whole_until);
		frame_u64(now);
		frame_u64(info[SK_MEMINFO_DROPS] - dropped);
		frame_send();
		dropped = info[SK_MEMINFO_DROPS];
	}
	whole_until = now;
}

/* One frame of what is there. `quiet`: also if nothing is. Returns how many records it holds. */
static int move_records(int quiet) {
	int count = recvmmsg(kernel, headers, RECORDS_AT_ONCE, MSG_DONTWAIT, NULL);
	if (count < 0 && errno == ENOBUFS) {
		report_lost();
		return RECORDS_AT_ONCE; /* what was there before is still there */
	}
	if (count < 0 && errno != EAGAIN && errno != EINTR) fail("records of the kernel cannot be read");
	if (count < 0) count = 0;
	int drained = count < RECORDS_AT_ONCE;
	if (count == 0 && !quiet) return 0;
	frame_begin(FRAME_RECORDS);
	frame_u64(steady_ns());
	frame_u64(wall_ns());
	frame_u8(drained ? FLAG_DRAINED : 0);
	for (int i = 0; i < count; i++) {
		const struct nlmsghdr *header = (const void *)messages[i];
		/* The length in a header means one thing by multicast and another by unicast: what arrived is what counts. */
		uint32_t length = headers[i].msg_len;
		if (length < NLMSG_HDRLEN || ((struct sockaddr_nl *)headers[i].msg_hdr.msg_name)->nl_pid != 0) continue;
		if (header->nlmsg_type == AUDIT_REPLACE && owner) exit(EXIT_REPLACED); /* an auditd wants to be the owner: it shall */
		if (header->nlmsg_type < AUDIT_USER) continue; /* answers to what we asked, and errors */
		length -= NLMSG_HDRLEN;
		while (length > 0 && messages[i][NLMSG_HDRLEN + length - 1] == 0) length--; /* padding */
		frame_u16(header->nlmsg_type);
		frame_u32(length);
		frame_bytes(messages[i] + NLMSG_HDRLEN, length);
		if (header->nlmsg_type == AUDIT_CONFIG_CHANGE) ask_status();
	}
	frame_keep();
	frame_send();
	if (drained) report_lost(); /* a kernel that is out of room says so once, then drops until we have read all */
	return count;
}

static void prepare(void) {
	static struct sockaddr_nl senders[RECORDS_AT_ONCE];
	for (int i = 0; i < RECORDS_AT_ONCE; i++) {
		vectors[i] = (struct iovec){ messages[i], MESSAGE_BYTES_MAX };
		headers[i].msg_hdr = (struct msghdr){ .msg_iov = &vectors[i], .msg_iovlen = 1, .msg_name = &senders[i], .msg_namelen = sizeof senders[i] };
	}
}

static sigset_t unblocked;

/* SIGTERM is heard while we wait, and nowhere else. */
static void hear_end_waiting(void) {
	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &unblocked);
	hear_end();
}

/* What is there at the end goes out too. */
static void drain(void) {
	while (move_records(0) >= RECORDS_AT_ONCE) {}
	move_records(1);
}

/* Reads until it is ended, or until something fails that a new start may heal. */
static void follow(const char *path, int received_bytes) {
	struct timespec rest = { 0, received_bytes >= SMALL_RECEIVE_BYTES ? REST_NS : SHORT_REST_NS };
	int quiet = 0;
	prepare();
	whole_until = wall_ns();
	for (;;) {
		line_ensure(path);
		struct pollfd ready[] = { { kernel, POLLIN, 0 }, { line_fd(), POLLIN, 0 }, { status_fd(), POLLIN, 0 } };
		struct timespec wait = { QUIET_MS / 1000, QUIET_MS % 1000 * 1000000L };
		int count = ppoll(ready, 3, quiet > 0 ? &wait : NULL, &unblocked);
		if (count < 0 && errno != EINTR) fail("waiting failed");
		if (ending) return drain();
		if (count == 0) {
			move_records(1);
			quiet--;
		}
		if (count <= 0) continue;
		if (ready[1].revents) line_lost(); /* capture says nothing on it: it is gone */
		if (ready[2].revents) forward_status();
		if (!ready[0].revents) continue;
		nanosleep(&rest, NULL); /* what belongs to the first one comes with it */
		while (move_records(0) >= RECORDS_AT_ONCE) {}
		quiet = QUIET_TIMES;
	}
}

/* auditd's plugin: its octets as they come. auditd ends us by closing our input. */
static void relay(const char *path) {
	static unsigned char octets[PLUGIN_BYTES_MAX];
	signal(SIGTERM, SIG_IGN);
	for (int quiet = 0;;) {
		line_ensure(path);
		struct pollfd ready[] = { { STDIN_FILENO, POLLIN, 0 }, { line_fd(), POLLIN, 0 }, { status_fd(), POLLIN, 0 } };
		int count = poll(ready, 3, quiet > 0 ? QUIET_MS : -1);
		if (count < 0 && errno != EINTR) fail("waiting failed");
		if (count > 0 && ready[1].revents) line_lost();
		if (count > 0 && ready[2].revents) forward_status();
		if (count < 0 || (count > 0 && !ready[0].revents)) continue;
		ssize_t length = count == 0 ? 0 : read(STDIN_FILENO, octets, sizeof octets);
		if (length < 0 && (errno == EINTR || errno == EAGAIN)) continue;
		if (length < 0) fail("auditd's records cannot be read");
		quiet = count == 0 ? quiet - 1 : QUIET_TIMES;
		frame_begin(FRAME_LINES);
		frame_u64(steady_ns());
		frame_u64(wall_ns());
		frame_u8(length < (ssize_t)sizeof octets ? FLAG_DRAINED : 0);
		frame_bytes(octets, (uint32_t)length);
		frame_keep();
		frame_send();
		if (count > 0 && length == 0) return;
	}
}

static void usage(void) {
	fputs("usage: strongroom-audit SOCKET [--plugin[=UID:GID] | --own] [--user UID:GID] [--receive-bytes N]\n", stderr);
	exit(EXIT_USAGE);
}

static void options_read(struct options *options, int argc, char **argv) {
	*options = (struct options){ .receive_bytes = RECEIVE_BYTES, .user = (uid_t)-1, .group = (gid_t)-1 };
	if (argc < 2 || argv[1][0] != '/') usage();
	options->socket = argv[1];
	for (int i = 2; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		if (strcmp(argv[i], "--plugin") == 0) options->plugin = 1;
		else if (sscanf(argv[i], "--plugin=%u:%u", &options->user, &options->group) == 2) options->plugin = 1;
		else if (strcmp(argv[i], "--own") == 0) options->own = 1;
		else if (strcmp(argv[i], "--user") == 0 && sscanf(value, "%u:%u", &options->user, &options->group) == 2) i++;
		else if (strcmp(argv[i], "--receive-bytes") == 0 && sscanf(value, "%d", &options->receive_bytes) == 1) i++;
		else usage();
	}
}

int main(int argc, char **argv) {
	struct options options;
	reader_begin("strongroom-audit");
	options_read(&options, argc, argv);
	if (options.plugin) {
		int status = start_status(options.user, options.group);
		give_up(0, options.user, options.group);
		line_hello(PATH_PLUGIN, 0, status);
		relay(options.socket);
		return 0;
	}
	die_with_parent();
	hear_end_waiting();
	owner = options.own && become_owner(&kernel);
	int received_bytes = owner ? receive_bytes(kernel, options.receive_bytes) : join_group(&kernel, options.receive_bytes);
	int status = start_status(options.user, options.group);
	give_up(0, options.user, options.group);
	die_with_parent();
	line_hello(owner ? PATH_OWNER : PATH_MULTICAST, (uint64_t)received_bytes, status);
	follow(options.socket, received_bytes);
	return 0;
}
