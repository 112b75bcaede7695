/* SPDX-License-Identifier: Apache-2.0
 *
 * The line to capture: frames over a Unix socket, u32 length of what follows, u8 kind, payload; big-endian. It never blocks:
 * what goes on in the kernel is taken in whether capture reads or not.
 *
 * Numbered frames are kept, the last 8 to 16 MiB of them: that is what a capture that is killed may have had in its hands.
 * Its successor gets them again before anything new, and knows by their numbers which it has.
 */
#include "files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FRAME_BYTES = 1 << 15, KEPT_BYTES = 8 << 20, ROOM_BYTES = 1 << 20 };
#define RETRY_NS 250000000u

static unsigned char frame[FRAME_BYTES];
static size_t frame_length;
static unsigned char kept[2][KEPT_BYTES]; /* touched only as far as it is used */
static uint32_t kept_length[2];
static int newest, line = -1;
static unsigned char *out;
static size_t out_length, out_sent, out_room;
static uint64_t tried_at;
static int was_there;
void (*line_hello)(void), (*line_anew)(void);

void frame_begin(uint8_t kind) {
	frame_length = PREFIX_BYTES;
	frame_number(kind, 1);
}

void frame_bytes(const void *bytes, size_t length) {
	if (length > sizeof frame - frame_length) fail("a frame is longer than any can be");
	if (length > 0) memcpy(frame + frame_length, bytes, length);
	frame_length += length;
}

void frame_number(uint64_t value, int octets) {
	unsigned char bytes[8];
	for (int i = 0; i < octets; i++) bytes[i] = (unsigned char)(value >> (8 * (octets - 1 - i)));
	frame_bytes(bytes, (size_t)octets);
}

void frame_facts(const struct facts *facts) {
	frame_number(facts->kind, 1);
	frame_number(facts->content, 1);
	frame_number(facts->has_attributes, 1);
	frame_number(facts->error, 2);
	frame_number(facts->mode, 4);
	frame_number(facts->uid, 4);
	frame_number(facts->gid, 4);
	frame_number(facts->device, 8);
	frame_number(facts->inode, 8);
	frame_number(facts->size, 8);
	frame_number((uint64_t)facts->modified, 8);
	frame_number((uint64_t)facts->changed, 8);
	frame_bytes(facts->sha256, HASH_BYTES);
	frame_bytes(facts->attributes, HASH_BYTES);
}

const unsigned char *frame_end(uint32_t *length) {
	size_t total = frame_length;
	frame_length = 0;
	frame_number(total - PREFIX_BYTES, PREFIX_BYTES);
	*length = (uint32_t)(frame_length = total);
	return frame;
}

/* One without a number: it goes out if there is a line. */
void frame_send(void) {
	uint32_t length;
	const unsigned char *bytes = frame_end(&length);
	line_put(bytes, length);
}

void line_keep(const unsigned char *bytes, uint32_t length) {
	if (length > KEPT_BYTES) return;
	if (kept_length[newest] + length > KEPT_BYTES) {
		newest = !newest;
		kept_length[newest] = 0;
	}
	memcpy(kept[newest] + kept_length[newest], bytes, length);
	kept_length[newest] += length;
}

/* What is kept, the older half and then the newer one. */
uint32_t line_kept(int half, const unsigned char **bytes) {
	int which = half ? newest : !newest;
	*bytes = kept[which];
	return kept_length[which];
}

void line_put(const unsigned char *bytes, uint32_t length) {
	if (line < 0) return;
	if (out_sent == out_length) out_sent = out_length = 0;
	if (out_length + length > out_room) {
		out_room = (out_length + length) * 2;
		out = realloc(out, out_room);
		if (!out) fail("there is no memory");
	}
	memcpy(out + out_length, bytes, length);
	out_length += length;
}

int line_has_room(void) { return line >= 0 && out_length - out_sent < ROOM_BYTES; }
int line_fd(void) { return line; }
int line_was_there(void) { return was_there; }
int line_wants_out(void) { return line >= 0 && out_sent < out_length; }

static void line_lost(void) {
	close(line);
	line = -1;
	out_sent = out_length = 0;
}

void note_send(const char *text) {
	frame_begin(FRAME_NOTE);
	frame_bytes(text, strlen(text));
	frame_send();
}

static void connect_line(void) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const unsigned char *bytes;
	if (steady_ns() - tried_at < RETRY_NS) return;
	tried_at = steady_ns();
	strncpy(address.sun_path, options.socket, sizeof address.sun_path - 1);
	line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (line < 0) fail("there is no socket for the line to capture");
	if (connect(line, (struct sockaddr *)&address, sizeof address) < 0) return line_lost();
	was_there = 1;
	line_hello();
	notes_again();
	for (int half = 0; half < 2; half++) {
		uint32_t length = line_kept(half, &bytes);
		line_put(bytes, length);
	}
	line_anew();
}

/* Connects, if there is no line; sends what the line takes; notices its end: capture says nothing on it. */
void line_turn(void) {
	char octet;
	if (line < 0) connect_line();
	if (line < 0) return;
	ssize_t got = recv(line, &octet, 1, MSG_DONTWAIT);
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return line_lost();
	while (out_sent < out_length) {
		ssize_t sent = send(line, out + out_sent, out_length - out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EAGAIN) return;
		if (sent < 0 && errno != EINTR) return line_lost();
		if (sent > 0) out_sent += (size_t)sent;
	}
}
