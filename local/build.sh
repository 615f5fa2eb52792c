#!/usr/bin/env bash
# make build: the programs, on the PATH of .local/env. PROFILE=release builds them optimised. Needs no root.
set -euo pipefail
# shellcheck source=local/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$repo"

profile=${PROFILE:-dev}
command -v cargo >/dev/null || fail "No Rust toolchain in PATH." "Install it from https://rustup.rs"
command -v cc >/dev/null || fail "No C compiler in PATH." "apt-get install build-essential"
step "build mesolith ($profile)" cargo build --locked --profile "$profile" -p mesolith -p mesolith-xtask
folder=$profile
[ "$profile" = dev ] && folder=debug
exec "$CARGO_TARGET_DIR/$folder/mesolith-xtask" env
