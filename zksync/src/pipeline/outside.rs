//! What callers give to a direction and get from it.

use mesolith_zk::request::Request;
use mesolith_zk::tree::Tree;

/// The two trees, both as of the last event seen, as one direction looks at them.
#[derive(Debug, Clone, Copy)]
pub struct Trees<'a> {
    /// The source's.
    pub source: &'a Tree,
    /// The target's.
    pub target: &'a Tree,
}

/// Limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most changes in one request.
    pub batch: usize,
    /// Most bytes in one request; servers refuse more than a megabyte.
    pub bytes: usize,
    /// Requests that wait for an answer at the same time on a short link.
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

/// Who writes, as the target knows it.
#[derive(Debug, Clone)]
pub struct Identity {
    /// This run of the engine.
    pub run: String,
    /// The engine's own session on the target.
    pub session: i64,
    /// Path of its checkpoint there.
    pub path: String,
    /// First byte of the `cxid` of every request of this engine, in any run; its highest bit is set.
    pub tag: u8,
}

/// A request to send to the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// In whose name.
    pub session: i64,
    /// Number that the answer will have.
    pub cxid: i32,
    /// What.
    pub request: Request,
    /// The leader must be told first that this link speaks for the session, whose client had moved.
    pub take_over: bool,
}

/// What has been done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Changes written to the target.
    pub writes: u64,
    /// Bytes of data in them.
    pub bytes: u64,
    /// Requests sent.
    pub requests: u64,
    /// Requests that the target refused.
    pub refused: u64,
}

/// Something the caller should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Units seen at this time are in the target.
    Applied {
        /// When the source's transaction was seen.
        seen: u64,
    },
    /// The target has committed a request.
    Answered {
        /// When it was sent.
        sent: u64,
    },
    /// The client of a session lives on the target now.
    Moved {
        /// The session.
        session: i64,
    },
    /// The target does not take a change of a node, see [`super::Pipeline::refused`].
    Unwritable {
        /// The node, by the target's name.
        path: Box<str>,
        /// The servers' error code.
        code: i32,
    },
    /// The target does not know such entries or such nodes, which are left out or made to fit from now on.
    Narrowed {
        /// What, in words.
        what: String,
    },
    /// A change that had lost a conflict reached the target all the same.
    Overtaken {
        /// The node, by the target's name.
        path: Box<str>,
    },
    /// Another engine has taken over: nothing can be written any more.
    Fenced {
        /// Its run.
        by: String,
    },
    /// The engine's own session on the target is over, or the leader takes another link for its owner.
    Disowned,
}
