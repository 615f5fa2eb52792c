//! The files of an engine's process.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Error;

/// Longer than anybody holds the lock who only looks.
const LOOKED_AT: Duration = Duration::from_millis(200);

/// Where they are.
#[derive(Debug, Clone)]
pub struct Files {
    dir: PathBuf,
    name: String,
}

/// Held by the one process that runs under a name; released when it ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Files {
    /// Those of an engine's name.
    #[must_use]
    pub fn new(state_dir: &Path, name: &str) -> Self {
        Self {
            dir: state_dir.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The control socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.file("sock")
    }

    /// The log of a process in the background.
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

    /// Makes the directory; only its owner may look into it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create_dir(&self) -> Result<(), Error> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&self.dir).map_err(|e| self.failed(e))
    }

    /// Takes the name for this process.
    ///
    /// # Errors
    /// When another process has it, or the directory cannot be used.
    pub fn lock(&self) -> Result<Lock, Error> {
        self.create_dir()?;
        let failed = |e| self.failed(e);
        let mut file = self.open_lock().map_err(failed)?;
        let begun = Instant::now();
        while file.try_lock().is_err() {
            // A verb that asks for the holder holds it for a moment itself.
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

    /// The process that has the name, if one has.
    #[must_use]
    pub fn holder(&self) -> Option<String> {
        let mut file = File::options().read(true).open(self.file("lock")).ok()?;
        match file.try_lock_shared() {
            Ok(()) => None,
            Err(_) => Some(read_pid(&mut file)),
        }
    }

    /// Remembers why the process ended, for whoever started it.
    pub fn write_error(&self, sentence: &str) {
        // It is in the log as well.
        let _ = std::fs::write(self.file("error"), sentence);
    }

    /// Why the last process ended, if it did not as asked.
    #[must_use]
    pub fn read_error(&self) -> Option<String> {
        std::fs::read_to_string(self.file("error")).ok()
    }

    /// Forgets why an earlier one ended.
    pub fn clear_error(&self) {
        let _ = std::fs::remove_file(self.file("error"));
    }

    /// The end of the log.
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
