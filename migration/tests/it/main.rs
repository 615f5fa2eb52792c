//! The crate as its users see it: objects in, patches and words out.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod actions;
mod document;
mod object;
mod shown;
