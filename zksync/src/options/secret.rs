//! A value that must not be seen.

use std::path::PathBuf;

use super::Error;

/// Shown nowhere; [`expose`](Self::expose) is where it is used.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for whoever sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A value as a flag gives it: itself, or `@FILE` for the first line of a file.
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
