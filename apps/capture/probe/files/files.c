/* SPDX-License-Identifier: Apache-2.0
 *
 * strongroom-files: knows what watched trees look like, and tells capture of each difference; and of what is executed, hashed.
 *
 *   strongroom-files SOCKET --state DIRECTORY [--watch DIRECTORY]... [--every SECONDS] [--home DIRECTORY] [--no-executables]
 *
 * It asks the kernel for events, gives up every capability but the one to read what is not its own, and goes round: events
 * (watch.c) name entries that are looked at a moment later (look.c); scans (scan.c) find what events did
 * not tell; differences are made durable (store.c), then sent (line.c), in frames of docs/FORMAT.md, "Between our
 * processes". While capture is away or does not read, what happened waits, and is told as what it came to.
 */
#include "files.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NICE = 5 };

static void say_hello(void) {
	frame_begin(FRAME_HELLO);
	frame_number(1, 1);
	frame_number((uint64_t)getpid(), 4);
	frame_number(store_id, 8);
	frame_number(store_next, 8);
	frame_number(store_digest_number, 8);
	frame_bytes(store_digest, HASH_BYTES);
	frame_number(watched_directories, 8);
	frame_number(entries, 8);
	for (int i = 0; i < options.root_count; i++) frame_bytes(options.roots[i], strlen(options.roots[i]) + 1);
	frame_send();
}

/* Between two pieces of a file that is being hashed. */
static void pump(void) {
	watch_read();
	line_turn();
	scan_throttle();
}

int main(int argc, char **argv) {
	reader_begin("strongroom-files");
	options_read(argc, argv);
	meanwhile = pump;
	line_hello = say_hello;
	line_anew = executables_again;
	die_with_parent();
	hear_end();
	setpriority(PRIO_PROCESS, 0, NICE);
	watch_open();
	executables_open();
	give_up(CAPABILITY(CAP_DAC_READ_SEARCH), SAME_USER, 0); /* to read what is not our own */
	store_open();
	scan_roots();
	mounts_read();
	scan_want(REASON_START);
	for (;;) {
		scan_if_due();
		tree_sweep();
		breathe(shorter(look_wait_ms(), scan_wait_ms()));
	}
}
