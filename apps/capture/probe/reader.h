/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STRONGROOM_READER_H
#define STRONGROOM_READER_H
/* What capture's native readers have in common. */
#include <signal.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum { NOTES_MAX = 32, NOTE_BYTES = 240 };
#define CAPABILITY(number) (1ull << (number))
#define SAME_USER ((uid_t)-1)

/* Set by hear_end: we were asked to end. */
extern volatile sig_atomic_t ending;

void reader_begin(const char *name);
void die_with_parent(void);
void hear_end(void);
void give_up(uint64_t kept, uid_t user, gid_t group);
uint64_t clock_ns(clockid_t clock);
void fail(const char *what) __attribute__((noreturn));

void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void notes_again(void);
/* Each reader's own: hands one to the capture that is there, if one is. */
void note_send(const char *text);
#endif
