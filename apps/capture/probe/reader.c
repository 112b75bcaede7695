/* SPDX-License-Identifier: Apache-2.0
 *
 * How a native reader begins, gives its rights up, fails, and says what does not work though the rest does.
 */
#define _GNU_SOURCE
#include "reader.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

volatile sig_atomic_t ending;
static const char *program;
static char notes[NOTES_MAX][NOTE_BYTES];
static int note_count;

/* The first act of each. A line that breaks is an error of write, and no more. */
void reader_begin(const char *name) {
	program = name;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* the terminal's, for the supervisor */
}

/* Whoever started us restarts us, or is gone for good. A change of user forgets it. */
void die_with_parent(void) { prctl(PR_SET_PDEATHSIG, SIGKILL); }

static void end(int signal) {
	(void)signal;
	ending = 1;
}

void hear_end(void) {
	struct sigaction action = { .sa_handler = end };
	sigaction(SIGTERM, &action, NULL);
}

void fail(const char *what) {
	fprintf(stderr, "%s: %s: %s\n", program, what, strerror(errno));
	exit(1);
}

uint64_t clock_ns(clockid_t clock) {
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Leaves this process with those capabilities of `kept` that it has, and with nothing that could bring more; as another user, unless
 * that is SAME_USER. */
void give_up(uint64_t kept, uid_t user, gid_t group) {
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct had[2], now[2];
	memset(had, 0, sizeof had);
	memset(now, 0, sizeof now);
	if (syscall(SYS_capget, &header, had) < 0) fail("capabilities cannot be read");
	for (int word = 0; word < 2; word++) now[word].permitted = now[word].effective = had[word].permitted & (uint32_t)(kept >> (32 * word));
	if (kept && prctl(PR_SET_KEEPCAPS, 1) < 0) fail("capabilities cannot be kept over a change of user");
	if (user != SAME_USER && (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0 || setresuid(user, user, user) < 0)) fail("the user cannot be changed");
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &header, now) < 0) fail("capabilities cannot be given up");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail("new privileges cannot be ruled out");
}

/* What does not work though the rest does. Told to the capture that is there, and to each that comes. */
void note(const char *format, ...) {
	va_list values;
	if (note_count == NOTES_MAX) return;
	va_start(values, format);
	vsnprintf(notes[note_count], NOTE_BYTES, format, values);
	va_end(values);
	fprintf(stderr, "%s: %s\n", program, notes[note_count]);
	note_send(notes[note_count++]);
}

void notes_again(void) {
	for (int i = 0; i < note_count; i++) note_send(notes[i]);
}
