//! Processes that outlive their starter: launch in a cgroup, adopt again, stop, exit status.
//!
//! An agent must be able to die at any moment, by `kill -9` too, without taking along what it runs and without losing
//! an exit status. So a single-threaded shim stands between agent and program: our own executable, started again.
//!
//! ```text
//! agent ── detach (own session, exits) ── wait (re-parented to init) ── exec (cgroup, user, limits) → the program
//!                                           │ holds the lock, writes running.json, exit.json
//! ```
//!
//! Everything that is known about a process lies in its runtime directory ([`Spec::dir`]):
//!
//! | file | written by | says |
//! |---|---|---|
//! | `spec.json` | starter | what to run |
//! | `lock` | held (flock) by the shim while it lives | whether an exit status will still come |
//! | `running.json` | shim, before the program runs | pid, start time, boot id: a reused pid is never taken for ours |
//! | `stop.json` | whoever stops it | when its whole group is killed; a later stop only shortens that |
//! | `exit.json` | shim, after it ended | exit code or signal, whether the OOM killer did it |
//!
//! Every `main` that launches calls [`run_shim_if_asked`] first.

mod cgroup;
pub mod durable;
mod error;
mod handle;
mod identity;
mod inside;
mod launch;
mod lock;
mod orphans;
mod record;
mod shim;
mod spec;
mod stop;

pub use cgroup::{Stats, hierarchy_version};
pub use error::Error;
pub use handle::Handle;
pub use identity::{Identity, boot_id};
pub use inside::run_inside;
pub use launch::{Adopted, adopt, launch, use_shim_program};
pub use orphans::{destroy_group, groups_below};
pub use record::{Exit, Status};
pub use shim::run_shim_if_asked;
pub use spec::{CgroupSpec, Limit, Spec};
