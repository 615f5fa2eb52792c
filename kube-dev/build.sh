#!/usr/bin/env bash
# Builds kube-dev (etcd, kube-apiserver, controller-manager, scheduler, kubelet, kube-proxy, kubectl in one file)
# from Go modules, once per content of src/, and prints where it is.
#
#   build.sh           build if needed (about 7 minutes on 2 cores), print the path
#   build.sh --path    print the path only, whether it exists or not
set -euo pipefail
src=$(cd "$(dirname "$0")/src" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mesolith/kube-dev
key=$(cat "$src/go.sum" "$src/main.go" | sha256sum | cut -c1-16)
out=$cache/$key/kube-dev

case ${1:-} in
  --path) echo "$out"; exit 0 ;;
  "") ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
[ -x "$out" ] && { echo "$out"; exit 0; }

command -v go >/dev/null || { echo "kube-dev/build.sh: no Go toolchain in PATH; install Go 1.26 or later (https://go.dev/dl)" >&2; exit 1; }
mkdir -p "$cache/$key"
exec 9>"$cache/$key/lock"
flock -w 1800 9 || { echo "kube-dev/build.sh: another build holds $cache/$key/lock for 30 minutes" >&2; exit 1; }
[ -x "$out" ] && { echo "$out"; exit 0; }

cd "$src"
version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
# Without a stamped version the server calls itself v0.0.0 and charts refuse it; -s -w makes the file a third smaller.
flags="-s -w"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
  flags="$flags -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$(echo "$version" | cut -d. -f2)"
  flags="$flags -X $package.gitTreeState=clean -X $package.gitCommit=module"
done
CGO_ENABLED=0 go build -v -ldflags "$flags" -o "$out.new" . >&2
mv "$out.new" "$out"
echo "$out"
