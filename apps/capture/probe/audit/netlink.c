/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking the kernel over a socket of the audit, one question at a time.
 */
#include "audit.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_MS 2000

int open_audit(void) {
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	if (fd < 0) fail("this kernel has no audit socket for us");
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("the audit socket cannot be bound");
	return fd;
}

static uint32_t sequence;

int request(int fd, uint16_t type, const struct audit_status *body) {
	struct { struct nlmsghdr header; struct audit_status body; } message;
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	memset(&message, 0, sizeof message);
	message.header.nlmsg_type = type;
	message.header.nlmsg_flags = NLM_F_REQUEST | (body ? NLM_F_ACK : 0);
	message.header.nlmsg_seq = ++sequence;
	message.header.nlmsg_len = NLMSG_LENGTH(body ? sizeof *body : 0);
	if (body) message.body = *body;
	return sendto(fd, &message, message.header.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0 ? -errno : 0;
}

/* The next message that answers what was asked last; its length or -errno. */
ssize_t receive(int fd, void *message, size_t size) {
	for (;;) {
		struct pollfd ready = { fd, POLLIN, 0 };
		if (poll(&ready, 1, ANSWER_MS) <= 0) return -ETIMEDOUT;
		ssize_t length = recv(fd, message, size, 0);
		if (length < 0) return -errno;
		if ((size_t)length >= sizeof(struct nlmsghdr) && ((struct nlmsghdr *)message)->nlmsg_seq == sequence) return length;
	}
}

/* Reads up to the status that was asked for, or to the acknowledgement; 0 or -errno. An older kernel knows fewer words of it. */
int answer(int fd, struct audit_status *into) {
	union { struct nlmsghdr header; unsigned char bytes[MESSAGE_BYTES_MAX]; } message;
	for (;;) {
		ssize_t length = receive(fd, &message, sizeof message);
		if (length < 0) return (int)length;
		if (message.header.nlmsg_type == NLMSG_ERROR) return ((struct nlmsgerr *)NLMSG_DATA(&message.header))->error;
		if (message.header.nlmsg_type != AUDIT_GET || !into) continue;
		size_t got = (size_t)length - NLMSG_HDRLEN;
		memset(into, 0, sizeof *into);
		memcpy(into, NLMSG_DATA(&message.header), got < sizeof *into ? got : sizeof *into);
		return 0;
	}
}
