/* SPDX-License-Identifier: Apache-2.0
 *
 * What is executed: the kernel hands us the very file, open (fanotify, FAN_OPEN_EXEC), with whoever executes it; it is hashed,
 * and told once as it is. Scripts, their interpreters and the dynamic loader come as well. It comes from file systems that are
 * marked (marker.c); what lies in none that can be, such as a memfd, is not hashed: the event of its execution says so.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { SLOTS = 1 << 16, PROBES = 16, AT_ONCE = 64, EVENTS_BYTES = 1536 };

static struct { uint64_t device, inode, size; int64_t modified, changed; } told[SLOTS];
static uint64_t lost, lost_from;
static int group = -1;
uint64_t executables_told;

void executables_open(void) {
	if (!options.executables) return;
	group = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK | FAN_CLOEXEC, O_RDONLY | O_LARGEFILE | O_CLOEXEC);
	if (group < 0) return note("what is executed is not hashed: %s", strerror(errno));
	marker_start(group);
	lost_from = wall_ns();
}

int executables_fd(void) { return group; }

/* Everything is told anew to a capture that is new. */
void executables_again(void) { memset(told, 0, sizeof told); }

static int remember(const struct facts *facts) {
	uint64_t at = (facts->inode * 0x9e3779b97f4a7c15u ^ facts->device) >> 20;
	for (int i = 0; i < PROBES; i++) {
		size_t slot = (at + (uint64_t)i) % SLOTS;
		if (told[slot].inode != 0 && (told[slot].inode != facts->inode || told[slot].device != facts->device) && i < PROBES - 1) continue;
		if (told[slot].inode == facts->inode && told[slot].device == facts->device && told[slot].size == facts->size &&
			told[slot].modified == facts->modified && told[slot].changed == facts->changed) return 0;
		told[slot].inode = facts->inode;
		told[slot].device = facts->device;
		told[slot].size = facts->size;
		told[slot].modified = facts->modified;
		told[slot].changed = facts->changed;
		return 1;
	}
	return 0;
}

static void tell(int fd, uint32_t pid, struct facts *facts) {
	char link[32], path[PATH_BYTES_MAX];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, sizeof path);
	int error = hash_fd(fd, facts->sha256);
	facts->content = error ? CONTENT_UNREADABLE : CONTENT_HASHED;
	facts->error = (uint16_t)error;
	frame_begin(FRAME_EXECUTABLE);
	frame_number(pid, 4);
	frame_number(process_started(pid), 8);
	frame_facts(facts);
	frame_bytes(path, length < 0 ? 0 : (size_t)length);
	frame_send();
	executables_told++;
}

static void take(const struct fanotify_event_metadata *event) {
	struct facts facts;
	if (event->mask & FAN_Q_OVERFLOW) tell_lost(LOST_EXECUTABLES_OVERFLOW, 0, lost_from);
	if (event->fd < 0) return;
	if (!line_has_room()) lost += line_was_there();
	else if (facts_of(event->fd, &facts) == 0 && remember(&facts)) tell(event->fd, (uint32_t)event->pid, &facts);
	close(event->fd);
}

/* How many events there were. Read even while nothing can be told: an event holds its file, and with it the mount. */
int executables_read(void) {
	int count = 0;
	static union { struct fanotify_event_metadata first; char bytes[EVENTS_BYTES]; } buffer;
	for (int i = 0; group >= 0 && i < AT_ONCE; i++) {
		ssize_t length = read(group, &buffer, sizeof buffer);
		if (length < 0 && errno != EAGAIN && errno != EINTR) lost++;
		if (length <= 0) break;
		const struct fanotify_event_metadata *event = &buffer.first;
		for (; FAN_EVENT_OK(event, length); event = FAN_EVENT_NEXT(event, length), count++) take(event);
	}
	if (lost > 0 && line_has_room()) {
		tell_lost(LOST_EXECUTABLES, lost, lost_from);
		lost = 0;
	}
	if (lost == 0) lost_from = wall_ns();
	return count;
}
