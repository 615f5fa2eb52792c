//! The `version-2` folder of one server, every file of which appears whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Error, write_error};

/// Where a server looks for its files below its dataDir.
pub(super) const VERSION: &str = "version-2";

/// Says which files are ours. Servers look at names that begin with `snapshot` or `log` only.
pub(super) const NOTE: &str = "mesolith-seed";

/// A file in the making.
const TEMPORARY: &str = "mesolith-seed.new";

/// A snapshot in the making.
const SNAPSHOT: &str = "mesolith-seed.snapshot";

/// What runs before have written here.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// Names of snapshots; all but the last are to go.
    pub(super) snapshots: Vec<String>,
    /// In both epoch files.
    pub(super) epoch: u32,
}

impl Note {
    pub(super) fn read(version: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(version.join(NOTE)).ok()?).ok()
    }

    /// Whether a file in the folder is one of a seeding that no server has touched.
    pub(super) fn covers(&self, version: &Path, name: &str) -> bool {
        match name {
            NOTE | TEMPORARY | SNAPSHOT => true,
            // A server writes a higher one once it takes part.
            "acceptedEpoch" | "currentEpoch" => {
                fs::read_to_string(version.join(name)).is_ok_and(|text| text.trim() == self.epoch.to_string())
            }
            _ => self.snapshots.iter().any(|snapshot| snapshot == name),
        }
    }
}

pub(super) struct Folder {
    version: PathBuf,
    /// Who owns the dataDir, and so must own what is in it.
    owner: (u32, u32),
}

impl Folder {
    /// Makes the folders that are missing.
    pub(super) fn open(data_dir: &Path) -> Result<Self, Error> {
        let version = data_dir.join(VERSION);
        let failed = |source| write_error(&version, source);
        fs::create_dir_all(&version).map_err(failed)?;
        let owner = fs::metadata(data_dir).map_err(failed)?;
        let this = Self {
            owner: (owner.uid(), owner.gid()),
            version,
        };
        this.hand_over(&this.version)?;
        sync_folder(data_dir)?;
        this.discard();
        Ok(this)
    }

    /// Writes down what will be ours, before it is there.
    pub(super) fn note(&self, snapshot: &str, epoch: u32) -> Result<(), Error> {
        let mut note = Note::read(&self.version).unwrap_or_default();
        note.snapshots.retain(|name| name != snapshot);
        note.snapshots.push(snapshot.to_owned());
        note.epoch = epoch;
        self.put(NOTE, &serde_json::to_vec(&note).unwrap_or_default())
    }

    /// Puts a small file in place.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.version.join(TEMPORARY);
        let write = || {
            let mut file = File::create(&path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(|source| write_error(&path, source))?;
        self.rename(TEMPORARY, name)
    }

    /// A snapshot in the making.
    pub(super) fn temporary(&self) -> Result<(File, PathBuf), Error> {
        let path = self.version.join(SNAPSHOT);
        let file = File::create(&path).map_err(|source| write_error(&path, source))?;
        Ok((file, path))
    }

    /// Takes away what was in the making.
    pub(super) fn discard(&self) {
        for name in [SNAPSHOT, TEMPORARY] {
            // It is usually not there; if it cannot go, no server minds.
            let _ = fs::remove_file(self.version.join(name));
        }
    }

    /// Gives the snapshot its name, and takes earlier ones away.
    pub(super) fn publish(&self, name: &str) -> Result<PathBuf, Error> {
        self.rename(SNAPSHOT, name)?;
        let note = Note::read(&self.version).unwrap_or_default();
        for earlier in note.snapshots.iter().filter(|earlier| *earlier != name) {
            let path = self.version.join(earlier);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(write_error(&path, error));
                }
                _ => {}
            }
        }
        sync_folder(&self.version)?;
        Ok(self.version.join(name))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        let (from, to) = (self.version.join(from), self.version.join(to));
        self.hand_over(&from)?;
        fs::rename(&from, &to).map_err(|source| write_error(&to, source))?;
        sync_folder(&self.version)
    }

    /// A server that runs as another user must be able to replace its files.
    fn hand_over(&self, path: &Path) -> Result<(), Error> {
        let failed = |source| write_error(path, source);
        let now = fs::metadata(path).map_err(failed)?;
        let (user, group) = self.owner;
        if (now.uid(), now.gid()) == (user, group) {
            return Ok(());
        }
        chown(path, Some(user), Some(group)).map_err(failed)
    }
}

/// A name is on the disk once its folder is.
fn sync_folder(path: &Path) -> Result<(), Error> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| write_error(path, source))
}
