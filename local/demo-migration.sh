#!/usr/bin/env bash
# make demo-migration: moves the cluster of `make up`, live, to a second ensemble and second masters, approving every phase
# by itself, and back. Safe to run again.
set -euo pipefail
# shellcheck source=local/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$repo"

name=move-local
last=${LAST:-DrainAgents} # the phase after which it goes back
[ -e .local/env ] || fail "There is no local world." "Run make up first."
# shellcheck disable=SC1091 # written by make up
. .local/env

phase() { kubectl get "zkm/$name" -o 'jsonpath={.status.phase}'; }
# waits COMMAND...: fine when it ends because a person is waited for.
waits() { "$@" || [ $? = 3 ]; }

begun=$SECONDS
kubectl delete zkm "$name" --ignore-not-found --timeout=60s
kubectl apply -f manifests/examples/move-local.yaml
kubectl wait "zkm/$name" --for=jsonpath='{.status.stage}'=AwaitingApproval --timeout=240s >/dev/null ||
  fail "Ensemble B is not ready after 240 s." "docs/migration/1-deploy-zk.md has a tree; kubectl describe zkm $name"
for _ in 1 2 3 4 5 6; do
  [ "$(phase)" != "$last" ] || break
  waits timeout 300 mesos-migrate advance "$name" --confirm --watch
done
waits mesos-migrate status "$name"
echo "Side B leads; $((SECONDS - begun)) s. Now back."
timeout 300 mesos-migrate rollback "$name" --reason "a demonstration" --watch
kubectl get zkm,mc,mapp
