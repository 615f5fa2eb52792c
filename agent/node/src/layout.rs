//! Where things lie below the state directory.
//!
//! ```text
//! ledger/<cluster uid>.json                 what the operator wants
//! <cluster uid>/<component>/                everything of one component, moved as a whole when it is archived
//!     run/         process records (mesolith-process)     history.json   deaths
//!     conf/  data/ or work/  log/<component>.log    conf/live.json   live settings
//! archive/<cluster>-<component>-<time>/
//! archive/<cluster>-<component>-<time>.tar.gz     copy of a parked component's data, with its checksum in .sha256
//! backup/<owner uid>/snapshot.<zxid>        of an ensemble, with backup.json about it
//! ```

use std::path::{Path, PathBuf};

/// Paths of this node.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

/// Names that are not cluster uids.
pub(crate) const RESERVED: [&str; 3] = ["ledger", "archive", "backup"];

impl Layout {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.root.join("ledger")
    }

    pub(crate) fn archive(&self) -> PathBuf {
        self.root.join("archive")
    }

    pub(crate) fn backups(&self) -> PathBuf {
        self.root.join("backup")
    }

    /// Owners that have a directory, known to the ledger or not.
    pub(crate) fn owners_on_disk(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.root).into_iter().flatten().flatten();
        let directories = entries.filter(|e| e.file_type().is_ok_and(|t| t.is_dir()));
        let names = directories.filter_map(|e| e.file_name().into_string().ok());
        names.filter(|name| !RESERVED.contains(&name.as_str())).collect()
    }

    pub(crate) fn cluster(&self, uid: &str) -> PathBuf {
        self.root.join(uid)
    }

    pub(crate) fn component(&self, uid: &str, id: &str) -> Home {
        Home {
            root: self.cluster(uid).join(id),
            id: id.to_owned(),
        }
    }

    /// Components that have a directory, wanted or not.
    pub(crate) fn components_on_disk(&self, uid: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.cluster(uid)) else {
            return vec![];
        };
        let directories = entries
            .flatten()
            .filter(|e| e.file_type().is_ok_and(|t| t.is_dir()));
        directories
            .filter_map(|e| e.file_name().into_string().ok())
            .collect()
    }
}

/// Directory of one component.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    root: PathBuf,
    id: String,
}

impl Home {
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    pub(crate) fn history(&self) -> PathBuf {
        self.root.join("history.json")
    }

    /// Which copy of its data there is, while it is parked.
    pub(crate) fn copy(&self) -> PathBuf {
        self.root.join("copy.json")
    }

    pub(crate) fn conf(&self) -> PathBuf {
        self.root.join("conf")
    }

    /// What the component follows while it runs.
    pub(crate) fn live(&self) -> PathBuf {
        self.conf().join("live.json")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.root.join("log")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.logs().join(format!("{}.log", self.id))
    }

    pub(crate) fn exists(&self) -> bool {
        self.root.exists()
    }
}
