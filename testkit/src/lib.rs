//! Real servers for tests and for the local world: started, watched, killed and stopped, nothing faked.
//!
//! - [`Process`]: a program of ours or of others, with its log and pid on disk, found again by a later run.
//! - [`ApiServer`]: Kubernetes (etcd, kube-apiserver, controller-manager) from `kube-dev/`.
//! - [`Docker`]: a Docker engine and images made from local files.
//! - [`World`]: all of it together with node agents on loopback addresses and the operator.
//!
//! Everything here is blocking except what returns a kube client: setting up takes seconds, and clean-up has to
//! work in `Drop`.

mod api_server;
mod docker;
mod kubectl;
mod leftovers;
mod ports;
mod process;
mod progress;
mod repo;
mod wait;
mod world;

pub use api_server::{ADMIN_TOKEN, ApiServer};
pub use docker::Docker;
pub use kubectl::Kubectl;
pub use leftovers::{cgroups_of, mounts_of, processes_of, task_processes_of};
pub use ports::{free_port, listening};
pub use process::Process;
pub use progress::Progress;
pub use repo::{cache_dir, kube_dev, mesolith, root};
pub use wait::wait_until;
pub use world::{Node, NodeOptions, Options, WEB_IMAGE, World};
