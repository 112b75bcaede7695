#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `npm run clean`: deletes $STRONGROOM_HOME (var/ if unset) with the evidence in it. It stops nothing.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd -P)

refuse() { # what, why, what to do
  printf 'clean: %s\n  why: %s\n  do:  %s\n' "$1" "$2" "$3" >&2
  exit 1
}

home=${STRONGROOM_HOME:-$root/var}
if [ ! -e "$home" ]; then
  echo "clean: nothing there: $home"
  exit 0
fi
home=$(cd "$home" && pwd -P)
case "$root/" in "${home%/}"/*)
  refuse "will not delete $home" 'the project itself lies in it' 'set STRONGROOM_HOME to the directory that you mean' ;;
esac
case "${HOME:-/root}/" in "${home%/}"/*)
  refuse "will not delete $home" 'your home directory lies in it' 'set STRONGROOM_HOME to the directory that you mean' ;;
esac

pid_file=$home/run/supervisor.pid
if [ -e "$pid_file" ]; then
  pid=$(cat "$pid_file")
  case $pid in '' | *[!0-9]*)
    refuse "cannot tell whether Strongroom runs" "$pid_file holds no process id" 'make sure that it does not run, then remove that file' ;;
  esac
  if [ -d "/proc/$pid" ]; then
    refuse "Strongroom is running from $home" "process $pid is its supervisor" "stop it (kill $pid), then repeat the command"
  fi
fi

# Segments are immutable (+i) or append-only (+a); not every file system has such flags.
chattr -R -f -i -a "$home" 2>/dev/null || true
rm -rf -- "$home" || refuse "could not delete all of $home" 'the message stands above; only root lifts immutability' \
  'repeat the command as root'
echo "clean: deleted $home"
