#!/usr/bin/env bash
# make down: removes the local world and everything it started.
set -euo pipefail
# shellcheck source=local/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$repo"
[ -e .local ] || { echo "no local world here (.local does not exist)" >&2; exit 0; }
require_machine 100
[ -x "$CARGO_TARGET_DIR/debug/mesolith-xtask" ] || step "build xtask" cargo build --locked --workspace --bins
exec "$CARGO_TARGET_DIR/debug/mesolith-xtask" down
