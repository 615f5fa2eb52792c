//! A value that must never be shown.

use std::path::PathBuf;

use super::Error;

/// A value that is not shown in logs or errors. [`expose`](Self::expose) returns it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the code that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Reads a value as a flag gives it: the value itself, or `@FILE` for the first line of a file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn from_flag(flag: &str, text: &str) -> Result<Self, Error> {
        let Some(path) = text.strip_prefix('@') else {
            return Ok(Self::new(text));
        };
        let path = PathBuf::from(path);
        let read = std::fs::read_to_string(&path);
        let text = read.map_err(|error| Error::File {
            flag: flag.to_owned(),
            path,
            problem: error.to_string(),
        })?;
        Ok(Self::new(text.lines().next().unwrap_or_default().trim_end()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}
