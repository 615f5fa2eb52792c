//! The directory in which a process keeps its three files.
//!
//! ```text
//! ca.crt   tls.crt   tls.key        what is in use
//! install.pem                       a newer set, being installed
//! ```
//! Three files cannot be replaced in one step. So a new set is first written as one file, `install.pem`, by an
//! atomic rename; from then on it is what readers get, whatever the three files hold. Then the three are replaced and
//! `install.pem` goes. A crash anywhere leaves either the old set or the new one, never a mixture.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::material::Material;

const CA: &str = "ca.crt";
const CERT: &str = "tls.crt";
const KEY: &str = "tls.key";
const INSTALL: &str = "install.pem";

/// Separates the parts of `install.pem`. PEM readers skip such lines.
const SEPARATOR: &str = "# mesolith part\n";

/// A directory with `ca.crt`, `tls.crt` and `tls.key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PkiDir {
    path: PathBuf,
}

/// The directory could not be used.
#[derive(Debug, thiserror::Error)]
pub enum DirError {
    /// A file is not there.
    #[error(
        "{} does not exist; issue a certificate with: mesolith pki issue --ca-dir CA --role node --name NAME --address IP --out {}",
        path.display(), path.parent().unwrap_or(path).display()
    )]
    MissingFile {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("failed to read {}", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("failed to write {}", path.display())]
    WriteFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// What changes when any of the files does: inode, size and time of each.
pub(crate) type Stamp = [Option<(u64, u64, i64, i64)>; 4];

impl PkiDir {
    /// A directory; it need not exist yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Path of the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the current set.
    ///
    /// # Errors
    /// When a file is missing (the message says how to make it) or cannot be read.
    pub fn read(&self) -> Result<Material, DirError> {
        match fs::read_to_string(self.path.join(INSTALL)) {
            Ok(text) => {
                if let Some(newer) = split(&text) {
                    return Ok(newer);
                }
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(source) => {
                return Err(DirError::ReadFile {
                    path: self.path.join(INSTALL),
                    source,
                });
            }
        }
        Ok(Material {
            ca: self.read_one(CA)?,
            cert: self.read_one(CERT)?,
            key: self.read_one(KEY)?,
        })
    }

    /// Replaces the whole set.
    ///
    /// # Errors
    /// When a file cannot be written. What was there before, or the new set as a whole, is what readers get.
    pub fn install(&self, material: &Material) -> Result<(), DirError> {
        let failed = |source| DirError::WriteFile {
            path: self.path.clone(),
            source,
        };
        fs::create_dir_all(&self.path).map_err(failed)?;
        write_private(&self.path.join(INSTALL), &join(material))?;
        write_public(&self.path.join(CA), &material.ca)?;
        write_public(&self.path.join(CERT), &material.cert)?;
        write_private(&self.path.join(KEY), &material.key)?;
        fs::remove_file(self.path.join(INSTALL)).map_err(failed)
    }

    pub(crate) fn stamp(&self) -> Stamp {
        [CA, CERT, KEY, INSTALL].map(|name| {
            let meta = fs::metadata(self.path.join(name)).ok()?;
            Some((meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()))
        })
    }

    fn read_one(&self, name: &str) -> Result<String, DirError> {
        let path = self.path.join(name);
        fs::read_to_string(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => DirError::MissingFile { path },
            _ => DirError::ReadFile { path, source },
        })
    }
}

fn join(material: &Material) -> String {
    [material.ca.as_str(), &material.cert, &material.key].join(SEPARATOR)
}

fn split(text: &str) -> Option<Material> {
    let mut parts = text.split(SEPARATOR).map(str::to_owned);
    Some(Material {
        ca: parts.next()?,
        cert: parts.next()?,
        key: parts.next()?,
    })
}

/// Writes a file that only its owner may read (0600), atomically and durably.
///
/// # Errors
/// When it cannot be written.
pub fn write_private(path: &Path, text: &str) -> Result<(), DirError> {
    write(path, text, 0o600)
}

/// Writes a file that everyone may read (0644), atomically and durably.
///
/// # Errors
/// When it cannot be written.
pub fn write_public(path: &Path, text: &str) -> Result<(), DirError> {
    write(path, text, 0o644)
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), DirError> {
    let attempt = || -> io::Result<()> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(name);
        // A leftover of a crash could have other permissions.
        let _ = fs::remove_file(&temporary);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        fs::File::open(
            path.parent()
                .filter(|p| !p.as_os_str().is_empty())
                .unwrap_or(Path::new(".")),
        )?
        .sync_all()
    };
    attempt().map_err(|source| DirError::WriteFile {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn material(mark: &str) -> Material {
        Material {
            ca: format!("ca {mark}\n"),
            cert: format!("cert {mark}\n"),
            key: format!("key {mark}\n"),
        }
    }

    #[test]
    fn a_set_comes_back_whole_and_the_key_is_private() {
        let temp = tempfile::tempdir().unwrap();
        let dir = PkiDir::new(temp.path().join("pki"));
        dir.install(&material("1")).unwrap();
        dir.install(&material("2")).unwrap();
        assert_eq!(dir.read().unwrap(), material("2"));
        let mode = fs::metadata(dir.path().join(KEY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            3,
            "nothing else is left behind"
        );
    }

    #[test]
    fn a_crash_in_the_middle_leaves_the_new_set() {
        let temp = tempfile::tempdir().unwrap();
        let dir = PkiDir::new(temp.path());
        dir.install(&material("1")).unwrap();
        write_private(&temp.path().join(INSTALL), &join(&material("2"))).unwrap();
        write_public(&temp.path().join(CERT), "cert 2\n").unwrap();
        assert_eq!(dir.read().unwrap(), material("2"));
    }

    #[test]
    fn a_missing_file_is_named_with_its_remedy() {
        let error = PkiDir::new("/nowhere/pki").read().unwrap_err().to_string();
        assert!(
            error.starts_with("/nowhere/pki/ca.crt does not exist; issue a certificate with: mesolith pki"),
            "{error}"
        );
        assert!(error.ends_with("--out /nowhere/pki"), "{error}");
    }
}
