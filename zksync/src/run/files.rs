//! The files of an engine process.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Error;

/// Longer than a verb holds the lock to see who has it.
const LOOKED_AT: Duration = Duration::from_millis(200);

/// The paths of the files.
#[derive(Debug, Clone)]
pub struct Files {
    dir: PathBuf,
    name: String,
}

/// The lock on an engine's name. It is released when the process ends, in whatever way.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Files {
    /// The files of the engine with this name.
    #[must_use]
    pub fn new(state_dir: &Path, name: &str) -> Self {
        Self {
            dir: state_dir.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Path of the control socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.file("sock")
    }

    /// Path of the log of a process in the background.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.file("log")
    }

    fn file(&self, extension: &str) -> PathBuf {
        self.dir.join(format!("{}.{extension}", self.name))
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::StateDir {
            path: self.dir.clone(),
            source,
        }
    }

    /// Creates the directory, which only its owner may read.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create_dir(&self) -> Result<(), Error> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&self.dir).map_err(|e| self.failed(e))
    }

    /// Locks the name for this process.
    ///
    /// # Errors
    /// When another process has it, or the directory cannot be used.
    pub fn lock(&self) -> Result<Lock, Error> {
        self.create_dir()?;
        let failed = |e| self.failed(e);
        let mut file = self.open_lock().map_err(failed)?;
        let begun = Instant::now();
        while file.try_lock().is_err() {
            // A verb that looks for the holder locks the file for a moment.
            if begun.elapsed() > LOOKED_AT {
                return Err(Error::AlreadyRuns {
                    name: self.name.clone(),
                    pid: read_pid(&mut file),
                });
            }
            std::thread::sleep(LOOKED_AT / 20);
        }
        file.set_len(0).map_err(failed)?;
        file.write_all(std::process::id().to_string().as_bytes())
            .map_err(failed)?;
        Ok(Lock { _file: file })
    }

    /// The process that holds the name.
    #[must_use]
    pub fn holder(&self) -> Option<String> {
        let mut file = File::options().read(true).open(self.file("lock")).ok()?;
        match file.try_lock_shared() {
            Ok(()) => None,
            Err(_) => Some(read_pid(&mut file)),
        }
    }

    /// Stores why the process has ended, for whoever started it: the reason on the first line, then the sentence.
    pub fn write_error(&self, reason: &str, sentence: &str) {
        // The same is in the log.
        let _ = std::fs::write(self.file("error"), format!("{reason}\n{sentence}"));
    }

    /// The sentence that says why the last process has ended, if it was not asked to.
    #[must_use]
    pub fn read_error(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.file("error")).ok()?;
        text.split_once('\n').map(|(_, sentence)| sentence.to_owned())
    }

    /// Deletes the reason of an earlier end.
    pub fn clear_error(&self) {
        let _ = std::fs::remove_file(self.file("error"));
    }

    /// The last lines of the log.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        let text = std::fs::read(self.log()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    pub(super) fn remove_socket(&self) {
        let _ = std::fs::remove_file(self.socket());
    }

    fn open_lock(&self) -> io::Result<File> {
        let mut options = File::options();
        options.create(true).truncate(false).read(true).write(true);
        options.open(self.file("lock"))
    }
}

fn read_pid(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_has_a_name() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::new(&dir.path().join("new"), "one");
        assert_eq!(files.holder(), None);
        let lock = files.lock().unwrap();
        let pid = std::process::id().to_string();
        assert_eq!(files.holder().as_ref(), Some(&pid));
        let refused = files.lock().unwrap_err();
        assert_eq!(refused.reason(), "AlreadyRuns");
        assert!(
            refused.to_string().starts_with(&format!(
                "an engine named 'one' runs already as pid {pid}; stop it with"
            )),
            "{refused}"
        );
        Files::new(&dir.path().join("new"), "two").lock().unwrap();
        drop(lock);
        assert_eq!(files.holder(), None);
    }
}
