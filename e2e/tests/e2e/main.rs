//! End-to-end stories on real parts: what happens to a user, black box.
//!
//! One world (Kubernetes API, Docker engine, three node agents, operator) is brought up from the example YAML, the
//! stories take turns in it, and each leaves it as it found it: cluster ready, app `hello` with one instance. The
//! last one deletes everything. `cargo test -p mesolith-e2e -- NAME` runs the stories whose name contains NAME.
#![allow(clippy::unwrap_used, clippy::panic)]

mod runner;
mod stories;

use mesolith_e2e::{context, http, machine};
use std::process::ExitCode;

fn main() -> ExitCode {
    runner::run(&stories::all())
}
