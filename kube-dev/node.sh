#!/usr/bin/env bash
# A real Kubernetes of one node, kubelet and containerd included, in a network namespace of its own.
#
#   node.sh up [IMAGE.tar...]   start it; the images are at hand for pods (imagePullPolicy: Never)
#   node.sh load IMAGE.tar...   add images to a running one
#   node.sh down                stop it and leave nothing behind
#   node.sh kubeconfig          print the path of the administrator's kubeconfig
#
# Needs root and Debian's containerd runc containernetworking-plugins iptables iproute2 openssl curl.
# MESOLITH_NODE_DIR (default /tmp/mesolith-node) holds everything; keep it short, unix sockets lie in it.
# The host is 10.213.0.1 for pods, the node 10.213.0.2; no default route leads out.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=${MESOLITH_NODE_DIR:-/tmp/mesolith-node}
program=$("$here/build.sh" --path)
namespace=mesolith-node link=mesolith-node node=local
host_ip=10.213.0.1 node_ip=10.213.0.2 pods=10.214.0.0/24
services=10.96.0.0/16 api_service=10.96.0.1
group=/mesolith-node                         # parent control group of all pods

say() { echo "[$(date +%T)] node: $*" >&2; }
fail() { say "$*"; exit 1; }
inside() { nsenter --net="/run/netns/$namespace" "$@"; }   # `ip netns exec` would hide /sys/fs/cgroup
kubectl() { timeout 60 "$program" kubectl --kubeconfig "$dir/admin.kubeconfig" "$@"; }
ctr() { timeout 120 /usr/bin/env ctr --address "$dir/containerd.sock" --namespace k8s.io "$@"; }

start() { # NAME COMMAND...: in the namespace, in a session of its own, with log and pid on disk
  local name=$1; shift
  setsid nohup nsenter --net="/run/netns/$namespace" "$@" >"$dir/$name.log" 2>&1 </dev/null &
  echo $! >"$dir/$name.pid"
}

await() { # SECONDS WHAT COMMAND...
  local seconds=$1 what=$2 end=$((SECONDS + $1)); shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || fail "$what did not come up in ${seconds}s; logs are in $dir/*.log"
    sleep 0.2
  done
}

alive() { # PID: a zombie that nobody has reaped yet is gone
  local state; state=$(sed 's/.*) \(.\).*/\1/' "/proc/$1/stat" 2>/dev/null) && [ "$state" != Z ]
}

stop() { # NAME SECONDS: asks, then kills; only a process that is ours
  local pid end=$((SECONDS + $2)); pid=$(cat "$dir/$1.pid" 2>/dev/null) || return 0
  grep -qsF -- "$dir/" "/proc/$pid/cmdline" || return 0
  kill "$pid" 2>/dev/null || return 0
  while alive "$pid"; do
    [ $SECONDS -lt $end ] || { say "$1 does not stop, killed"; kill -9 "$pid"; break; }
    sleep 0.1
  done
}

needs() {
  [ "$(id -u)" = 0 ] || fail "must run as root: it makes namespaces, control groups and mounts"
  [ -x "$program" ] || fail "kube-dev is not built; run $here/build.sh (about 7 minutes, once)"
  local missing=""
  for tool in containerd:containerd runc:runc iptables:iptables ip:iproute2 openssl:openssl curl:curl; do
    command -v "${tool%:*}" >/dev/null || missing="$missing ${tool#*:}"
  done
  [ -x /usr/lib/cni/bridge ] || missing="$missing containernetworking-plugins"
  [ -z "$missing" ] || fail "missing packages; run: apt-get install -y --no-install-recommends$missing"
}

certificate() { # NAME SUBJECT [ALTERNATIVE NAMES]
  local file=$dir/pki/$1
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$file.key" -subj "$2" -out "$file.csr" 2>/dev/null
  printf 'extendedKeyUsage=serverAuth,clientAuth\n%s\n' "${3:+subjectAltName=$3}" >"$file.ext"
  openssl x509 -req -in "$file.csr" -CA "$dir/pki/ca.crt" -CAkey "$dir/pki/ca.key" -CAcreateserial -days 30 \
    -extfile "$file.ext" -out "$file.crt" 2>/dev/null
}

kubeconfig() { # NAME
  cat >"$dir/$1.kubeconfig" <<YAML
apiVersion: v1
kind: Config
current-context: node
clusters: [{name: node, cluster: {server: "https://$node_ip:443", certificate-authority: $dir/pki/ca.crt}}]
users: [{name: user, user: {client-certificate: $dir/pki/$1.crt, client-key: $dir/pki/$1.key}}]
contexts: [{name: node, context: {cluster: node, user: user}}]
YAML
}

network() {
  ip netns add "$namespace"
  ip link add "$link" type veth peer name uplink netns "$namespace"
  ip addr add "$host_ip/30" dev "$link"; ip link set "$link" up
  inside ip link set lo up
  inside ip addr add "$api_service/32" dev lo           # pods reach the API without kube-proxy
  inside ip addr add "$node_ip/30" dev uplink; inside ip link set uplink up
  inside sysctl -qw net.ipv4.ip_forward=1
  ip route add "$pods" via "$node_ip"; ip route add "$services" via "$node_ip"
}

hierarchies() { # the hierarchies that exist: one of v2, or each of v1
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then echo /sys/fs/cgroup; return; fi
  for hierarchy in /sys/fs/cgroup/*; do [ ! -e "$hierarchy/cgroup.procs" ] || echo "$hierarchy"; done
}

control_groups() {
  for hierarchy in $(hierarchies); do
    mkdir -p "$hierarchy$group"
    [ -e "$hierarchy/cpuset.cpus" ] && [ -e "$hierarchy$group/cpuset.cpus" ] || continue
    cat "$hierarchy/cpuset.cpus" >"$hierarchy$group/cpuset.cpus"
    cat "$hierarchy/cpuset.mems" >"$hierarchy$group/cpuset.mems"
  done
}

pki() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=node-ca \
    -keyout "$dir/pki/ca.key" -out "$dir/pki/ca.crt" 2>/dev/null
  openssl genrsa -out "$dir/pki/sa.key" 2048 2>/dev/null
  certificate apiserver /CN=kube-apiserver \
    "IP:$node_ip,IP:$api_service,IP:127.0.0.1,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
  certificate apiserver-kubelet /O=system:masters/CN=kube-apiserver-kubelet-client
  certificate admin /O=system:masters/CN=admin
  certificate controller-manager /CN=system:kube-controller-manager
  certificate scheduler /CN=system:kube-scheduler
  certificate kubelet "/O=system:nodes/CN=system:node:$node" "IP:$node_ip,DNS:$node"
  certificate proxy /CN=system:kube-proxy
  for user in admin controller-manager scheduler kubelet proxy; do kubeconfig $user; done
}

control_plane() {
  start etcd "$program" etcd --data-dir "$dir/etcd" --unsafe-no-fsync \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
    --initial-cluster default=http://127.0.0.1:2380
  start apiserver "$program" apiserver --etcd-servers=http://127.0.0.1:2379 --bind-address=0.0.0.0 --secure-port=443 \
    --advertise-address=$node_ip --service-cluster-ip-range=$services --client-ca-file="$dir/pki/ca.crt" \
    --tls-cert-file="$dir/pki/apiserver.crt" --tls-private-key-file="$dir/pki/apiserver.key" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement \
    --allow-privileged=true --kubelet-preferred-address-types=InternalIP \
    --kubelet-client-certificate="$dir/pki/apiserver-kubelet.crt" \
    --kubelet-client-key="$dir/pki/apiserver-kubelet.key" --kubelet-certificate-authority="$dir/pki/ca.crt" \
    --service-account-key-file="$dir/pki/sa.key" --service-account-signing-key-file="$dir/pki/sa.key" \
    --service-account-issuer=https://kubernetes.default.svc
  await 60 kube-apiserver curl -sf -m 5 --cacert "$dir/pki/ca.crt" --cert "$dir/pki/admin.crt" \
    --key "$dir/pki/admin.key" "https://$node_ip:443/readyz"
  start controller-manager "$program" controller-manager --kubeconfig="$dir/controller-manager.kubeconfig" \
    --leader-elect=false --service-account-private-key-file="$dir/pki/sa.key" --root-ca-file="$dir/pki/ca.crt" \
    --use-service-account-credentials
  start scheduler "$program" scheduler --kubeconfig="$dir/scheduler.kubeconfig" --leader-elect=false
}

runtime() {
  cat >"$dir/cni/10-node.conflist" <<JSON
{"cniVersion":"0.4.0","name":"node","plugins":[
  {"type":"bridge","bridge":"cni0","isGateway":true,"ipMasq":false,"hairpinMode":true,
   "ipam":{"type":"host-local","dataDir":"$dir/addresses","ranges":[[{"subnet":"$pods"}]],"routes":[{"dst":"0.0.0.0/0"}]}},
  {"type":"portmap","capabilities":{"portMappings":true},"snat":true}]}
JSON
  # Version 2 of the file is what containerd 1.6 and later read. Lowering oom_score_adj needs a right that a virtual
  # machine may lack.
  cat >"$dir/containerd.toml" <<TOML
version = 2
root = "$dir/containerd"
state = "$dir/containerd-run"
[grpc]
  address = "$dir/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:dev"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$dir/cni"
TOML
  start containerd containerd --config "$dir/containerd.toml"
  await 60 containerd ctr version
}

kubelet() {
  echo 'nameserver 127.0.0.1' >"$dir/resolv.conf"
  cat >"$dir/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
cgroupDriver: cgroupfs
cgroupRoot: $group
failSwapOn: false
oomScoreAdj: 0
makeIPTablesUtilChains: false
containerRuntimeEndpoint: unix://$dir/containerd.sock
address: $node_ip
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $dir/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $dir/pki/kubelet.crt
tlsPrivateKeyFile: $dir/pki/kubelet.key
clusterDomain: cluster.local
resolvConf: $dir/resolv.conf
podLogsDir: $dir/pod-logs
# Amounts, not shares: one percent of a large disk is gigabytes, and a full one would evict what is under test.
evictionHard: {memory.available: 100Mi, nodefs.available: 100Mi, imagefs.available: 100Mi, nodefs.inodesFree: 1%}
imageGCHighThresholdPercent: 100
YAML
  start kubelet "$program" kubelet --config="$dir/kubelet.yaml" --kubeconfig="$dir/kubelet.kubeconfig" \
    --root-dir="$dir/kubelet" --hostname-override="$node" --node-ip="$node_ip"
  start proxy "$program" proxy --kubeconfig="$dir/proxy.kubeconfig" --proxy-mode=nftables \
    --hostname-override="$node" --cluster-cidr="$pods" --conntrack-max-per-core=0 \
    --conntrack-tcp-timeout-established=0s --conntrack-tcp-timeout-close-wait=0s
  await 90 "the node" kubectl get node "$node"
  kubectl wait --for=condition=Ready "node/$node" --timeout=55s >/dev/null
}

load() { for image in "$@"; do ctr images import "$image" >/dev/null; done; }

up() {
  needs
  [ ! -e "$dir" ] || down
  mkdir -p "$dir/pki" "$dir/cni"; chmod 700 "$dir"
  # The kubelet changes these for the whole machine; `down` restores them.
  sysctl kernel.panic kernel.panic_on_oops vm.overcommit_memory >"$dir/sysctls"
  network; control_groups; pki; control_plane; runtime
  "$here/image.sh" --pause "$dir/pause.tar"
  load "$dir/pause.tar" "$@"
  kubelet
  say "up in ${SECONDS}s: KUBECONFIG=$dir/admin.kubeconfig"
}

down() {
  set +e
  [ -d "$dir" ] || return 0
  for server in kubelet proxy scheduler controller-manager apiserver etcd; do stop $server 15; done
  if [ -S "$dir/containerd.sock" ]; then
    for task in $(ctr task ls -q 2>/dev/null); do ctr task delete -f "$task" >/dev/null 2>&1; done
    for container in $(ctr container ls -q 2>/dev/null); do ctr container delete "$container" >/dev/null 2>&1; done
  fi
  stop containerd 15
  # What a crashed containerd left: processes in our control group, and shims that carry our socket's name.
  local pids="" shim
  for hierarchy in $(hierarchies); do
    [ ! -d "$hierarchy$group" ] || pids="$pids $(find "$hierarchy$group" -name cgroup.procs -exec cat {} +)"
  done
  for shim in $(grep -lsF -- "$dir/containerd.sock" /proc/[0-9]*/cmdline); do
    [ "$(cat "${shim%cmdline}comm" 2>/dev/null)" != containerd-shim ] || pids="$pids $(echo "$shim" | cut -d/ -f3)"
  done
  for pid in $(echo "$pids" | tr ' ' '\n' | sort -un); do kill -9 "$pid" 2>/dev/null; done
  grep -F " $dir/" /proc/self/mountinfo | awk '{print $5}' | sort -r | while read -r mount; do umount -l "$mount"; done
  for name in $(ip -o netns list | awk '/^cni-/{print $1}'); do
    nsenter --net="/run/netns/$name" ip -4 -o addr show 2>/dev/null | grep -q " ${pods%.*}\." && ip netns del "$name"
  done
  ip route del "$pods" via "$node_ip" 2>/dev/null; ip route del "$services" via "$node_ip" 2>/dev/null
  ip link del "$link" 2>/dev/null; ip netns del "$namespace" 2>/dev/null
  for hierarchy in $(hierarchies); do
    [ ! -d "$hierarchy$group" ] || find "$hierarchy$group" -depth -type d -exec rmdir {} \; 2>/dev/null
  done
  [ ! -e "$dir/sysctls" ] || sysctl -q -p "$dir/sysctls"
  rm -rf "$dir"
  say down
}

case ${1:-} in
  up) shift; up "$@" ;;
  load) shift; load "$@" ;;
  down) down ;;
  kubeconfig) echo "$dir/admin.kubeconfig" ;;
  *) sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
