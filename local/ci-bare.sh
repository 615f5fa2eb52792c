#!/usr/bin/env bash
# make ci-bare: the merge gate on a bare Debian 12 machine, so that a package that nothing installs is missed.
#
#   ci-bare.sh             everything
#   ci-bare.sh STEP...     what .ci/run takes: single steps, or e2e NAME
#
# The machine is a folder: Debian's smallest root with git and make, a clone of the committed HEAD, and the Rust and Go
# toolchains from outside, read-only. Its mounts, processes, network and control groups are its own and end with it.
# Of the machine around it, it has the kernel and the settings by which package servers are reached.
#
#   WARM=1     its home (downloads, built tools, compiler output) is kept for the next run; by default all is cold
#   LIMIT=N    seconds after which it is ended; 10800 by default
set -euo pipefail
# shellcheck source=local/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$repo"

bare=$cache/bare root=$bare/root base=$bare/bookworm.tar logs=$cache/logs/ci-bare
clone=/srv/mesolith
rust=$(rustc --print sysroot || true) go=$(go env GOROOT || true)
limit=${LIMIT:-10800}
home=$root/root
[ -z "${WARM:-}" ] || home=$bare/home

await() { # SECONDS WHAT COMMAND...
  local seconds=$1 what=$2 end=$((SECONDS + $1))
  shift 2
  until "$@"; do
    [ $SECONDS -lt "$end" ] || fail "$what: not after $seconds s." "Logs: $logs"
    sleep 0.1
  done 2>/dev/null
}

# --- The folder.

# sources: Debian's own package servers among those of this machine's apt.
sources() {
  # shellcheck disable=SC2016
  apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' 'Origin: Debian' |
    awk '$3 ~ /^bookworm/'
}

# make_base: kept as an archive; what is newer by now comes with the packages that need it.
make_base() {
  local server
  server=$(sources | awk '$3 == "bookworm" { print $2; exit }')
  rm -rf "$base.new"
  timeout 1200 debootstrap --variant=minbase --include=git,make bookworm "$base.new" ${server:+"$server"}
  tar -C "$base.new" -cf "$base.part" .
  rm -rf "$base.new"
  mv "$base.part" "$base"
}

make_root() {
  local file
  rm -rf --one-file-system "$root"
  mkdir -p "$root"
  tar -C "$root" -xf "$base"
  mkdir -p "$root"/{outside,srv,usr/local/rust,usr/local/go} "$home/.cache/mesolith/logs"
  echo 'nameserver 10.0.2.3' >"$root/etc/resolv.conf" # slirp4netns passes questions on
  printf '127.0.0.1 localhost\n127.0.1.1 bare\n::1 localhost ip6-localhost ip6-loopback\n' >"$root/etc/hosts"
  [ -z "$(sources)" ] || sources >"$root/etc/apt/sources.list"
  apt-config dump | grep '^Acquire::' | grep -vE '^Acquire::(IndexTargets|Languages|cdrom)' >"$root/etc/apt/apt.conf.d/00outside"
  for file in /etc/apt/auth.conf /etc/apt/auth.conf.d /usr/local/share/ca-certificates /etc/pip.conf; do
    [ ! -e "$file" ] || cp -a --parents "$file" "$root"
  done
  for file in .cargo/config.toml .config/go/env .config/pip/pip.conf .m2/settings.xml; do
    [ ! -e "$HOME/$file" ] || (cd "$HOME" && cp -a --parents "$file" "$home")
  done
  echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe" # a root that lives for a run need not survive a crash
  git clone --quiet "file://$repo" "$root$clone"
  git -C "$root$clone" checkout --quiet --detach "$(git rev-parse HEAD)"
}

# variables: those that say how package servers are reached, with an end of zero.
variables() {
  local names='[a-z]+_proxy|[A-Z]+_PROXY|PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|CERT|DEFAULT_TIMEOUT)'
  names+='|GO(PROXY|NOPROXY|SUMDB|NOSUMDB|PRIVATE|FLAGS|TOOLCHAIN)|CARGO_(HTTP|REGISTR|SOURCE)[A-Z_]*|MAVEN_(OPTS|ARGS)'
  env -0 | grep -zE "^($names)=" || true
}

# --- Control groups. Of version 1 there is a folder in each hierarchy, which is the topmost one inside. Of version 2 a
# folder that has processes may not divide what it has among folders below it, so the machine's own ones are seen.

version_2() { [ -e /sys/fs/cgroup/cgroup.controllers ]; }

# group_folders: where those of version 1 are to be, below what limits this script.
group_folders() {
  local controllers path
  version_2 || while IFS=: read -r _ controllers path; do
    echo "/sys/fs/cgroup/$(hierarchy "$controllers")${path%/}/mesolith-bare"
  done </proc/self/cgroup
}

hierarchy() { [ -n "$1" ] && echo "${1#name=}" || echo unified; }

join_groups() {
  local folder file
  for folder in $folders; do
    mkdir -p "$folder"
    for file in cpuset.cpus cpuset.mems; do
      [ ! -e "$folder/$file" ] || cat "${folder%/*}/$file" >"$folder/$file"
    done
    echo "$BASHPID" >"$folder/cgroup.procs"
  done
}

mount_groups() { # WHERE
  local controllers
  version_2 && { mount --rbind /sys/fs/cgroup "$1"; return; }
  mount -t tmpfs -o mode=755 tmpfs "$1"
  while IFS=: read -r _ controllers _; do
    mkdir "$1/$(hierarchy "$controllers")"
    case $controllers in
      "") mount -t cgroup2 cgroup2 "$1/unified" ;;
      name=*) mount -t cgroup -o "none,$controllers" cgroup "$1/${controllers#name=}" ;;
      *) mount -t cgroup -o "$controllers" cgroup "$1/$controllers" ;;
    esac
  done </proc/self/cgroup
}

remove_groups() {
  local folder
  for folder in $folders; do
    [ ! -d "$folder" ] || find "$folder" -depth -type d -exec rmdir {} \; || true
    [ ! -d "$folder" ] || return 1
  done
}

# --- What runs inside. It is the first process there, and becomes .ci/run's parent.

enter() { # STEP...
  local pid variables
  mapfile -d '' variables < <(variables)
  # /proc is still the one outside, so this is the number that the script outside knows this process by.
  read -r pid _ </proc/self/stat
  echo "$pid" >"$bare/pid"
  mount --bind "$root" "$root"
  cd "$root"
  mount --bind "$home" root
  mount --bind "$logs" root/.cache/mesolith/logs
  mount -o bind,ro "$rust" usr/local/rust
  mount -o bind,ro "$go" usr/local/go
  mount -t proc proc proc
  mount -t sysfs sysfs sys
  mount --rbind /dev dev
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
  mount -t tmpfs tmpfs dev/shm
  mount_groups sys/fs/cgroup
  hostname bare
  await 20 "a network" grep -q ^tap0 /proc/net/route
  pivot_root . outside
  exec /usr/sbin/chroot . /usr/bin/env -i HOME=/root TERM=dumb "${variables[@]}" \
    PATH=/usr/local/rust/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    /bin/bash -c 'umount -l /outside && cd "$0" && .ci/run "$@"; exit $?' "$clone" "$@" </dev/null
}

if [ "${1:-}" = --enter ]; then
  shift
  enter "$@"
fi

# --- Outside.

# The kubelet sets these for the whole kernel; a run that is cut short does not set them back.
kernel() { (cd /proc/sys && grep . kernel/panic kernel/panic_on_oops vm/overcommit_memory); }

# finish: ends what runs and takes away what was made, whatever the end was.
finish() {
  local code=$? name value
  trap '' INT TERM HUP
  set +e
  for pid in $machine $network $shown; do kill -KILL "$pid"; done 2>/dev/null
  wait 2>/dev/null
  (await 30 "the end of its processes" remove_groups)
  [ "$(kernel)" = "$before" ] || while IFS=: read -r name value; do echo "$value" >"/proc/sys/$name"; done <<<"$before"
  case $code in
    0) rm -rf --one-file-system "$root"; echo "ci-bare: ok, $SECONDS s; logs: $logs" ;;
    130) rm -rf --one-file-system "$root"; echo "ci-bare: interrupted after $SECONDS s; logs: $logs" ;;
    *) echo "ci-bare: FAILED after $SECONDS s; logs: $logs; its files, until the next run: $root" ;;
  esac >&2
  exit $code
}

require_machine 17000 # the packages, and what .ci/run asks for
[ "$rust" != /usr ] || fail "The Rust toolchain is not in a folder of its own." "Install it from https://rustup.rs"
packages=(debootstrap slirp4netns) # slirp4netns: a network without rules in this machine's firewall
install_packages
mkdir -p "$bare" "$logs"
exec 9>"$bare/lock"
flock -n 9 || fail "Another ci-bare runs." "Wait for its end, or end it: it cleans up."
[ -z "$(git status --porcelain)" ] || echo "ci-bare: uncommitted changes are not in it" >&2
[ -n "$(find "$base" -mtime -30 2>/dev/null)" ] || step "make a bare Debian root" make_base

machine='' network='' shown=''
folders=$(group_folders) before=$(kernel)
trap finish EXIT
trap 'exit 130' INT TERM HUP
rm -rf "$logs" "$bare/pid"
mkdir -p "$logs"
make_root
(
  join_groups
  exec setsid unshare --mount --pid --net --ipc --uts --cgroup --fork --kill-child=KILL --propagation private \
    "$0" --enter "$@"
) >"$logs/run.log" 2>&1 </dev/null &
machine=$!
await 20 "its first process" test -s "$bare/pid"
setpriv --pdeathsig KILL slirp4netns --configure --mtu=65520 --disable-host-loopback "$(cat "$bare/pid")" tap0 \
  >"$logs/network.log" 2>&1 </dev/null &
network=$!
timeout "$limit" tail -n +1 -f --pid="$machine" "$logs/run.log" &
shown=$!
wait "$shown" || fail "It has not ended after $limit s." "LIMIT=N allows N seconds."
wait "$machine"
