//! One entry, and the one way in which it is written.
//!
//! A line is a JSON object without spaces whose keys are in alphabetical order (RFC 8785, canonical JSON). Its `hash` is
//! SHA-256 over the same object without `hash`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::head::Head;

/// Bytes of one text; a longer one is cut. So that no line is longer than what [`verify`](crate::verify()) reads.
const TEXT: usize = 16 * 1024;

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub time: Timestamp,
    /// Who: a person's name as the API server knows it, or the part of the program that decided.
    pub user: String,
    /// Why: one CamelCase word, such as Approved, PhaseTimeout or RollbackRequested.
    pub cause: String,
    /// In which phase.
    pub phase: Option<String>,
    /// What was done, in a sentence.
    pub what: String,
    /// UID of the object that it was done for.
    pub uid: String,
}

/// A line to be written, and where the log ends then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The line, without its end.
    pub text: String,
    /// Where the log ends after it.
    pub head: Head,
}

/// The line as JSON; its fields are in the order of their names.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    pub(crate) cause: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) phase: Option<String>,
    pub(crate) previous: String,
    pub(crate) sequence: u64,
    pub(crate) time: Timestamp,
    pub(crate) uid: String,
    pub(crate) user: String,
    pub(crate) what: String,
}

impl Written {
    /// Canonical JSON. It cannot fail: there are only texts and a number in it.
    pub(crate) fn canonical(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The hash that its content should have.
    pub(crate) fn right_hash(&self) -> String {
        let rest = Self {
            hash: None,
            ..self.clone()
        };
        let digest = Sha256::digest(rest.canonical().as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The line that an entry is after the log's present end.
#[must_use]
pub fn append(previous: &Head, entry: &Entry) -> Line {
    let mut written = Written {
        cause: bounded(&entry.cause),
        hash: None,
        phase: entry.phase.as_deref().map(bounded),
        previous: previous.hash.clone(),
        sequence: previous.sequence.saturating_add(1),
        time: entry.time,
        uid: bounded(&entry.uid),
        user: bounded(&entry.user),
        what: bounded(&entry.what),
    };
    let hash = written.right_hash();
    written.hash = Some(hash.clone());
    Line {
        text: written.canonical(),
        head: Head {
            sequence: written.sequence,
            hash,
        },
    }
}

fn bounded(text: &str) -> String {
    if text.len() <= TEXT {
        return text.to_owned();
    }
    let end = (0..=TEXT).rev().find(|end| text.is_char_boundary(*end));
    format!("{}...", &text[..end.unwrap_or_default()])
}
