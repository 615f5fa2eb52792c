//! A value that is never shown: a password, a token, an address that is itself a key.

use std::path::PathBuf;

/// A value that is not shown in logs or errors. [`expose`](Self::expose) returns it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

/// A file that should hold a secret cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {source}", path.display())]
pub struct ReadError {
    /// The file.
    pub path: PathBuf,
    /// The system's error.
    pub source: std::io::Error,
}

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
    pub fn read(text: &str) -> Result<Self, ReadError> {
        let Some(path) = text.strip_prefix('@') else {
            return Ok(Self::new(text));
        };
        let path = PathBuf::from(path);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Self::new(text.lines().next().unwrap_or_default().trim_end())),
            Err(source) => Err(ReadError { path, source }),
        }
    }

    /// The text with `***` wherever it repeats the secret: for what another program says about what it was sent.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        if self.0.is_empty() {
            return text.to_owned();
        }
        text.replace(&self.0, "***")
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_from_the_text_or_a_file_and_is_never_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hunter2 \nsecond line\n").unwrap();
        let read = Secret::read(&format!("@{}", file.path().display())).unwrap();
        assert_eq!(read, Secret::read("hunter2").unwrap());
        assert_eq!(format!("{read:?}"), "***");
        assert_eq!(read.redact("no such token: hunter2"), "no such token: ***");
        assert_eq!(Secret::default().redact("as it is"), "as it is");
        let error = Secret::read("@/nowhere/file").unwrap_err();
        assert!(
            error.to_string().starts_with("cannot read /nowhere/file: "),
            "{error}"
        );
    }
}
