/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STRONGROOM_PROBE_LINE_H
#define STRONGROOM_PROBE_LINE_H
#include "../reader.h"

#include <stddef.h>

enum { FRAME_HELLO, FRAME_EVENTS, FRAME_LOST, FRAME_NOTE };
enum { FRAME_BYTES = 1 << 20, FRAME_FULL = FRAME_BYTES - (32 << 10) };

/* What a hello says, and how much may be held. */
struct line_facts {
	const char *path;
	unsigned long long life;
	int ring_bytes, cpus;
	size_t hold_bytes;
};

void frame_begin(int kind);
void frame_put(const void *bytes, unsigned int count);
void frame_number(unsigned long long value, int octets);
unsigned int frame_length(void);
void frame_give(void);

void line_open(const struct line_facts *facts);
int line_fd(void);
int line_wants(void);
void line_move(void);
void line_lost(void);
void line_end(void);
#endif
