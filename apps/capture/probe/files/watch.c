/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernel tells of watched directories (fanotify): in which directory, by its handle, which name, and by whom. Each
 * directory bears a mark of its own rather than each file system one: what happens elsewhere costs nothing, cannot fill the
 * queue, and a directory that is new can be marked without a right.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/statfs.h>
#include <unistd.h>

#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID 0x200
#endif
#ifndef FAN_RENAME
#define FAN_RENAME 0x10000000
#endif
enum { INFO_DIRECTORY = 2, INFO_OLD = 10, INFO_NEW = 12, HANDLE_BYTES = 128 };
#define COMMON (FAN_MODIFY | FAN_CLOSE_WRITE | FAN_ATTRIB | FAN_CREATE | FAN_DELETE | FAN_ONDIR | FAN_EVENT_ON_CHILD)

static int group = -1;
static uint64_t mask = COMMON | FAN_RENAME;
static uint64_t whole_until;
uint64_t events_read;

void watch_open(void) {
	group = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_UNLIMITED_MARKS | FAN_NONBLOCK | FAN_CLOEXEC, O_RDONLY | O_LARGEFILE);
	if (group < 0) fail("the kernel gives no events of files (fanotify with names takes Linux 5.9 and CAP_SYS_ADMIN)");
	whole_until = wall_ns();
}

int watch_fd(void) { return group; }

/* As events bear it: the file system's id, then type and octets of the handle. */
static int handle_of(int fd, unsigned char *to, uint32_t *length) {
	union { struct file_handle handle; unsigned char bytes[sizeof(struct file_handle) + HANDLE_BYTES]; } found = { .handle.handle_bytes = HANDLE_BYTES };
	struct statfs facts;
	int mount;
	int error = name_to_handle_at(fd, "", &found.handle, &mount, AT_EMPTY_PATH);
	/* One that nothing can be opened by is enough: overlayfs has no other, from Linux 6.6 on. */
	if (error < 0 && errno == EOPNOTSUPP) error = name_to_handle_at(fd, "", &found.handle, &mount, AT_EMPTY_PATH | AT_HANDLE_FID);
	if (error < 0 || fstatfs(fd, &facts) < 0) return 0;
	memcpy(to, &facts.f_fsid, 8);
	memcpy(to + 8, &found.handle.handle_type, 4);
	memcpy(to + 12, found.handle.f_handle, found.handle.handle_bytes);
	*length = 12 + found.handle.handle_bytes;
	return 1;
}

static int mark(int fd) {
	if (fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_ONLYDIR, mask, fd, NULL) == 0) return 0;
	if (errno != EINVAL || !(mask & FAN_RENAME)) return errno;
	mask = COMMON | FAN_MOVED_FROM | FAN_MOVED_TO; /* before Linux 5.17 */
	return fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_ONLYDIR, mask, fd, NULL) == 0 ? 0 : errno;
}

/* From here on events come of the directory that is open as `fd`. Where none can be had, only scans find what happens there. */
void watch_directory(struct node *node, int fd) {
	static uint64_t told_device;
	unsigned char handle[12 + HANDLE_BYTES];
	char path[PATH_BYTES_MAX];
	uint32_t length;
	int error = handle_of(fd, handle, &length) ? 0 : errno;
	if (!error && node->handle && node->handle->length == length && memcmp(node->handle->bytes, handle, length) == 0) return;
	if (!error) error = mark(fd);
	if (!error) return tree_set_handle(node, handle, length);
	struct facts facts;
	if (facts_of(fd, &facts) != 0 || facts.device == told_device) return;
	told_device = facts.device;
	tree_path(node, path);
	note("only scans see what changes in %.120s: %s", path, strerror(error));
}

/* Whether what is open as `fd` is the directory that this node is. */
int watch_is(const struct node *node, int fd) {
	unsigned char handle[12 + HANDLE_BYTES];
	uint32_t length;
	if (!node->handle) return 1;
	return handle_of(fd, handle, &length) && node->handle->length == length && memcmp(node->handle->bytes, handle, length) == 0;
}

/* One of the names that an event bears; NULL where the directory is not ours, or there is no room. */
static struct node *name_in(const struct fanotify_event_info_fid *info) {
	const struct file_handle *handle = (const void *)info->handle;
	unsigned char key[12 + HANDLE_BYTES];
	if (handle->handle_bytes > HANDLE_BYTES) return NULL;
	memcpy(key, &info->fsid, 8);
	memcpy(key + 8, &handle->handle_type, 4);
	memcpy(key + 12, handle->f_handle, handle->handle_bytes);
	struct node *directory = tree_by_handle(key, 12 + handle->handle_bytes);
	const char *name = (const char *)handle->f_handle + handle->handle_bytes;
	if (!directory || strcmp(name, ".") == 0) return directory;
	return tree_child(directory, name, strlen(name), 1);
}

static struct process last; /* for as long as one reading takes */

static void by(struct pending *pending, uint32_t pid) {
	int count = pending->process_count;
	for (int i = 0; i < count; i++) if (pending->processes[i].pid == pid) return;
	if (count == PIDS_MAX) return;
	if (last.pid != pid) last = (struct process){ pid, process_started(pid) };
	pending->processes[count] = last;
	pending->process_count++;
}

static void happened(struct node *node, uint64_t what, uint32_t pid, struct node *from) {
	int wait = what & ~(uint64_t)(FAN_MODIFY | FAN_CREATE | FAN_ONDIR) ? WAIT_SHORT : what & FAN_CREATE ? WAIT_OPEN : WAIT_WRITTEN;
	if (what & FAN_ONDIR && what & (FAN_CREATE | FAN_RENAME | FAN_MOVED_TO)) wait = WAIT_SHORT;
	struct pending *pending = look_later(node, wait, HOW_EVENT);
	by(pending, pid);
	if (what & (FAN_CREATE | FAN_MOVED_TO | FAN_RENAME)) pending->created = 1;
	if (!from || pending->from) return;
	pending->from = from;
	from->held++;
}

static void take(const struct fanotify_event_metadata *event) {
	struct node *name = NULL, *old = NULL, *new = NULL;
	events_read++;
	if (event->mask & FAN_Q_OVERFLOW) {
		tell_lost(LOST_EVENTS, 0, whole_until);
		return scan_want(REASON_OVERFLOW);
	}
	for (uint32_t at = event->metadata_len; at + sizeof(struct fanotify_event_info_fid) <= event->event_len;) {
		const struct fanotify_event_info_fid *info = (const void *)((const char *)event + at);
		if (info->hdr.info_type == INFO_DIRECTORY) name = name_in(info);
		if (info->hdr.info_type == INFO_OLD) old = name_in(info);
		if (info->hdr.info_type == INFO_NEW) new = name_in(info);
		if (info->hdr.len == 0) break;
		at += info->hdr.len;
	}
	if (name) happened(name, event->mask, (uint32_t)event->pid, NULL);
	struct node *from = old && !old->known && old->pending ? old->pending->from : old;
	if (new) happened(new, event->mask, (uint32_t)event->pid, from && from->known ? from : NULL);
	if (old) happened(old, event->mask, (uint32_t)event->pid, NULL);
}

/* Takes in what the queue holds, in order; how many events there were. */
int watch_read(void) {
	static union { struct fanotify_event_metadata first; char bytes[1 << 16]; } buffer;
	int count = 0;
	last.pid = 0;
	for (;;) {
		ssize_t length = read(group, &buffer, sizeof buffer);
		if (length <= 0) break;
		const struct fanotify_event_metadata *event = &buffer.first;
		for (; FAN_EVENT_OK(event, length); event = FAN_EVENT_NEXT(event, length), count++) take(event);
		if (length < (ssize_t)sizeof buffer / 2) break;
	}
	whole_until = wall_ns();
	return count;
}
