//! Where two trees differ, field by field.

use std::fmt;

use super::{Node, Tree};

/// One field of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The node, or `session` and its id.
    pub path: String,
    /// The field, or `node` when one side does not have it.
    pub field: &'static str,
    /// What the first tree has.
    pub left: String,
    /// What the second tree has.
    pub right: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            field,
            left,
            right,
        } = self;
        write!(
            f,
            "{path}: {field} is {left} on one side and {right} on the other"
        )
    }
}

impl Tree {
    /// Every difference of nodes, data, ACLs, stats and sessions, up to a limit.
    pub fn differences(&self, other: &Self, limit: usize) -> Vec<Difference> {
        let mine = self.nodes().flat_map(|node| match other.get(&node.path()) {
            Some(theirs) => fields(node, theirs),
            None => vec![difference(node.path(), "node", &"present", &"absent")],
        });
        let theirs = other.nodes().filter_map(|node| {
            let path = node.path();
            let absent = self.get(&path).is_none();
            absent.then(|| difference(path, "node", &"absent", &"present"))
        });
        let ids = self
            .sessions
            .keys()
            .chain(other.sessions.keys().filter(|id| !self.sessions.contains_key(id)));
        let sessions = ids.filter_map(|id| {
            let (left, right) = (self.sessions.get(id), other.sessions.get(id));
            (left != right).then(|| difference(format!("session {id:#x}"), "timeout", &left, &right))
        });
        mine.chain(theirs).chain(sessions).take(limit).collect()
    }
}

fn difference(
    path: String,
    field: &'static str,
    left: &dyn fmt::Debug,
    right: &dyn fmt::Debug,
) -> Difference {
    Difference {
        path,
        field,
        left: format!("{left:?}"),
        right: format!("{right:?}"),
    }
}

fn fields(a: Node<'_>, b: Node<'_>) -> Vec<Difference> {
    let (x, y) = (a.stored(), b.stored());
    let parts: [(&'static str, bool, &dyn fmt::Debug, &dyn fmt::Debug); 11] = [
        ("data", a.data() == b.data(), &a.data(), &b.data()),
        ("acl", a.acl() == b.acl(), &a.acl(), &b.acl()),
        ("czxid", x.czxid == y.czxid, &x.czxid, &y.czxid),
        ("mzxid", x.mzxid == y.mzxid, &x.mzxid, &y.mzxid),
        ("pzxid", x.pzxid == y.pzxid, &x.pzxid, &y.pzxid),
        ("ctime", x.ctime == y.ctime, &x.ctime, &y.ctime),
        ("mtime", x.mtime == y.mtime, &x.mtime, &y.mtime),
        ("version", x.version == y.version, &x.version, &y.version),
        ("cversion", x.cversion == y.cversion, &x.cversion, &y.cversion),
        ("aversion", x.aversion == y.aversion, &x.aversion, &y.aversion),
        (
            "ephemeralOwner",
            x.ephemeral_owner == y.ephemeral_owner,
            &x.ephemeral_owner,
            &y.ephemeral_owner,
        ),
    ];
    parts
        .into_iter()
        .filter(|(_, same, ..)| !same)
        .map(|(field, _, left, right)| difference(a.path(), field, left, right))
        .collect()
}
