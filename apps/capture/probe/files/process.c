/* SPDX-License-Identifier: Apache-2.0
 *
 * When a process started: with its id, that says which one it was.
 */
#include "files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* When a process started, in ns since boot; 0: it is gone, or it cannot be told. */
uint64_t process_started(uint32_t pid) {
	char path[32], text[1024];
	unsigned long long ticks = 0;
	snprintf(path, sizeof path, "/proc/%u/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
	if (fd >= 0) close(fd);
	if (length <= 0) return 0;
	text[length] = 0;
	const char *behind = strrchr(text, ')'); /* a name may hold anything */
	if (!behind || sscanf(behind, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &ticks) != 1) return 0;
	return ticks * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}
