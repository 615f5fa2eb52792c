//! The `version-2` folder of one server. Each file in it appears complete or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Error, write_error};

/// The folder below the dataDir where a server looks for its files.
pub(super) const VERSION: &str = "version-2";

/// A file that lists our files. Servers only look at names that begin with `snapshot` or `log`.
pub(super) const NOTE: &str = "mesolith-seed";

/// Suffix of a file that is not complete yet.
const TEMPORARY: &str = "mesolith-seed.new";

/// Name of a snapshot that is not complete yet.
const SNAPSHOT: &str = "mesolith-seed.snapshot";

/// What earlier runs have written here.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// Names of snapshots. All but the last will be deleted.
    pub(super) snapshots: Vec<String>,
    /// The number in both epoch files.
    pub(super) epoch: u32,
}

impl Note {
    pub(super) fn read(version: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(version.join(NOTE)).ok()?).ok()
    }

    /// Whether a file in the folder was written by a run like this one, and no server has used it.
    pub(super) fn covers(&self, version: &Path, name: &str) -> bool {
        match name {
            NOTE | TEMPORARY | SNAPSHOT => true,
            // A server that has taken part writes a higher epoch.
            "acceptedEpoch" | "currentEpoch" => {
                fs::read_to_string(version.join(name)).is_ok_and(|text| text.trim() == self.epoch.to_string())
            }
            _ => self.snapshots.iter().any(|snapshot| snapshot == name),
        }
    }
}

pub(super) struct Folder {
    version: PathBuf,
    /// Owner of the dataDir, who must also own the files in it.
    owner: (u32, u32),
}

impl Folder {
    /// Creates the folders that are missing.
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

    /// Lists a file as ours before it is written.
    pub(super) fn note(&self, snapshot: &str, epoch: u32) -> Result<(), Error> {
        let mut note = Note::read(&self.version).unwrap_or_default();
        note.snapshots.retain(|name| name != snapshot);
        note.snapshots.push(snapshot.to_owned());
        note.epoch = epoch;
        self.put(NOTE, &serde_json::to_vec(&note).unwrap_or_default())
    }

    /// Writes a small file and moves it into place.
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

    /// Path of the snapshot that is not complete yet.
    pub(super) fn temporary(&self) -> Result<(File, PathBuf), Error> {
        let path = self.version.join(SNAPSHOT);
        let file = File::create(&path).map_err(|source| write_error(&path, source))?;
        Ok((file, path))
    }

    /// Deletes files that were not completed.
    pub(super) fn discard(&self) {
        for name in [SNAPSHOT, TEMPORARY] {
            // Usually the file does not exist. If it cannot be deleted, no server minds.
            let _ = fs::remove_file(self.version.join(name));
        }
    }

    /// Gives the snapshot its name and deletes earlier ones.
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

    /// Gives the file to the dataDir's owner: a server that runs as another user must be able to replace it.
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

/// The new name is safe only after the folder was flushed to the disk.
fn sync_folder(path: &Path) -> Result<(), Error> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| write_error(path, source))
}
