//! Decides what to write to the target, from the source's transactions and both trees. Pure.
//!
//! - [`View`]: the target as it will be once everything planned is written.
//! - [`replay`]: a transaction of the source becomes the same change of the target.
//! - [`Common`]: what both sides can hold; the rest is made to fit.
//! - [`count`]: a node's counter becomes the source's, whatever of the source is not carried.
//! - [`Refused`]: what the target does not take, and why.
//! - [`repair`]: a node of the target is made like the source's, whatever it is now.

mod common;
mod count;
mod fit;
mod overlay;
mod refused;
mod repair;
mod replay;
mod view;

pub use common::{Common, Kinds};
pub use count::{behind, count};
pub use fit::can_raise;
pub use overlay::{Expected, Held, Overlay, Planned};
pub use refused::{Part, Refusal, Refused, Why};
pub use repair::{differs, differs_itself, repair};
pub use replay::replay;
pub use view::{Source, View};

use std::borrow::Cow;

use mesolith_zk::request::Write;
use mesolith_zk::tree::Node;

/// Name of the node that is made and deleted to raise its parent's counter.
const COUNTER: &str = ".mesolith-counter";

/// One step of a plan. Steps are carried out in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A change. It is made in the name of a session if it creates or deletes one of its ephemeral nodes.
    Write {
        /// The session that owns the node.
        session: Option<i64>,
        /// The change.
        write: Write,
    },
    /// A session begins on the target, under the same id.
    Open {
        /// The session.
        session: i64,
        /// Its timeout in milliseconds.
        timeout: i32,
    },
    /// A session ends on the target, after its nodes are deleted.
    Close {
        /// The session.
        session: i64,
    },
}

impl Step {
    fn write(write: Write) -> Self {
        Self::Write { session: None, write }
    }
}

/// A request to create a copy of a node.
fn create_like(path: &str, node: Node<'_>, common: &Common) -> Step {
    let (mode, session) = common.kind_to_make(node);
    Step::Write {
        session,
        write: Write::Create {
            path: path.into(),
            data: node.data().map(bytes::Bytes::copy_from_slice),
            acl: common.list(node.acl()).map(Cow::into_owned),
            mode,
        },
    }
}

/// Bytes of the longest of a client's packets that make a node like another one. Its list may leave no room beside its
/// data: one that was set since it was made can be made empty, and set.
pub fn packet_like(path: &str, node: Node<'_>, common: &Common) -> usize {
    let data = node.data().map_or(0, <[u8]>::len);
    let create = Write::Create {
        path: path.into(),
        data: None,
        acl: common.list(node.acl()).map(Cow::into_owned),
        mode: common.kind_to_make(node).0,
    };
    let set = Write::SetData {
        path: path.into(),
        data: None,
        version: 0,
    };
    match node.stored().version {
        0 => create.packet() + data,
        _ => create.packet().max(set.packet() + data),
    }
}

/// The path without its last part. `None` for the root and its children.
fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/')
        .map(|(above, _)| above)
        .filter(|above| !above.is_empty())
}
