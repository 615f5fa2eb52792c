//! Node agents: what each of them shows, and what it can be told.
//!
//! ```text
//! follow (one watch a node) ─► view (what was seen last) ─► a reconcile, which never waits for a node
//! order ─► connections ◄── what a reconcile decided
//! ```
//!
//! A change on a node triggers a reconcile of the object that the node belongs to.

mod connections;
mod credentials;
mod dial;
mod follow;
mod link;
mod order;
mod refusal;
mod slot;
mod view;

pub(crate) use connections::{Nodes, facts};
pub(crate) use credentials::{Dials, Error as CredentialsError, secret_name, stored_authority};
pub(crate) use dial::Dial;
pub(crate) use link::Error;
pub(crate) use order::{Order, Owner};
pub(crate) use slot::{Ids, Kind, Slot};
pub(crate) use view::{Ledger, NodeView, Part};
