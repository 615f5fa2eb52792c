#!/usr/bin/env bash
# The alerting rules of the chart, checked by promtool (Debian package prometheus): their syntax, and what fires when.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=local/lib.sh
. local/lib.sh
command -v promtool >/dev/null || fail "promtool is not installed." "apt-get install --no-install-recommends prometheus"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A rule file of Prometheus is what the object has below spec, two columns to the left.
sed -n '/^spec:/,$p' manifests/monitoring/prometheusrule.yaml | sed '1d; s/^  //' >"$work/rules.yaml"
cp charts/rules-test.yaml "$work/"
cd "$work"
promtool check rules rules.yaml
promtool test rules rules-test.yaml
