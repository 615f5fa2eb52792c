//! The operator against a real Kubernetes API and against nodes whose faults can be chosen.
//!
//! Stories about real nodes are in `e2e/`; here are those that need a node to misbehave on command.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod adoption;
mod bad_input;
mod cluster;
mod lease;
mod migration;
mod node;
mod operator;
mod rest;
