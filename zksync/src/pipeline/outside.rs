//! What callers pass to a direction and get from it.

use mesolith_zk::request::Request;
use mesolith_zk::tree::Tree;

/// Both trees after the last event, as one direction sees them.
#[derive(Debug, Clone, Copy)]
pub struct Trees<'a> {
    /// The source's tree.
    pub source: &'a Tree,
    /// The target's tree.
    pub target: &'a Tree,
}

/// Limits of a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most changes in one request.
    pub batch: usize,
    /// Most bytes in one request; servers refuse more than a megabyte.
    pub bytes: usize,
    /// Requests that may wait for an answer at the same time on a short link.
    pub in_flight: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch: 200,
            bytes: 800 << 10,
            in_flight: 2,
        }
    }
}

/// Who writes to the target.
#[derive(Debug, Clone)]
pub struct Identity {
    /// This run of the engine.
    pub run: String,
    /// The engine's own session on the target.
    pub session: i64,
    /// Path of its checkpoint there.
    pub path: String,
    /// First byte of the `cxid` of every request of this engine, in each of its runs. Its highest bit is set.
    pub tag: u8,
}

/// A request for the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The session in whose name it is sent.
    pub session: i64,
    /// The number by which its answer is recognised.
    pub cxid: i32,
    /// The request.
    pub request: Request,
    /// The leader must first be told that this link speaks for the session, whose client had moved.
    pub take_over: bool,
}

/// What was done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Changes written to the target.
    pub writes: u64,
    /// Bytes of data in these changes.
    pub bytes: u64,
    /// Requests sent.
    pub requests: u64,
    /// Requests that the target refused.
    pub refused: u64,
}

/// A notice for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// All units that were seen at this time are in the target.
    Applied {
        /// When the source's transaction was seen.
        seen: u64,
    },
    /// The target has committed a request.
    Answered {
        /// When it was sent.
        sent: u64,
    },
    /// The client of a session is on the target now.
    Moved {
        /// The session.
        session: i64,
    },
    /// The target does not take a change of a node, see [`super::Pipeline::refused`].
    Unwritable {
        /// Path of the node on the target.
        path: Box<str>,
        /// The servers' error code.
        code: i32,
    },
    /// The target does not know such entries or such nodes. From now on they are left out or replaced by what it
    /// knows.
    Narrowed {
        /// What it does not know, in words.
        what: String,
    },
    /// A change that has lost a conflict has reached the target all the same.
    Overtaken {
        /// Path of the node on the target.
        path: Box<str>,
    },
    /// Another engine has taken over, so nothing can be written any more.
    Fenced {
        /// Its run.
        by: String,
    },
    /// The engine's own session on the target is over, or the leader takes another link for its owner.
    Disowned,
}
