/* SPDX-License-Identifier: Apache-2.0
 *
 * The line to capture: frames over a Unix socket, u32 length of what follows, u8 kind, payload; big-endian.
 *
 * Frames of records are kept, the last 8 to 16 MiB of them: that is what a capture that is killed may have had in its hands.
 * Its successor gets them again, marked so, before anything new.
 */
#include "audit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define KEPT_BYTES (8 << 20)
#define PREFIX_BYTES 4
#define FLAGS_AT (PREFIX_BYTES + 1 + 16) /* in a frame of records or lines */
#define RETRY_NS 250000000L

static unsigned char frame[FRAME_BYTES_MAX];
static uint32_t frame_length;
static int keep;
static unsigned char hello[64];
static uint32_t hello_length;
static unsigned char kept[2][KEPT_BYTES]; /* touched only as far as it is used */
static uint32_t kept_length[2];
static int newest; /* the half that is being filled */
static int line = -1;

static void put(const void *bytes, uint32_t length) {
	if (length > sizeof frame - frame_length) fail("a frame is longer than any can be");
	memcpy(frame + frame_length, bytes, length);
	frame_length += length;
}

static void put_number(uint64_t value, int octets) {
	unsigned char bytes[8];
	for (int i = 0; i < octets; i++) bytes[i] = (unsigned char)(value >> (8 * (octets - 1 - i)));
	put(bytes, (uint32_t)octets);
}

void frame_begin(uint8_t kind) {
	frame_length = PREFIX_BYTES;
	keep = 0;
	put(&kind, 1);
}

void frame_u8(uint8_t value) { put_number(value, 1); }
void frame_u16(uint16_t value) { put_number(value, 2); }
void frame_u32(uint32_t value) { put_number(value, 4); }
void frame_u64(uint64_t value) { put_number(value, 8); }
void frame_bytes(const void *bytes, uint32_t length) { put(bytes, length); }
void frame_keep(void) { keep = 1; }

static void finish_frame(void) {
	uint32_t total = frame_length;
	frame_length = 0;
	put_number(total - PREFIX_BYTES, PREFIX_BYTES);
	frame_length = total;
}

/* Whether all went out. Blocks while capture does not read. */
static int send_all(const unsigned char *bytes, uint32_t length) {
	while (line >= 0 && length > 0) {
		ssize_t sent = write(line, bytes, length);
		if (sent < 0 && errno == EINTR) continue;
		if (sent <= 0) {
			line_lost();
			return 0;
		}
		bytes += sent;
		length -= (uint32_t)sent;
	}
	return line >= 0;
}

/* Sends the frame, once the line is there; one that must arrive is kept first, so a line that breaks takes none of it along. */
void frame_send(void) {
	finish_frame();
	if (keep) {
		if (kept_length[newest] + frame_length > KEPT_BYTES) {
			newest = !newest;
			kept_length[newest] = 0;
		}
		memcpy(kept[newest] + kept_length[newest], frame, frame_length);
		kept_length[newest] += frame_length;
	}
	send_all(frame, frame_length);
}

void note_send(const char *text) {
	frame_begin(FRAME_NOTE);
	frame_u16(0); /* its errno stands in the text */
	put(text, (uint32_t)strlen(text));
	frame_send();
}

void line_hello(uint8_t path, uint64_t received_bytes, int status) {
	frame_begin(FRAME_HELLO);
	frame_u8(1);
	frame_u8(path);
	frame_u32((uint32_t)getpid());
	frame_u64(received_bytes);
	frame_u8((uint8_t)status);
	finish_frame();
	memcpy(hello, frame, hello_length = frame_length);
}

void line_lost(void) {
	if (line >= 0) close(line);
	line = -1;
}

int line_fd(void) { return line; }

/* What is kept, oldest first, marked as perhaps sent before. */
static int send_kept(void) {
	for (int half = 0; half < 2; half++) {
		int which = half ? newest : !newest;
		for (uint32_t at = 0; at < kept_length[which];) {
			unsigned char *bytes = kept[which] + at;
			uint32_t length = PREFIX_BYTES + ((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3]);
			bytes[FLAGS_AT] |= FLAG_AGAIN;
			if (!send_all(bytes, length)) return 0;
			at += length;
		}
	}
	return 1;
}

/* Returns when there is a line and all that went before has gone over it. */
void line_ensure(const char *path) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timespec retry = { 0, RETRY_NS };
	sigset_t pending;
	strncpy(address.sun_path, path, sizeof address.sun_path - 1);
	while (line < 0) {
		line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (line < 0) fail("there is no socket for the line to capture");
		if (connect(line, (struct sockaddr *)&address, sizeof address) == 0 && send_all(hello, hello_length) && send_kept()) return notes_again();
		line_lost();
		nanosleep(&retry, NULL);
		if (sigpending(&pending) == 0 && sigismember(&pending, SIGTERM)) exit(0); /* nobody is there to take the rest */
	}
}
