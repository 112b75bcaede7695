/* SPDX-License-Identifier: Apache-2.0
 *
 * What we were asked for.
 */
#include "files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options options = { .every_seconds = 86400, .executables = 1 };

/* The directory that is meant; one within another that is watched as well needs no watching of its own. */
static void add_root(const char *path) {
	char *real = realpath(path, NULL);
	if (!real || strcmp(real, "/") == 0) return note("%.120s is not watched: %s", path, real ? "it is everything" : strerror(errno));
	for (int i = 0; i < options.root_count; i++) {
		size_t length = strlen(options.roots[i]);
		if (strncmp(real, options.roots[i], length) == 0 && (real[length] == '/' || real[length] == 0)) return;
		length = strlen(real);
		if (strncmp(real, options.roots[i], length) == 0 && options.roots[i][length] == '/') options.roots[i--] = options.roots[--options.root_count];
	}
	options.roots[options.root_count++] = real;
}

void options_read(int argc, char **argv) {
	const int most = sizeof options.roots / sizeof *options.roots;
	if (argc > 1 && argv[1][0] == '/') options.socket = argv[1];
	for (int i = 2; options.socket && i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		if (strcmp(argv[i], "--no-executables") == 0) options.executables = 0;
		else if (!value) options.socket = NULL;
		else if (strcmp(argv[i], "--state") == 0) options.state = argv[++i];
		else if (strcmp(argv[i], "--home") == 0) options.home = argv[++i];
		else if (strcmp(argv[i], "--every") == 0) options.every_seconds = atoi(argv[++i]);
		else if (strcmp(argv[i], "--watch") == 0 && options.root_count < most) add_root(argv[++i]);
		else options.socket = NULL;
	}
	if (options.socket && options.state && options.every_seconds > 0) return;
	fputs("usage: strongroom-files SOCKET --state DIRECTORY [--watch DIRECTORY]... [--every SECONDS] [--home DIRECTORY] [--no-executables]\n", stderr);
	exit(2);
}
