//! Finds the leader among the children of the election path.
//!
//! Candidates are named `json.info_` plus ZooKeeper's sequence number; the lowest number leads. Everything else under
//! the path (`log_replicas`, the pre-0.24 `info_` nodes, operators' own notes) is somebody else's.

/// Name prefix of a candidate.
pub const LABEL: &str = "json.info_";

/// Beginning of the names of masters that take part and may not lead. The end is the master's id and no number: Mesos's
/// own detector takes every child whose name ends in `_` and a number for a candidate, whatever comes before.
pub const STANDBY: &str = "standby-";

/// A candidate's place in the election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// It has the lowest number.
    First,
    /// The named node is before it.
    Behind(String),
    /// Its node does not exist.
    Absent,
}

/// The sequence number in a candidate's name. Signed: ZooKeeper's counter wraps below zero.
pub fn sequence_of(name: &str) -> Option<i64> {
    let digits = name.strip_prefix(LABEL)?;
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    let plausible = unsigned.len() >= 9 && unsigned.bytes().all(|b| b.is_ascii_digit());
    plausible.then(|| digits.parse().ok()).flatten()
}

/// Name of the leading candidate.
pub fn leader_of<S: AsRef<str>>(children: &[S]) -> Option<&str> {
    let candidates = children
        .iter()
        .map(AsRef::as_ref)
        .filter_map(|name| Some((sequence_of(name)?, name)));
    candidates.min().map(|(_, name)| name)
}

/// The place of the candidate with this name.
pub fn position_of<S: AsRef<str>>(children: &[S], own: &str) -> Position {
    if !children.iter().any(|name| name.as_ref() == own) {
        return Position::Absent;
    }
    match leader_of(children) {
        Some(leader) if leader != own => Position::Behind(leader.to_owned()),
        _ => Position::First,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: [&str; 6] = [
        "standby-1f0e9a3c-0000-4000-8000-000000000001",
        "log_replicas",
        "json.info_0000000012",
        "info_0000000001",
        "json.info_0000000009",
        "json.info_note",
    ];

    #[test]
    fn lowest_sequence_leads_and_other_names_are_ignored() {
        assert_eq!(leader_of(&NODES), Some("json.info_0000000009"));
        assert_eq!(leader_of(&["log_replicas"]), None);
    }

    #[test]
    fn positions() {
        assert_eq!(position_of(&NODES, "json.info_0000000009"), Position::First);
        assert_eq!(
            position_of(&NODES, "json.info_0000000012"),
            Position::Behind("json.info_0000000009".into())
        );
        assert_eq!(position_of(&NODES, "json.info_0000000003"), Position::Absent);
    }

    #[test]
    fn a_wrapped_counter_is_a_number_too() {
        assert_eq!(sequence_of("json.info_-2147483647"), Some(-2147483647));
        assert_eq!(sequence_of("json.info_"), None);
    }
}
