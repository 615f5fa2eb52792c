//! Live settings: what a component follows while it runs, from the controller's [`LiveSettings`] to the component and
//! back.
//!
//! ```text
//! controller ──Component.live──► node agent ──file, replaced as a whole──► component
//! controller ◄──ComponentState── node agent ◄──GET /leadership──────────── master
//! ```
//!
//! A setting is in force only once the component itself has said so, with the file's generation: what was asked for
//! proves nothing.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::node::v1::{ComponentState, LiveSettings};

/// The fact of a master's [`ComponentState`] that says whether it may lead.
pub const MAY_LEAD: &str = "mayLead";

/// The content of the file that a component follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Followed {
    /// Another one whenever a setting changes, so that an answer about older settings is known as such.
    pub generation: u64,
    /// Whether a master may act as the leader.
    pub may_lead: bool,
}

/// Why the file cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the live settings in {}: {problem}", path.display())]
pub struct Unreadable {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

impl Followed {
    /// What the file says now.
    ///
    /// # Errors
    /// When there is no file, or it is not complete.
    pub fn read(path: &Path) -> Result<Self, Unreadable> {
        let unreadable = |problem: String| Unreadable {
            path: path.to_owned(),
            problem,
        };
        let text = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
        serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A master's answer to `GET /leadership`: what it does, and the live settings that it does it under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeadershipReport {
    /// It acts as the leader.
    pub leading: bool,
    /// `host:port` of the leader that it knows.
    pub leader: Option<String>,
    /// It may act as the leader. Once it has said that it may not, it does not act, and will not under this generation.
    pub may_lead: bool,
    /// Of the settings that it has read; none when it follows no file, or cannot read it.
    pub generation: Option<u64>,
    /// Why it does not lead, for people.
    pub reason: Option<String>,
}

impl ComponentState {
    /// Whether it is certain that this master does not act as the leader, and will not until its node is told
    /// otherwise: it was told so, and has confirmed it or does not run.
    ///
    /// A master that is no longer in the node's state at all cannot lead either. A node that does not answer, and one
    /// that shows an older generation than it was sent, prove nothing.
    #[must_use]
    pub fn cannot_lead(&self) -> bool {
        let told = matches!(
            self.live,
            Some(LiveSettings {
                may_lead: Some(false),
                ..
            })
        );
        let says = self.facts.get(MAY_LEAD).is_some_and(|value| value == "false");
        told && (says || self.not_running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_a_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("live.json");
        assert!(
            Followed::read(&path)
                .unwrap_err()
                .to_string()
                .contains("live.json: No such file")
        );
        let told = Followed {
            generation: 7,
            may_lead: false,
        };
        assert_eq!(told.text(), r#"{"generation":7,"mayLead":false}"#);
        std::fs::write(&path, told.text()).unwrap();
        assert_eq!(Followed::read(&path), Ok(told));
        for damaged in [
            "",
            r#"{"generation":7}"#,
            r#"{"generation":7,"mayLead":fal"#,
            "false",
        ] {
            std::fs::write(&path, damaged).unwrap();
            assert!(Followed::read(&path).is_err(), "{damaged:?}");
        }
        std::fs::write(&path, r#"{"generation":7,"mayLead":false,"novelty":1}"#).unwrap();
        assert_eq!(
            Followed::read(&path),
            Ok(told),
            "a newer node agent may write more"
        );
    }

    #[test]
    fn only_a_master_that_was_told_and_says_so_or_is_gone_cannot_lead() {
        let state = |may_lead: Option<bool>, says: Option<&str>, not_running| ComponentState {
            live: Some(LiveSettings {
                may_lead,
                ..LiveSettings::default()
            }),
            facts: says
                .map(|s| (MAY_LEAD.to_owned(), s.to_owned()))
                .into_iter()
                .collect(),
            not_running,
            ..Default::default()
        };
        assert!(state(Some(false), Some("false"), false).cannot_lead());
        assert!(state(Some(false), None, true).cannot_lead());
        for (may_lead, says, not_running) in [
            (Some(false), None, false),
            (Some(false), Some("true"), false),
            (Some(true), Some("false"), false),
            (None, Some("false"), true),
        ] {
            let state = state(may_lead, says, not_running);
            assert!(!state.cannot_lead(), "{state:?}");
        }
        assert!(
            !ComponentState::default().cannot_lead(),
            "an older node agent says nothing"
        );
    }
}
