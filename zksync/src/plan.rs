//! What to write to the target: pure, from the source's transactions and both trees.
//!
//! - [`View`]: the target as it will be once everything planned is written.
//! - [`replay`]: a transaction of the source becomes the same change of the target.
//! - [`repair`]: a node of the target is made like the source's, whatever it is now.

mod fit;
mod repair;
mod replay;
mod view;

pub(crate) use fit::same_acl;
pub use repair::{differs, repair};
pub use replay::replay;
pub use view::{Expected, Held, Overlay, Planned, Source, View};

use mesolith_zk::record::{Acl, NodeStat};
use mesolith_zk::request::{CreateMode, Write};
use mesolith_zk::tree::Node;

/// One step; steps of a plan happen in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A change, in the name of a session if it creates or ends one of its ephemeral nodes.
    Write {
        /// Whose node it is.
        session: Option<i64>,
        /// What.
        write: Write,
    },
    /// The session begins on the target, under the same id.
    Open {
        /// The session.
        session: i64,
        /// Milliseconds.
        timeout: i32,
    },
    /// The session ends on the target, once its nodes are gone.
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

/// What sort of node it is, and which session owns it.
pub fn kind(node: Node<'_>) -> (CreateMode, Option<i64>) {
    let stat = node.stored();
    if let Some(session) = node.owner() {
        (CreateMode::Ephemeral, Some(session))
    } else if stat.ephemeral_owner == NodeStat::CONTAINER {
        (CreateMode::Container, None)
    } else if let Some(millis) = stat.ttl() {
        (CreateMode::Ttl(millis), None)
    } else {
        (CreateMode::Persistent, None)
    }
}

/// Creates a node like another one.
fn create_like(path: &str, node: Node<'_>) -> Step {
    let (mode, session) = kind(node);
    Step::Write {
        session,
        write: Write::Create {
            path: path.into(),
            data: node.data().map(bytes::Bytes::copy_from_slice),
            acl: node.acl().map(<[Acl]>::to_vec),
            mode,
        },
    }
}

/// The path without its last part; `None` for the root and its children.
fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/')
        .map(|(above, _)| above)
        .filter(|above| !above.is_empty())
}
