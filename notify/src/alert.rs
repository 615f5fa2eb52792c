//! An alert as plain data, and the message that a channel gets about it.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// PagerDuty takes keys of 255 characters and summaries of 1024; the others take more.
const KEY: usize = 255;
const SUMMARY: usize = 1024;
const DETAILS: usize = 16;
const DETAIL_NAME: usize = 64;
const DETAIL: usize = 512;

/// How bad it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    #[default]
    Info,
    /// A person should look at it today.
    Warning,
    /// A person must look at it now.
    Critical,
}

/// The object that an alert is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Such as ZkMigration.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Something that a person should look at, as long as it lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What makes two alerts the same one, such as `zkmigration/default/prod/SyncLagHigh`.
    pub key: String,
    /// One CamelCase word, such as SyncLagHigh.
    pub reason: String,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence: what happened, where, what to do.
    pub summary: String,
    /// Figures and names by what they are.
    #[serde(default)]
    pub details: BTreeMap<String, String>,
    /// What it is about.
    pub source: Source,
    /// Since when.
    pub since: Timestamp,
}

/// Whether it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lasts {
    /// It is so now.
    Firing,
    /// It is over.
    Resolved,
}

/// What a channel is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// About what.
    pub alert: Alert,
    /// Whether it lasts.
    pub state: Lasts,
    /// When this was decided.
    pub at: Timestamp,
}

impl Message {
    /// The line that people read first: `[CRITICAL] The lag is above 100 ms`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("[{}] {}", self.word(), self.alert.summary)
    }

    /// Its severity while it lasts.
    pub(crate) fn word(&self) -> &'static str {
        match (self.state, self.alert.severity) {
            (Lasts::Resolved, _) => "RESOLVED",
            (Lasts::Firing, Severity::Critical) => "CRITICAL",
            (Lasts::Firing, Severity::Warning) => "WARNING",
            (Lasts::Firing, Severity::Info) => "INFO",
        }
    }
}

impl Severity {
    /// The word of the JSON form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl Lasts {
    /// The word of the JSON form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

impl Alert {
    /// The same alert in the size that every channel takes, and that may be kept. Line ends become spaces.
    #[must_use]
    pub(crate) fn bounded(&self) -> Self {
        let details = self.details.iter().take(DETAILS);
        Self {
            key: bounded_key(&self.key),
            reason: clip(&self.reason, DETAIL_NAME),
            severity: self.severity,
            summary: clip(&self.summary, SUMMARY),
            details: details
                .map(|(name, value)| (clip(name, DETAIL_NAME), clip(value, DETAIL)))
                .collect(),
            source: Source {
                kind: clip(&self.source.kind, DETAIL_NAME),
                namespace: clip(&self.source.namespace, DETAIL_NAME),
                name: clip(&self.source.name, KEY),
            },
            since: self.since,
        }
    }
}

/// A key that is too long keeps its beginning and becomes unique by a hash.
pub(crate) fn bounded_key(key: &str) -> String {
    if key.chars().count() <= KEY {
        return key.to_owned();
    }
    let hash = short_hash(key);
    format!("{}-{hash}", clip(key, KEY - 1 - hash.len()))
}

/// The first 32 hexadecimal digits of SHA-256.
pub(crate) fn short_hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// At most so many characters, on one line; `...` says that there were more.
pub(crate) fn clip(text: &str, most: usize) -> String {
    let mut line: String = text
        .chars()
        .take(most + 1)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if line.chars().count() > most {
        line = line.chars().take(most.saturating_sub(3)).collect();
        line.push_str("...");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_and_stays_unique() {
        assert_eq!(clip("a\r\nb", 10), "a  b");
        assert_eq!(clip("abcdefgh", 6), "abc...");
        assert_eq!(clip("abcdef", 6), "abcdef");
        let (one, other) = (
            bounded_key(&format!("{}1", "k".repeat(300))),
            bounded_key(&format!("{}2", "k".repeat(300))),
        );
        assert_eq!((one.chars().count(), other.chars().count()), (255, 255));
        assert_ne!(one, other);
        assert_eq!(bounded_key(&"ü".repeat(255)), "ü".repeat(255));
    }
}
