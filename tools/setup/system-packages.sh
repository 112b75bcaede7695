# SPDX-License-Identifier: Apache-2.0
# Read by setup.sh. Installs the Debian packages of packages.txt without starting, stopping or restarting any service.

guard=/usr/sbin/policy-rc.d
guard_kept=$guard.before-strongroom-setup

packages_of() { # group: the names, `test` including `run`
  awk -v group="$1" '!/^#/ && NF && ($2 == "run" || $2 == group) { print $1 }' tools/setup/packages.txt
}

missing_packages() { # group
  packages_of "$1" | while read -r name; do
    case $(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) in installed) ;; *) echo "$name" ;; esac
  done
}

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi; }

# Debian starts a package's service when it is installed, unless policy-rc.d says 101. Whatever policy the machine has is
# set aside and put back, also when we are interrupted; if we were killed outright, the next run finds it set aside.
guard_services() {
  trap unguard_services EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  if ! as_root test -e "$guard_kept" && as_root test -e "$guard"; then as_root mv "$guard" "$guard_kept"; fi
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$guard" >/dev/null
  as_root chmod 755 "$guard"
}

unguard_services() {
  trap - EXIT HUP INT TERM
  rm -f "$log"
  if as_root test -e "$guard_kept"; then as_root mv -f "$guard_kept" "$guard"; else as_root rm -f "$guard"; fi
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get \
    -q -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@"
}

install_system_packages() { # group
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    say "not a Debian system: see to these yourself: $(packages_of "$1" | tr '\n' ' ')"
    return
  fi
  missing=$(missing_packages "$1" | tr '\n' ' ')
  missing=${missing% }
  [ -n "$missing" ] || return 0
  say "Debian packages missing: $missing"
  if [ "$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null; then
    say 'they need root, so they are left out, and what depends on them will say so. To install them:'
    say "  sudo apt-get install --no-install-recommends $missing"
    return
  fi
  say 'installing them; no service is started or stopped'
  log=$(mktemp)
  guard_services
  # The package lists may be old or absent: fetched only if the installation fails without.
  # shellcheck disable=SC2086
  if ! apt_get install -y --no-install-recommends $missing >"$log" 2>&1; then
    if ! { apt_get update && apt_get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
      tail -n 15 "$log" >&2
      fail 'apt-get could not install the Debian packages' "its last lines stand above; wanted: $missing" \
        "make 'apt-get install --no-install-recommends $missing' work, then repeat the command"
    fi
  fi
  unguard_services
}
