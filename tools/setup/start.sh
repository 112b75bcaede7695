#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `npm start`: set up what is missing, then become the supervisor (same process: it gets Ctrl-C and SIGTERM itself).
cd "$(dirname "$0")/../.." || exit 1
exec sh tools/setup/setup.sh run -- node_modules/.bin/node apps/supervisor/src/main.ts "$@"
