//! Chooses the kind of link, from what is known about an ensemble.

use std::fmt;

/// The way in which changes are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capture {
    /// Every transaction, through the quorum port.
    Observer,
    /// One watch for all nodes, and a read after each event (3.6 and later).
    Recursive,
    /// A watch for each node, which is set again with each read.
    OneShot,
    /// No watches. Changes of others are seen only when all nodes are read from time to time.
    None,
}

impl fmt::Display for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Observer => "observer",
            Self::Recursive => "recursive-watch",
            Self::OneShot => "one-shot-watches",
            Self::None => "none",
        })
    }
}

/// What is known about an ensemble.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Why the quorum port cannot be used, as a clause. `None` if a leader has answered there.
    pub no_quorum_port: Option<String>,
    /// Version of a server, such as 3.8.0. `None` if no server tells it.
    pub version: Option<String>,
    /// Whether the server is standalone.
    pub standalone: bool,
    /// Why a server has refused a persistent recursive watch. `None` if it was not tried.
    pub watch_refused: Option<String>,
}

/// A kind of link with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// How changes are seen.
    pub capture: Capture,
    /// Why this way was chosen, and what is lost by it, as sentences.
    pub reason: String,
}

impl Facts {
    /// The first three numbers of a version.
    pub fn numbers(&self) -> Option<(u32, u32, u32)> {
        let mut numbers = self.version.as_deref()?.split('.').map(|part| {
            let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part[..digits].parse().ok()
        });
        Some((
            numbers.next()??,
            numbers.next()??,
            numbers.next().flatten().unwrap_or(0),
        ))
    }
}

/// The reason for an observer.
pub(super) const OBSERVER: &str = "the leader's quorum port can be reached: every transaction is seen";

/// The exact way if it is possible, otherwise the one that loses least. `resync_seconds` is the pause between two
/// reads of all nodes, since watches do not tell of ACLs.
pub fn choose(facts: &Facts, resync_seconds: u64) -> Choice {
    let Some(why) = no_observer(facts) else {
        return Choice {
            capture: Capture::Observer,
            reason: OBSERVER.to_owned(),
        };
    };
    let version = facts.version.as_deref().unwrap_or("of unknown version");
    let (capture, how) = match (facts.numbers(), &facts.watch_refused) {
        (Some(numbers), None) if numbers >= (3, 6, 0) => (
            Capture::Recursive,
            format!("the servers are {version} and take a watch for all nodes"),
        ),
        (Some(_), None) => (
            Capture::OneShot,
            format!("the servers are {version}, and only 3.6 and later watch all nodes at once"),
        ),
        (_, Some(refused)) => (
            Capture::OneShot,
            format!("the servers are {version} and refuse a watch for all nodes ({refused})"),
        ),
        (None, None) => (
            Capture::OneShot,
            "no server says its version, so only what every version can do is used".to_owned(),
        ),
    };
    Choice {
        capture,
        reason: format!(
            "{why}; {how}. Values between two reads are not seen, and changes of ACLs only by looking at every node again, every \
             {resync_seconds} s"
        ),
    }
}

fn no_observer(facts: &Facts) -> Option<String> {
    if facts.standalone {
        return Some("the server is standalone and has no quorum port".to_owned());
    }
    let why = facts.no_quorum_port.as_ref()?;
    Some(format!("the quorum port cannot be used: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(version: &str) -> Facts {
        Facts {
            no_quorum_port: Some("connection refused by zk1:2888".to_owned()),
            version: (!version.is_empty()).then(|| version.to_owned()),
            ..Facts::default()
        }
    }

    #[test]
    fn the_quorum_port_comes_first() {
        let found = Facts {
            no_quorum_port: None,
            ..facts("3.4.14")
        };
        assert_eq!(choose(&found, 60).capture, Capture::Observer);
        let found = Facts {
            standalone: true,
            ..found
        };
        let choice = choose(&found, 60);
        assert_eq!(choice.capture, Capture::OneShot);
        assert!(choice.reason.contains("standalone"), "{}", choice.reason);
    }

    #[test]
    fn without_it_the_version_decides() {
        for (version, capture) in [
            ("3.4.14", Capture::OneShot),
            ("3.5.10", Capture::OneShot),
            ("3.6.0", Capture::Recursive),
            ("3.9.3", Capture::Recursive),
            ("v24.3.1", Capture::OneShot),
            ("", Capture::OneShot),
        ] {
            let choice = choose(&facts(version), 60);
            assert_eq!(choice.capture, capture, "{version}");
            assert!(choice.reason.contains("connection refused"), "{}", choice.reason);
            assert!(choice.reason.contains("60 s"), "{}", choice.reason);
        }
        let refused = Facts {
            watch_refused: Some("unimplemented operation".to_owned()),
            ..facts("3.8.0")
        };
        assert_eq!(choose(&refused, 60).capture, Capture::OneShot);
    }
}
