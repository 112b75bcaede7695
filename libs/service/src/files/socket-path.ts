// SPDX-License-Identifier: Apache-2.0
// A Unix socket's address holds 108 octets with its NUL (unix(7)). Longer paths are reached through an open directory.
import { closeSync, openSync, constants } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Room is left below the kernel's 107, so that no library's own limit is met first. */
export const SOCKET_PATH_BYTES_MAX = 100;

const directories = new Map<string, number>();

/**
 * The address to bind or connect for a socket at `path`. For a long path it goes through `/proc/self/fd/<directory>`;
 * that directory stays open as long as this process lives. Throws the file system's error when it does not exist.
 */
export function socketPath(path: string): string {
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return path;
  const directory = dirname(path);
  let fd = directories.get(directory);
  if (fd === undefined) {
    fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    directories.set(directory, fd);
  }
  return `/proc/self/fd/${fd}/${basename(path)}`;
}

/** For tests and for whoever removes the directories: closes what {@link socketPath} keeps open. */
export function closeSocketDirectories(): void {
  for (const fd of directories.values()) closeSync(fd);
  directories.clear();
}
