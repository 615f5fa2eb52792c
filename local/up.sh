#!/usr/bin/env bash
# make up: from a bare Debian machine with Rust and Go to a running world. Safe to run again.
set -euo pipefail
# shellcheck source=local/lib.sh
. "$(dirname "$0")/lib.sh"
begun=$(date +%s)
cd "$repo"

# A first build needs room for two compilers' output; later ones hardly any.
if [ -x "$CARGO_TARGET_DIR/debug/mesolith" ]; then require_machine 2000; else require_machine 12000; fi
install_packages
build_kube_dev
build_helm
step "build mesolith" cargo build --locked --workspace --bins
exec "$CARGO_TARGET_DIR/debug/mesolith-xtask" up --begun "$begun"
