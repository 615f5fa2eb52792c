//! The resources in front of a real kube-apiserver, and the generated schema itself.

#![allow(clippy::unwrap_used, clippy::panic)]

mod api;
mod columns;
mod examples;
mod rules;
mod schema;
