#!/usr/bin/env bash
# The charts as a user installs them: into a real one-node Kubernetes, with the operator's own image.
#
# Two replicas run; the lease moves when the leading pod goes; the operator in its pod drives a node agent on the host;
# approvals are stamped and wrong ones refused; upgrade and rollback; uninstalling keeps CRDs and objects.
#
#   helm.sh            MESOLITH_BIN names the program (default: target/debug/mesolith)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
program=${MESOLITH_BIN:-${CARGO_TARGET_DIR:-$root/target}/debug/mesolith}
work=${MESOLITH_HELM_DIR:-/tmp/mesolith-helm}
export MESOLITH_NODE_DIR=$work/node
kube_dev=$("$root/kube-dev/build.sh" --path)
host=10.213.0.1                              # this machine, as pods see it (kube-dev/node.sh)
namespace=mesolith-system
PATH=$PATH:$HOME/go/bin

say() { echo "[$(date +%T)] helm: $*"; }
fail() { say "FAILED: $*" >&2; exit 1; }
kubectl() { timeout 90 "$kube_dev" kubectl --kubeconfig "$MESOLITH_NODE_DIR/admin.kubeconfig" "$@"; }
helm() { timeout 120 env helm --kubeconfig "$MESOLITH_NODE_DIR/admin.kubeconfig" "$@"; }
chart() { helm "$1" mesolith "$root/charts/mesolith" -n $namespace --wait --timeout 90s "${@:2}" >/dev/null; }

await() { # SECONDS WHAT COMMAND...
  local end=$((SECONDS + $1)) what=$2; shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || fail "$what"
    sleep 0.3
  done
}

says() { # TEXT COMMAND...: the command must fail, and say so
  local text=$1 output; shift
  ! output=$("$@" 2>&1) || fail "this should have been refused: $*"
  [[ $output == *"$text"* ]] || fail "expected \"$text\", got: $output"
}

leader() { kubectl get lease mesolith-operator -n $namespace -o 'jsonpath={.spec.holderIdentity}'; }
led() { [ -n "$(leader)" ]; }
led_by_another() { local now; now=$(leader); [ -n "$now" ] && [ "$now" != "$1" ]; }

finish() {
  local code=$? pid
  set +e
  [ $code = 0 ] || diagnose 2>&1 | sed 's/^/    /'
  [ ! -e "$work/agent.pid" ] || kill "$(cat "$work/agent.pid")" 2>/dev/null
  # Components outlive their agent; what is left of ours names our directory.
  for _ in $(seq 50); do ours >/dev/null || break; sleep 0.2; done
  for pid in $(ours); do kill -9 "$pid" 2>/dev/null; done
  "$root/kube-dev/node.sh" down
  rm -rf "$work"
  exit $code
}

ours() { # processes that name the host's part of our directory
  local file found=1
  for file in $(grep -lsF -- "$work/host" /proc/[0-9]*/cmdline); do echo "$file" | cut -d/ -f3; found=0; done
  return $found
}

diagnose() {
  kubectl get pods,lease -n $namespace -o wide
  kubectl get mesolith -A -o wide
  kubectl get mesoscluster host -n default -o 'jsonpath={.status.nodes}'
  kubectl logs -n $namespace -l app.kubernetes.io/component=operator --tail=40 --prefix
  tail -20 "$work/agent.log"
}

cluster_up() {
  [ -x "$program" ] || fail "$program is not built; run: cargo build -p mesolith"
  command -v helm >/dev/null || fail "helm is missing; run: go install helm.sh/helm/v3/cmd/helm@v3.22.0"
  rm -rf "$work"; mkdir -p "$work/host"
  "$root/kube-dev/image.sh" --program localhost/mesolith:test "$program" "$work/image.tar" 65532:65532
  "$root/kube-dev/node.sh" up "$work/image.tar"
}

renders() { # every switch, and an older Kubernetes
  helm lint "$root/charts/mesolith" "$root/charts/mesolith-crds" >/dev/null
  says "replicas" helm template mesolith "$root/charts/mesolith" --set replicas=many
  says "unknown" helm template mesolith "$root/charts/mesolith" --set unknown=1
  local all; all=$(helm template mesolith "$root/charts/mesolith" --kube-version 1.37.2 \
    --set metrics.serviceMonitor.enabled=true,metrics.prometheusRule.enabled=true)
  for kind in ServiceMonitor PrometheusRule NetworkPolicy PodDisruptionBudget MutatingAdmissionPolicy; do
    grep -q "^kind: $kind\$" <<<"$all" || fail "the chart should render a $kind"
  done
  says "api.tlsSecret is required" helm template mesolith "$root/charts/mesolith" --kube-version 1.37.2 --set api.enabled=true
  all=$(helm template mesolith "$root/charts/mesolith" --kube-version 1.37.2 --set api.enabled=true,api.tlsSecret=tls)
  for part in tokenreviews subjectaccessreviews "--api=0.0.0.0:8443" "secretName: tls"; do
    grep -q -- "$part" <<<"$all" || fail "the chart with the migration API should have $part"
  done
  all=$(helm template mesolith "$root/charts/mesolith" --kube-version 1.33.0)
  ! grep -q "^kind: MutatingAdmissionPolicy" <<<"$all" || fail "Kubernetes 1.33 has no MutatingAdmissionPolicy"
  say "renders with every switch, and for older servers"
}

install() {
  kubectl create namespace $namespace >/dev/null
  kubectl label namespace $namespace pod-security.kubernetes.io/enforce=restricted >/dev/null
  helm install mesolith-crds "$root/charts/mesolith-crds" -n $namespace >/dev/null
  chart install --set image.repository=localhost/mesolith,image.tag=test,image.pullPolicy=Never
  [ "$(kubectl get deployment mesolith-operator -n $namespace -o 'jsonpath={.status.readyReplicas}')" = 2 ] ||
    fail "two replicas should be ready"
  await 30 "nobody took the lease" led
  say "installed; $(leader) leads, the other stands by"
}

one_leader() { # of both replicas, by their own word
  local sum=0 address
  for address in $(kubectl get pods -n $namespace -l app.kubernetes.io/component=operator -o 'jsonpath={.items[*].status.podIP}'); do
    sum=$((sum + $(curl -sf -m 5 "http://$address:8080/metrics" | awk '/^mesolith_operator_leader/{print $2}')))
  done
  [ $sum = 1 ]
}

few_rights() {
  local as="--as=system:serviceaccount:$namespace:mesolith-operator" right
  for right in "list secrets" "update secrets" "delete secrets" "create pods" "update mesosclusters.mesolith.io" \
    "update marathonapps.mesolith.io" "get nodes" "list leases -n $namespace" "update leases/other -n $namespace"; do
    # shellcheck disable=SC2086
    [ "$(kubectl auth can-i $right $as 2>/dev/null || true)" = no ] || fail "the operator should not be allowed to: $right"
  done
  await 30 "exactly one replica should say that it leads" one_leader
  say "the operator may do what it does and no more"
}

lease_moves() {
  local before started=$SECONDS; before=$(leader)
  kubectl delete pod "$before" -n $namespace --wait=false >/dev/null
  await 30 "the lease stays with the deleted pod $before" led_by_another "$before"
  say "leading pod deleted, $(leader) leads after $((SECONDS - started))s"
  kubectl rollout status deployment/mesolith-operator -n $namespace --timeout=60s >/dev/null
}

approvals() {
  # The operator cannot run phases yet: it must not overwrite what this test writes into the status.
  kubectl scale deployment mesolith-operator -n $namespace --replicas 0 >/dev/null
  kubectl wait pod -n $namespace -l app.kubernetes.io/component=operator --for=delete --timeout=60s >/dev/null
  kubectl apply --server-side -f "$root/manifests/examples/migration.yaml" >/dev/null
  local name; name=$(kubectl get zkm -n default -o 'jsonpath={.items[0].metadata.name}')
  kubectl patch zkm "$name" --subresource=status --type=merge -p '{"status": {"phase": "DeployZk", "stage":
    "AwaitingApproval", "direction": "Forward", "evidence": {"phase": "DeployZk", "hash": "9f2c1e", "summary":
    "quorum 3/3", "since": "2026-01-01T14:02:11Z"}}}' >/dev/null
  local refused="The ZkMigration \"$name\" was not approved: "
  local approve=mesolith.io/approve by=mesolith.io/approved-by
  says "${refused}000000 is not the evidence of phase DeployZk (9f2c1e since 14:02:11). Look at it first: kubectl describe zkm $name" \
    kubectl annotate zkm "$name" $approve=DeployZk@000000
  says "${refused}it is in phase DeployZk, not DeployMasters." kubectl annotate zkm "$name" $approve=DeployMasters@9f2c1e
  says "${refused}\"yes\" is not a phase and the hash of its evidence" kubectl annotate zkm "$name" $approve=yes
  says "cannot be changed alone" kubectl annotate zkm "$name" $by=eve
  # Another's name is replaced by one's own.
  kubectl annotate zkm "$name" $approve=DeployZk@9f2c1e $by=eve >/dev/null
  [ "$(kubectl get zkm "$name" -o "jsonpath={.metadata.annotations['mesolith\.io/approved-by']}")" = admin ] ||
    fail "the approval should name who gave it"
  says "cannot be changed alone" kubectl annotate zkm "$name" $by=eve --overwrite
  kubectl annotate zkm "$name" note=unrelated >/dev/null
  kubectl annotate zkm "$name" $approve- $by- >/dev/null
  # Without the stamping policy, as before Kubernetes 1.37, people name themselves and the other policy checks it.
  kubectl delete mutatingadmissionpolicybinding mesolith-operator-approvals >/dev/null
  await 30 "an approval without a name should be refused" refused_nameless "$name"
  says "${refused}it must name you: send the annotation $by=admin as well." \
    kubectl annotate zkm "$name" $approve=DeployZk@9f2c1e $by=eve
  kubectl annotate zkm "$name" $approve=DeployZk@9f2c1e $by=admin >/dev/null
  say "approvals are stamped with a name; wrong, stale and nameless ones are refused"
}

refused_nameless() { # a policy that is deleted takes effect a little later
  if kubectl annotate zkm "$1" mesolith.io/approve=DeployZk@9f2c1e; then
    kubectl annotate zkm "$1" mesolith.io/approve- mesolith.io/approved-by-
    return 1
  fi
}

upgrade() {
  local args="jsonpath={.spec.template.spec.containers[0].args}"
  chart upgrade --reuse-values --set lease.seconds=10
  kubectl get deployment mesolith-operator -n $namespace -o "$args" | grep -q -- --lease-seconds=10 || fail "upgrade changed nothing"
  helm rollback mesolith 1 -n $namespace --wait --timeout 90s >/dev/null
  kubectl get deployment mesolith-operator -n $namespace -o "$args" | grep -q -- --lease-seconds=15 || fail "rollback changed nothing"
  kubectl rollout status deployment/mesolith-operator -n $namespace --timeout=60s >/dev/null
  await 30 "nobody leads after the rollback" led
  say "upgraded and rolled back"
}

drives_a_host() {
  "$program" pki init --dir "$work/host/ca" --cluster host >/dev/null
  "$program" pki issue --ca-dir "$work/host/ca" --role node --name host1 --address $host --out "$work/host/pki" >/dev/null
  kubectl create secret tls host-ca -n default --cert "$work/host/ca/ca.crt" --key "$work/host/ca/ca.key" >/dev/null
  setsid nohup "$program" agent --name host1 --listen $host:7070 --http $host:7071 --state-dir "$work/host/state" \
    --pki-dir "$work/host/pki" --stop-components-on-exit >"$work/agent.log" 2>&1 </dev/null &
  echo $! >"$work/agent.pid"
  kubectl apply --server-side -f - >/dev/null <<YAML
apiVersion: mesolith.io/v1alpha1
kind: MesosCluster
metadata: {name: host, namespace: default}
spec:
  nodes: [{name: host1, address: "$host:7070"}]
  zookeeper: {nodes: host1, heap: 64Mi}
  masters: {nodes: host1}
  agents: [{name: all, nodes: host1, containerizers: [mesos], resources: "cpus:1;mem:256;disk:256;ports:[31900-31999]"}]
YAML
  kubectl wait mesoscluster host -n default --for=condition=Ready --timeout=80s >/dev/null ||
    fail "the operator in its pod did not bring the cluster on the host up"
  curl -sf -m 5 "http://$host:5050/health" >/dev/null || fail "the master on the host does not answer"
  say "the operator in its pod runs ZooKeeper, a master and an agent on the host: $(kubectl get mc host -n default --no-headers)"
  kubectl delete mesoscluster host -n default --timeout=80s >/dev/null
  ! curl -sf -m 5 "http://$host:5050/health" >/dev/null || fail "the master outlives its cluster"
  say "cluster deleted, nothing of it runs"
}

uninstall() {
  helm uninstall mesolith -n $namespace --wait --timeout 90s >/dev/null
  helm uninstall mesolith-crds -n $namespace --wait --timeout 90s >/dev/null
  [ "$(kubectl get crd -o name | grep -c mesolith.io)" = 3 ] || fail "uninstalling must keep the CRDs"
  [ "$(kubectl get zkm -A --no-headers | wc -l)" = 1 ] || fail "uninstalling must keep objects"
  ! kubectl get deployment mesolith-operator -n $namespace >/dev/null 2>&1 || fail "the operator is still there"
  ! kubectl get clusterrole mesolith-operator >/dev/null 2>&1 || fail "its rights are still there"
  say "uninstalled; CRDs and objects are kept"
}

[ "$(id -u)" = 0 ] || fail "must run as root"
trap finish EXIT
trap 'exit 130' INT TERM
cluster_up
renders
install
few_rights
lease_moves
drives_a_host
approvals
upgrade
uninstall
say "passed in ${SECONDS}s"
