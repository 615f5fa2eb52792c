//! Problems of a client link that need a person.

use std::collections::{BTreeMap, BTreeSet};

use mesolith_zk::record::Acl;

/// A client link cannot do everything, or cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nodes that may not be read. They are not skipped: either there is no tree until they can be read, or they stay
    /// in the tree as they were.
    #[error("{count} znodes cannot be read, such as {paths}: {who}")]
    Unreadable {
        /// Number of such nodes.
        count: usize,
        /// Paths of the first ones.
        paths: String,
        /// Identities that may read them.
        who: String,
    },
    /// The servers refuse a watch on all nodes.
    #[error(
        "the servers refuse a persistent recursive watch: {cause}; before 3.6 only one-shot watches work"
    )]
    Watch {
        /// The servers' reason.
        cause: String,
    },
    /// The link was stopped.
    #[error("the link was stopped")]
    Stopped,
}

/// Most paths that an error names.
const NAMED: usize = 3;

impl Error {
    /// Short name for conditions, events and metric labels.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "ZnodesUnreadable",
            Self::Watch { .. } => "WatchRefused",
            Self::Stopped => "LinkStopped",
        }
    }

    pub(super) fn unreadable(denied: &BTreeMap<Box<str>, Option<Vec<Acl>>>, has_credentials: bool) -> Self {
        let readers: BTreeSet<_> = denied
            .values()
            .flatten()
            .flatten()
            .filter(|acl| acl.perms & 1 != 0)
            .map(|acl| match acl.id.id.split_once(':') {
                // The rest of the id is the password's digest and is not shown.
                Some((user, _)) if &*acl.id.scheme == "digest" => format!("digest user {user}"),
                _ => format!("{}:{}", acl.id.scheme, acl.id.id),
            })
            .collect();
        let given = if has_credentials {
            "the credentials given may not"
        } else {
            "no credentials are given"
        };
        let readers = if readers.is_empty() {
            "one that their lists allow to read, which the servers do not tell".to_owned()
        } else {
            readers.into_iter().take(NAMED).collect::<Vec<_>>().join(" or ")
        };
        let paths: Vec<_> = denied.keys().take(NAMED).map(|path| &**path).collect();
        Self::Unreadable {
            count: denied.len(),
            paths: paths.join(", "),
            who: format!("{given}; give those of {readers}, or of the superuser (digest user super)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use mesolith_zk::record::Id;

    use super::*;

    #[test]
    fn names_who_may_read_and_no_digest() {
        let acl = Acl {
            perms: 31,
            id: Id {
                scheme: "digest".into(),
                id: "bob:c2VjcmV0".into(),
            },
        };
        let denied = BTreeMap::from([("/a".into(), Some(vec![acl])), ("/b".into(), None)]);
        let text = Error::unreadable(&denied, false).to_string();
        assert!(text.contains("2 znodes") && text.contains("/a, /b"), "{text}");
        assert!(
            text.contains("digest user bob") && !text.contains("c2VjcmV0"),
            "{text}"
        );
    }
}
