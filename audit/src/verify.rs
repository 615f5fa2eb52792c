//! The check that a log is as it was written.

use std::io::{self, BufRead, Read};

use jiff::Timestamp;
use serde::Serialize;

use crate::entry::Written;
use crate::head::Head;

/// Bytes of a line; ours are never longer.
const LINE: usize = 1 << 20;

/// What a whole log holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Number of entries.
    pub entries: u64,
    /// Time of the first one.
    pub first: Option<Timestamp>,
    /// Time of the last one.
    pub last: Option<Timestamp>,
    /// Where it ends.
    pub head: Head,
}

/// The log is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Broken {
    /// The first line, from 1, that shows it; for an end that is missing, the one after the last.
    pub line: u64,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It does not end: it was cut off, or is being written at this moment.
    #[error("it has no end: it was cut off, or is being written at this moment")]
    Unfinished,
    /// No line of ours is so long.
    #[error("it is longer than {LINE} bytes: it is no line of ours")]
    TooLong,
    /// It is no JSON object with our fields.
    #[error("it is no entry: {0}")]
    NotAnEntry(String),
    /// It says the same as one of ours, but is written otherwise.
    #[error("it is not written as we write it (keys in order, no spaces): somebody has edited it")]
    NotCanonical,
    /// It has another hash than it should have.
    #[error("its content does not have its hash: somebody has changed it")]
    Changed,
    /// Entries before it are missing.
    #[error("it is entry {found}, and {expected} should come: entries were removed or moved")]
    Missing {
        /// The number that should come.
        expected: u64,
        /// The number that comes.
        found: u64,
    },
    /// It was here before.
    #[error("it is entry {found}, and {expected} should come: an entry is repeated or was moved")]
    Repeated {
        /// The number that should come.
        expected: u64,
        /// The number that comes.
        found: u64,
    },
    /// It has the right number and another entry before it.
    #[error(
        "it does not follow the line before it: one of the two is from another log, or was written again"
    )]
    NotLinked,
    /// The log ends before the expected end.
    #[error("the log ends with entry {found}, and must have {expected}: its end was removed")]
    Truncated {
        /// The number that it must have.
        expected: u64,
        /// Its last number.
        found: u64,
    },
    /// The expected entry comes before what was given.
    #[error(
        "it must have entry {expected}, which comes before its beginning: give the part of the log that has it"
    )]
    Earlier {
        /// The number that it must have.
        expected: u64,
    },
    /// The entry with the expected number is another one.
    #[error(
        "entry {sequence} has the hash {found} instead of {expected}: the log was written again, or is another one"
    )]
    OtherEntry {
        /// The number.
        sequence: u64,
        /// The hash that it must have.
        expected: String,
        /// The hash that it has.
        found: String,
    },
}

impl Why {
    /// One word for machines.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unfinished => "Unfinished",
            Self::TooLong => "TooLong",
            Self::NotAnEntry(_) => "NotAnEntry",
            Self::NotCanonical => "NotCanonical",
            Self::Changed => "Changed",
            Self::Missing { .. } => "Missing",
            Self::Repeated { .. } => "Repeated",
            Self::NotLinked => "NotLinked",
            Self::Truncated { .. } => "Truncated",
            Self::Earlier { .. } => "Earlier",
            Self::OtherEntry { .. } => "OtherEntry",
        }
    }
}

/// The check could not be made, or found something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log cannot be read.
    #[error("the audit log cannot be read")]
    Read(#[source] io::Error),
    /// It is not as it was written.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// Checks line by line, so that a log of any length needs no memory.
#[derive(Debug, Clone)]
pub struct Verifier {
    head: Head,
    lines: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// The entry that must come; none any more when it has come.
    expected: Option<Head>,
}

impl Verifier {
    /// A check of a log, or of its part that comes after `after`. With `expected`, the log must contain that entry; it
    /// may have more.
    #[must_use]
    pub fn new(after: Head, expected: Option<Head>) -> Self {
        Self {
            head: after,
            lines: 0,
            first: None,
            last: None,
            expected,
        }
    }

    /// Checks the next line, with its end.
    ///
    /// # Errors
    /// When it is not what must come. The check is over then.
    pub fn line(&mut self, line: &[u8]) -> Result<(), Broken> {
        self.lines += 1;
        self.check(line).map_err(|why| Broken {
            line: self.lines,
            why,
        })
    }

    fn check(&mut self, line: &[u8]) -> Result<(), Why> {
        let written = read(line)?;
        let (expected, found) = (self.head.sequence.saturating_add(1), written.sequence);
        match found.cmp(&expected) {
            std::cmp::Ordering::Less => return Err(Why::Repeated { expected, found }),
            std::cmp::Ordering::Greater => return Err(Why::Missing { expected, found }),
            std::cmp::Ordering::Equal => {}
        }
        if written.previous != self.head.hash {
            return Err(Why::NotLinked);
        }
        self.head = Head {
            sequence: found,
            hash: written.hash.unwrap_or_default(),
        };
        self.first = self.first.or(Some(written.time));
        self.last = Some(written.time);
        self.compare()
    }

    /// Whether the entry that we stand at is the expected one, when it has its number.
    fn compare(&mut self) -> Result<(), Why> {
        let here = self
            .expected
            .take_if(|expected| expected.sequence == self.head.sequence);
        match here {
            Some(expected) if expected != self.head => Err(Why::OtherEntry {
                sequence: expected.sequence,
                expected: expected.hash,
                found: self.head.hash.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Ends the check.
    ///
    /// # Errors
    /// When the log does not have the expected entry.
    pub fn finish(mut self) -> Result<Summary, Broken> {
        let line = self.lines + 1;
        // A log without a line has not been compared yet.
        self.compare().map_err(|why| Broken { line, why })?;
        if let Some(Head {
            sequence: expected, ..
        }) = self.expected
        {
            let found = self.head.sequence;
            let why = if expected > found {
                Why::Truncated { expected, found }
            } else {
                Why::Earlier { expected }
            };
            return Err(Broken { line, why });
        }
        Ok(Summary {
            entries: self.lines,
            first: self.first,
            last: self.last,
            head: self.head,
        })
    }
}

/// A line with its end that is as it was written, whatever comes before it. It has its right hash.
fn read(line: &[u8]) -> Result<Written, Why> {
    // Before its end is missed: a line that is too long was not read to its end.
    if line.len() > LINE {
        return Err(Why::TooLong);
    }
    let Some(line) = line.strip_suffix(b"\n") else {
        return Err(Why::Unfinished);
    };
    let written: Written =
        serde_json::from_slice(line).map_err(|error| Why::NotAnEntry(error.to_string()))?;
    if written.canonical().as_bytes() != line {
        return Err(Why::NotCanonical);
    }
    if written.hash.as_ref() != Some(&written.right_hash()) {
        return Err(Why::Changed);
    }
    Ok(written)
}

/// Where a log ends, from its last line alone: what [`append`](crate::append) goes on from. Nothing before is checked.
///
/// # Errors
/// When the last line is not as it was written. It must not be gone on from: look at the log first.
pub fn end_of(log: &str) -> Result<Head, Broken> {
    let lines = log.split_inclusive('\n');
    let Some(last) = lines.clone().next_back() else {
        return Ok(Head::start());
    };
    let written = read(last.as_bytes()).map_err(|why| Broken {
        line: lines.count() as u64,
        why,
    })?;
    Ok(Head {
        sequence: written.sequence,
        hash: written.hash.unwrap_or_default(),
    })
}

/// Checks a log, or its part after `after`. With `expected`, it must contain that entry.
///
/// # Errors
/// When it cannot be read, or is not as it was written.
pub fn verify(mut log: impl BufRead, after: Head, expected: Option<Head>) -> Result<Summary, Error> {
    let mut verifier = Verifier::new(after, expected);
    let mut line = Vec::new();
    loop {
        line.clear();
        // One byte more than a line may have, to see that it has more.
        let limit = LINE as u64 + 1;
        let read = (&mut log).take(limit).read_until(b'\n', &mut line);
        if read.map_err(Error::Read)? == 0 {
            return Ok(verifier.finish()?);
        }
        verifier.line(&line)?;
    }
}

#[cfg(test)]
mod tests;
