//! The desired sets on disk, one file per cluster: what this node was told survives everything but a lost disk.
//!
//! A file that cannot be read or does not match its digest is an error that stops the agent from acting at all:
//! guessing would stop or start components nobody asked for. Components run on meanwhile.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mesolith_process::durable;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::component::DesiredSet;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to prepare the ledger directory {path}: {source}")]
    Prepare { path: PathBuf, source: io::Error },
    #[error("failed to read the ledger {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "the ledger {path} is corrupt ({problem}); nothing is started or stopped until it is repaired: restore it, \
         or move it away and the operator will send its content again (the components keep running)"
    )]
    Corrupt { path: PathBuf, problem: String },
    #[error("failed to write the ledger {path}: {source}")]
    Write { path: PathBuf, source: io::Error },
}

/// The file: the set as text, so that its digest is over exactly what was written.
#[derive(Serialize, Deserialize)]
struct File {
    format: u32,
    sha256: String,
    set: String,
}

const FORMAT: u32 = 1;

pub(crate) struct Ledger {
    directory: PathBuf,
}

impl Ledger {
    /// Opens the ledger and reads every set.
    pub(crate) fn open(directory: PathBuf) -> Result<(Self, Vec<DesiredSet>), Error> {
        let prepare = |source| Error::Prepare {
            path: directory.clone(),
            source,
        };
        fs::create_dir_all(&directory).map_err(prepare)?;
        let mut sets = Vec::new();
        for entry in fs::read_dir(&directory).map_err(prepare)? {
            let path = entry.map_err(prepare)?.path();
            // Temporary files of an interrupted write never counted.
            if path.extension().is_some_and(|e| e == "json") {
                sets.push(read(&path)?);
            }
        }
        sets.sort_by(|a, b| a.cluster.uid.cmp(&b.cluster.uid));
        Ok((Self { directory }, sets))
    }

    pub(crate) fn store(&self, set: &DesiredSet) -> Result<(), Error> {
        let path = self.path(&set.cluster.uid);
        let write = |source: io::Error| Error::Write {
            path: path.clone(),
            source,
        };
        let text = serde_json::to_string(set).map_err(|e| write(e.into()))?;
        let file = File {
            format: FORMAT,
            sha256: digest(&text),
            set: text,
        };
        let content = serde_json::to_vec_pretty(&file).map_err(|e| write(e.into()))?;
        durable::write(&path, &content).map_err(write)
    }

    pub(crate) fn forget(&self, uid: &str) -> Result<(), Error> {
        let path = self.path(uid);
        durable::remove(&path).map_err(|source| Error::Write { path, source })
    }

    fn path(&self, uid: &str) -> PathBuf {
        self.directory.join(format!("{uid}.json"))
    }
}

fn digest(text: &str) -> String {
    Sha256::digest(text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn read(path: &Path) -> Result<DesiredSet, Error> {
    let content = fs::read(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    let corrupt = |problem: String| Error::Corrupt {
        path: path.to_owned(),
        problem,
    };
    let unread = |_| corrupt("it is cut off, or not a file of the ledger".into());
    let file: File = serde_json::from_slice(&content).map_err(unread)?;
    if file.format != FORMAT {
        return Err(corrupt(format!(
            "format {} is not known to this version",
            file.format
        )));
    }
    if digest(&file.set) != file.sha256 {
        return Err(corrupt("its digest does not match".into()));
    }
    let set: DesiredSet = serde_json::from_str(&file.set).map_err(unread)?;
    let expected = path.file_stem().and_then(|s| s.to_str());
    if expected != Some(&set.cluster.uid) {
        return Err(corrupt(format!("it is about cluster {}", set.cluster.uid)));
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::fixtures::{set, zookeeper};

    #[test]
    fn what_was_stored_is_found_again_and_damage_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let (ledger, sets) = Ledger::open(dir.path().into()).unwrap();
        assert!(sets.is_empty());
        let stored = set(3, vec![zookeeper()]);
        ledger.store(&stored).unwrap();
        fs::write(dir.path().join("u-2.json.77.tmp"), "half a wri").unwrap();
        assert_eq!(Ledger::open(dir.path().into()).unwrap().1, [stored]);

        let path = dir.path().join("u-1.json");
        let good = fs::read_to_string(&path).unwrap();
        let swapped = good.replace("2181", "2182");
        assert_ne!(good, swapped);
        for damaged in ["", &good[..good.len() / 2], swapped.as_str(), "{}"] {
            fs::write(&path, damaged).unwrap();
            let error = Ledger::open(dir.path().into()).err().unwrap();
            assert!(matches!(error, Error::Corrupt { .. }), "{damaged:?}: {error}");
        }
        fs::write(dir.path().join("u-9.json"), &good).unwrap();
        fs::write(&path, &good).unwrap();
        assert!(
            Ledger::open(dir.path().into()).is_err(),
            "a file under another cluster's name"
        );
    }
}
