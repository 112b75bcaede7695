/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes many kernel events, and counts what it made: prints one line of JSON at its end.
 *
 *   storm execs COUNT MARK        programs that are executed, one after the other in each of two lines, each told MARK
 *   storm files COUNT DIRECTORY   operations on files: open for writing, chmod, rename, unlink, in turn
 *   storm bomb COUNT LIMIT USER   processes that make processes, as long as USER may have one more and COUNT are not made
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS_MAX 60 /* after which each process of a bomb ends, whatever becomes of it */

static void fail(const char *what) {
	perror(what);
	exit(1);
}

static void *shared(size_t bytes) {
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED) fail("mmap");
	return at;
}

static int exec_one(char *mark, char *number) {
	int status = -1;
	pid_t child = vfork();
	if (child < 0) fail("vfork");
	if (child == 0) {
		execl("/proc/self/exe", "storm", "quit", mark, number, NULL);
		_exit(127);
	}
	waitpid(child, &status, 0);
	return status == 0;
}

static void line_of_execs(long count, char *mark, long *done) {
	for (long i = 0; i < count; i++) {
		char number[24];
		snprintf(number, sizeof number, "%ld", i);
		if (exec_one(mark, number)) __atomic_fetch_add(done, 1, __ATOMIC_RELAXED);
	}
}

static void execs(long count, char *mark) {
	long *done = shared(sizeof *done);
	pid_t other = fork();
	if (other < 0) fail("fork");
	line_of_execs(other == 0 ? count / 2 : count - count / 2, mark, done);
	if (other == 0) _exit(0);
	waitpid(other, NULL, 0);
	printf("{\"execs\":%ld}\n", *done);
}

static void files(long count, const char *directory) {
	long opens = 0, modes = 0, renames = 0, deletes = 0;
	if (chdir(directory) < 0) fail(directory);
	for (long i = 0; i < count; i++) {
		char name[32];
		snprintf(name, sizeof name, "file-%ld", i / 4);
		if (i % 4 == 0) {
			int fd = open(name, O_CREAT | O_WRONLY | O_EXCL, 0600);
			opens += fd >= 0;
			close(fd);
		}
		else if (i % 4 == 1) modes += chmod(name, 0640) == 0;
		else if (i % 4 == 2) renames += rename(name, "moved") == 0;
		else deletes += unlink("moved") == 0;
	}
	printf("{\"open\":%ld,\"mode\":%ld,\"rename\":%ld,\"delete\":%ld}\n", opens, modes, renames, deletes);
}

/* Makes processes that do the same. Where one more is refused, each waits for its own; all but the first then end. */
static void multiply(long count, long *made, long *refused) {
	int is_first = 1;
	alarm(SECONDS_MAX);
	while (__atomic_load_n(made, __ATOMIC_RELAXED) < count) {
		pid_t child = fork();
		if (child == 0) {
			is_first = 0;
			alarm(SECONDS_MAX);
		}
		else if (child > 0) __atomic_fetch_add(made, 1, __ATOMIC_RELAXED);
		else {
			__atomic_fetch_add(refused, 1, __ATOMIC_RELAXED);
			while (wait(NULL) > 0) {}
			if (!is_first) break;
		}
	}
	while (wait(NULL) > 0) {}
}

static void bomb(long count, rlim_t limit, uid_t user) {
	long *numbers = shared(2 * sizeof *numbers);
	struct rlimit processes = { limit, limit };
	pid_t first = fork();
	if (first < 0) fail("fork");
	if (first == 0) {
		if (setgroups(0, NULL) < 0 || setresgid(user, user, user) < 0 || setrlimit(RLIMIT_NPROC, &processes) < 0 || setresuid(user, user, user) < 0) fail("another user");
		multiply(count, &numbers[0], &numbers[1]);
		_exit(0);
	}
	waitpid(first, NULL, 0);
	printf("{\"made\":%ld,\"refused\":%ld}\n", numbers[0], numbers[1]);
}

int main(int argc, char **argv) {
	if (argc == 4 && strcmp(argv[1], "quit") == 0) return 0;
	if (argc == 4 && strcmp(argv[1], "execs") == 0) execs(atol(argv[2]), argv[3]);
	else if (argc == 4 && strcmp(argv[1], "files") == 0) files(atol(argv[2]), argv[3]);
	else if (argc == 5 && strcmp(argv[1], "bomb") == 0) bomb(atol(argv[2]), (rlim_t)atol(argv[3]), (uid_t)atol(argv[4]));
	else return 2;
	return 0;
}
