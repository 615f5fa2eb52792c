#!/usr/bin/env bash
# Makes a container image (a docker archive, one layer) from a directory: no docker, no registry.
#
#   image.sh NAME:TAG DIRECTORY ENTRYPOINT_JSON OUT.tar [USER]     an image of that directory
#   image.sh --program NAME:TAG PROGRAM OUT.tar [USER]             an image of one program and the libraries it needs
#   image.sh --pause OUT.tar                                       the image that holds a pod's namespaces
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

case ${1:-} in
  --program)
    name=$2 program=$3 out=$4 user=${5:-}
    root=$work/root entry="[\"/$(basename "$program")\"]"
    mkdir -p "$root/tmp"; chmod 1777 "$root/tmp"
    strip -o "$root/$(basename "$program")" "$program"
    # A glibc program runs with exactly the files its loader names.
    { ldd "$program" 2>/dev/null || true; } | grep -o '/[^ ]*' | while read -r library; do
      mkdir -p "$root$(dirname "$library")"; cp -L "$library" "$root$library"
    done ;;
  --pause)
    name=localhost/pause:dev out=$2 user=65535:65535 root=$work/root entry='["/pause"]'
    mkdir -p "$root"
    (cd "$here/pause" && CGO_ENABLED=0 go build -ldflags '-s -w' -o "$root/pause" main.go) ;;
  "" | -*) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  *) name=$1 root=$2 entry=$3 out=$4 user=${5:-} ;;
esac

case $(uname -m) in x86_64) machine=amd64 ;; aarch64) machine=arm64 ;; *) machine=$(uname -m) ;; esac
# The same files give the same image: times and owners are fixed.
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$root" -cf "$work/layer.tar" .
digest=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
cat >"$work/config.json" <<JSON
{"architecture":"$machine","os":"linux","created":"1970-01-01T00:00:00Z",
 "config":{"User":"$user","Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"Entrypoint":$entry},
 "rootfs":{"type":"layers","diff_ids":["sha256:$digest"]}}
JSON
echo "[{\"Config\":\"config.json\",\"RepoTags\":[\"$name\"],\"Layers\":[\"layer.tar\"]}]" >"$work/manifest.json"
tar -C "$work" -cf "$out" manifest.json config.json layer.tar
