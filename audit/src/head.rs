//! Where a log ends: the number of its last entry and that entry's hash.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Hexadecimal digits of SHA-256.
const DIGITS: usize = 64;

/// Where a log ends. Written as `17:9f2c...`; kept outside of the log, it shows that nothing was taken off its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the last entry; 0 when there is none.
    pub sequence: u64,
    /// SHA-256 of the last entry in hexadecimal digits; zeros when there is none.
    pub hash: String,
}

/// A text is no head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no end of an audit log: write its number and its hash of {DIGITS} hexadecimal digits, as in 17:9f2c..."
)]
pub struct HeadError(String);

impl Head {
    /// Where a log begins.
    #[must_use]
    pub fn start() -> Self {
        Self {
            sequence: 0,
            hash: "0".repeat(DIGITS),
        }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sequence, self.hash)
    }
}

impl FromStr for Head {
    type Err = HeadError;

    fn from_str(text: &str) -> Result<Self, HeadError> {
        let wrong = || HeadError(text.to_owned());
        let (sequence, hash) = text.split_once(':').ok_or_else(wrong)?;
        let digits = hash.len() == DIGITS && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let sequence = sequence.parse().ok().filter(|_| digits);
        Ok(Self {
            sequence: sequence.ok_or_else(wrong)?,
            hash: hash.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_written_and_read() {
        let head = Head {
            sequence: 17,
            hash: "0f".repeat(32),
        };
        assert_eq!(head.to_string().parse(), Ok(head));
        for wrong in ["", "17", ":", "x:00", "-1:00", "17:0F"] {
            assert!(wrong.parse::<Head>().is_err(), "{wrong}");
        }
        let error = "17:00".parse::<Head>().unwrap_err().to_string();
        assert!(
            error.starts_with("'17:00' is no end of an audit log: write its number"),
            "{error}"
        );
    }
}
