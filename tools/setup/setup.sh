#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Makes this machine and this checkout ready: Debian packages, npm packages, the pinned Node, the PKCS#11 addon, the
# SHA-256 addon.
#
#   sh tools/setup/setup.sh run|test [-- command [argument ...]]
#
# `run` is what running needs, `test` is that and what the tests need. With a command, becomes it when all is ready.
# It may be run at any time and as often as one likes; with nothing to do it takes a fraction of a second.
# It is plain sh and needs any Node from 18 on with its npm, because it runs before the pinned Node is there.
set -eu

group=${1:-run}
[ $# -eq 0 ] || shift
[ "${1:-}" != -- ] || shift
case $group in run | test) ;; *)
  echo "usage: sh tools/setup/setup.sh run|test [-- command [argument ...]]" >&2
  exit 2
  ;;
esac

root=$(cd "$(dirname "$0")/../.." && pwd -P)
cd "$root"
stamps=node_modules/.strongroom-setup
node=$root/node_modules/.bin/node

say() { printf 'setup: %s\n' "$*"; }
fail() { # what, why, what to do
  printf 'setup: %s\n  why: %s\n  do:  %s\n' "$1" "$2" "$3" >&2
  exit 1
}
. tools/setup/system-packages.sh
. tools/setup/node-packages.sh

# One set-up at a time in a checkout. A second one waits, then finds nothing to do.
if command -v flock >/dev/null; then
  exec 9<package-lock.json
  flock 9
fi
install_system_packages "$group"
install_node_packages
build_addon
build_hasher
build_reader audit
build_reader files -lcrypto
build_probe
exec 9<&-

[ $# -eq 0 ] || exec "$@"
