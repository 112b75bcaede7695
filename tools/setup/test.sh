#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `npm test`: set up what is missing, then run every check. The last line is always `N passed, N failed`.
cd "$(dirname "$0")/../.." || exit 1
if ! sh tools/setup/setup.sh test; then
  echo '0 passed, 1 failed'
  exit 1
fi
export PATH="$PWD/node_modules/.bin:$PATH"
exec node tools/src/test-all.ts "$@"
