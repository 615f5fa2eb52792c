//! Engines on this machine that a node agent supervises: their files lie below its state directory.

use std::path::{Path, PathBuf};

use crate::run::Files;

/// State directory of a node agent, where it was not told another.
const NODE_STATE_DIR: &str = "/var/lib/mesolith";

/// An engine that runs as a component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Component {
    /// Name of the engine.
    pub name: String,
    /// Its `--state-dir`.
    pub state_dir: PathBuf,
}

impl Component {
    pub(super) fn files(&self) -> Files {
        Files::new(&self.state_dir, &self.name)
    }
}

impl std::fmt::Display for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "--name={} --state-dir={}", self.name, self.state_dir.display())
    }
}

/// Where the node agent of this machine keeps its files.
pub(super) fn node_state_dir() -> PathBuf {
    let given = std::env::var_os("MESOLITH_STATE_DIR").filter(|dir| !dir.is_empty());
    given.map_or_else(|| NODE_STATE_DIR.into(), PathBuf::from)
}

/// All that run now below a node agent's state directory, as it lays out its components:
/// `<uid>`, `<component>`, `work`, `<name>.lock`.
pub(super) fn running(node_state_dir: &Path) -> Vec<Component> {
    let below = |dir: PathBuf| {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        entries.map(|entry| entry.path())
    };
    let works = below(node_state_dir.to_owned())
        .flat_map(below)
        .map(|component| component.join("work"));
    let found = works.flat_map(|work| {
        let names = below(work.clone()).filter_map(|file| {
            let is_lock = file.extension().is_some_and(|kind| kind == "lock");
            is_lock
                .then(|| file.file_stem()?.to_str().map(str::to_owned))
                .flatten()
        });
        let names: Vec<_> = names.collect();
        names.into_iter().map(move |name| Component {
            name,
            state_dir: work.clone(),
        })
    });
    let runs = |found: &Component| found.files().holder().is_some();
    let mut all: Vec<_> = found.filter(runs).collect();
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_engines_that_run_are_found() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(running(dir.path()), []);
        assert_eq!(running(&dir.path().join("missing")), []);
        let work = |uid: &str| dir.path().join(uid).join("sync/work");
        let one = Files::new(&work("u-1"), "move").lock().unwrap();
        let _other = Files::new(&work("u-2"), "other").lock().unwrap();
        drop(Files::new(&work("u-3"), "ended").lock().unwrap());
        std::fs::write(dir.path().join("lock"), "").unwrap();
        let found = |name: &str, uid: &str| Component {
            name: name.into(),
            state_dir: work(uid),
        };
        assert_eq!(running(dir.path()), [found("move", "u-1"), found("other", "u-2")]);
        drop(one);
        assert_eq!(running(dir.path()), [found("other", "u-2")]);
    }
}
