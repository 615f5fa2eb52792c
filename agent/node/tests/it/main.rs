//! The real agent process, the real gRPC service, real ZooKeeper servers (run as root, with Java and ZooKeeper).
#![allow(clippy::unwrap_used)]

mod backups;
mod certificates;
mod crashes;
mod failures;
mod harness;
mod owners;
mod parked;
mod tasks;
mod zookeeper;
