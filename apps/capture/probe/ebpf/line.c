/* SPDX-License-Identifier: Apache-2.0
 *
 * The line to capture: frames over a Unix socket, u32 length of what follows, u8 kind, payload; big-endian.
 *
 * While capture is away or slow, frames are held here, up to a bound, so that the ring has room for what comes. Beyond the
 * bound nothing is taken from the ring, and the kernel's side counts what finds no room there. A frame that did not go out
 * whole goes out again, on the next line; the numbers of its events count as sent when it went out whole.
 */
#define _GNU_SOURCE
#include "line.h"
#include "probe.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { KIND_AT = 4, PAYLOAD_AT = 5 };
#define RETRY_MS 250
#define RETRY_NS 250000000L
#define LAST_MS 2500 /* at the end; whoever started us waits for three seconds */

struct held {
	struct held *after;
	unsigned int length, sent;
	unsigned char bytes[];
};

static struct line_facts facts;
static unsigned char frame[FRAME_BYTES];
static unsigned int length;
static unsigned long long next[CPUS_MAX];
static int line = -1, is_told;
static struct held *oldest, **newest = &oldest;
static size_t held_bytes;

void frame_put(const void *bytes, unsigned int count) {
	if (count > sizeof frame - length) fail("a frame is longer than any can be");
	memcpy(frame + length, bytes, count);
	length += count;
}

void frame_number(unsigned long long value, int octets) {
	while (octets-- > 0) {
		unsigned char octet = (unsigned char)(value >> (8 * octets));
		frame_put(&octet, 1);
	}
}

void frame_begin(int kind) {
	length = KIND_AT;
	frame_number((unsigned long long)kind, 1);
}

unsigned int frame_length(void) { return length; }

static struct held *hold(void) {
	struct held *one = malloc(sizeof *one + length);
	unsigned int total = length - KIND_AT;
	unsigned char prefix[] = { (unsigned char)(total >> 24), (unsigned char)(total >> 16), (unsigned char)(total >> 8), (unsigned char)total };
	if (!one) fail("there is no memory for a frame");
	memcpy(frame, prefix, sizeof prefix);
	memcpy(one->bytes, frame, one->length = length);
	one->after = NULL;
	one->sent = 0;
	return one;
}

static void count_sent(const struct held *one) {
	if (one->bytes[KIND_AT] != FRAME_EVENTS) return;
	for (unsigned int at = PAYLOAD_AT; at < one->length;) {
		struct event event;
		memcpy(&event, one->bytes + at, sizeof event);
		if (event.sequence >= next[event.cpu % CPUS_MAX]) next[event.cpu % CPUS_MAX] = event.sequence + 1;
		at += (unsigned int)sizeof event + event.first + event.second;
	}
}

/* Sends what the line takes now. Whether all of it went out. */
static int send_held(struct held *one) {
	while (one->sent < one->length) {
		ssize_t count = send(line, one->bytes + one->sent, one->length - one->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (count < 0 && errno == EINTR) continue;
		if (count < 0 && errno == EAGAIN) return 0;
		if (count <= 0) {
			line_lost();
			return 0;
		}
		one->sent += (unsigned int)count;
	}
	return 1;
}

/* The first frames of a line have room in its buffer. */
static int send_now(void) {
	struct held *one = hold();
	int is_sent = send_held(one);
	free(one);
	if (!is_sent) line_lost();
	return is_sent;
}

/* Notes come up while all is loaded, before there is a line: they go out at its beginning. */
void note_send(const char *text) {
	if (line < 0) return;
	frame_begin(FRAME_NOTE);
	frame_put(text, (unsigned int)strlen(text));
	send_now();
}

static void say_hello(void) {
	frame_begin(FRAME_HELLO);
	frame_number(1, 1);
	frame_number((unsigned long long)getpid(), 4);
	frame_number(facts.life, 8);
	frame_number((unsigned long long)facts.ring_bytes, 8);
	frame_number((unsigned long long)facts.cpus, 2);
	for (int cpu = 0; cpu < facts.cpus; cpu++) frame_number(next[cpu], 8);
	if (!send_now()) return;
	notes_again();
}

/* One attempt. */
static void dial(void) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	strncpy(address.sun_path, facts.path, sizeof address.sun_path - 1);
	line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (line < 0) fail("there is no socket for the line to capture");
	if (connect(line, (struct sockaddr *)&address, sizeof address) == 0) say_hello();
	else line_lost();
}

void line_open(const struct line_facts *given) {
	facts = *given;
}

int line_fd(void) { return line; }

/* Whether something waits for the line to take it. */
int line_wants(void) { return line >= 0 && oldest != NULL; }

void line_lost(void) {
	if (line >= 0) close(line);
	line = -1;
	if (oldest) oldest->sent = 0; /* it goes out again whole */
}

/* Dials where there is no line, and sends what it takes. */
void line_move(void) {
	static struct timespec tried;
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (line < 0 && (now.tv_sec - tried.tv_sec) * 1000000000L + now.tv_nsec - tried.tv_nsec >= RETRY_NS) {
		tried = now;
		dial();
	}
	while (line >= 0 && oldest && send_held(oldest)) {
		struct held *one = oldest;
		count_sent(one);
		oldest = one->after;
		if (!oldest) newest = &oldest;
		held_bytes -= one->length;
		free(one);
	}
	if (!oldest) is_told = 0;
}

/* Until the line can take more, or for a while. */
static void await_line(void) {
	struct pollfd ready = { line, POLLOUT, 0 };
	poll(&ready, line >= 0, RETRY_MS);
	if (line >= 0 && ready.revents & (POLLERR | POLLHUP)) line_lost();
	line_move();
}

static void append(void) {
	struct held *one = hold();
	held_bytes += one->length;
	*newest = one;
	newest = &one->after;
}

/* Once in each time of trouble, at its place among the events. */
static void tell_held(void) {
	char text[NOTE_BYTES];
	if (is_told || held_bytes <= (size_t)facts.ring_bytes) return;
	is_told = 1;
	snprintf(text, sizeof text, "capture does not keep up: more than the ring has room for is held in memory, at most %zu octets", facts.hold_bytes);
	frame_begin(FRAME_NOTE);
	frame_put(text, (unsigned int)strlen(text));
	append();
}

/* The frame goes out, or is held. Returns when there is room for another one. */
void frame_give(void) {
	append();
	line_move();
	tell_held();
	while (held_bytes > facts.hold_bytes && !ending) await_line();
}

/* What is held at the end goes out, if capture takes it. */
void line_end(void) {
	for (int waited = 0; oldest && line >= 0 && waited < LAST_MS; waited += RETRY_MS) await_line();
}
