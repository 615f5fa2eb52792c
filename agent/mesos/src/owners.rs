//! Which agent a container belongs to, on record outside the work directory, which may get lost while containers run.
//!
//! ```text
//! runtime_dir/containers/<container>      who started it: work directory and address of its agent
//! ```
//!
//! Several agents may share a machine, its control groups and this directory. At its start an agent takes a container
//! without a task for an orphan only if it was started from the same work directory, or by an agent with the same
//! address: running agents never share either. It leaves every other container alone.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use mesolith_process::durable;
use serde::{Deserialize, Serialize};

/// What identifies an agent even when the content of its work directory is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Owner {
    /// Resolved path.
    pub(crate) work_dir: String,
    /// Address, port and network namespace: in another namespace the same address is another agent's.
    pub(crate) endpoint: String,
}

impl Owner {
    /// This process, which listens at `endpoint`.
    pub(crate) fn here(work_dir: &Path, endpoint: &str) -> Self {
        let namespace = std::fs::read_link("/proc/self/ns/net").unwrap_or_default();
        Self {
            work_dir: work_dir.display().to_string(),
            endpoint: format!("{endpoint} in {}", namespace.display()),
        }
    }

    /// Whether `other` can only be an earlier run of this agent.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.work_dir == other.work_dir || self.endpoint == other.endpoint
    }
}

/// The marks on disk.
#[derive(Debug, Clone)]
pub(crate) struct Owners {
    dir: PathBuf,
    pub(crate) me: Owner,
}

/// What to do about containers without a known task.
#[derive(Debug, Default, PartialEq, Eq)]
struct Verdict {
    /// Ours: end them.
    orphans: Vec<String>,
    /// Nobody's, as far as we can tell.
    unmarked: Vec<String>,
    /// Our marks of containers that are gone.
    stale: Vec<String>,
}

impl Owners {
    pub(crate) fn new(runtime_dir: &Path, me: Owner) -> Self {
        Self {
            dir: runtime_dir.join("containers"),
            me,
        }
    }

    /// Marks a container as ours, before it starts. The mark only matters once the work directory is lost.
    pub(crate) fn claim(&self, container: &str) {
        let mark = serde_json::to_vec(&self.me).unwrap_or_default();
        let path = self.dir.join(container);
        let written = std::fs::create_dir_all(&self.dir).and_then(|()| durable::write(&path, &mark));
        if let Err(error) = written {
            tracing::warn!(
                path = %path.display(),
                "failed to mark a container as this agent's, so it will not be cleaned up if --work_dir gets lost: {error}"
            );
        }
    }

    /// Removes the mark of a container that is gone.
    pub(crate) fn release(&self, container: &str) {
        let path = self.dir.join(container);
        if let Err(error) = durable::remove(&path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %path.display(), "failed to remove the mark of a container: {error}");
        }
    }

    /// Ends native containers of an earlier run of this agent that have no known task; returns how many did not end.
    pub(crate) async fn remove_orphans(&self, cgroups_root: &str, known: &HashSet<String>) -> usize {
        let root = format!("/{}", cgroups_root.trim_matches('/'));
        let verdict = judge(
            &mesolith_process::groups_below(&root),
            &self.marks(),
            &self.me,
            known,
        );
        if !verdict.unmarked.is_empty() {
            tracing::warn!(
                containers = verdict.unmarked.join(", "),
                "control groups below {root} whose agent is not known are left alone"
            );
        }
        let mut left = 0;
        for container in verdict.orphans {
            tracing::info!(container, "ending a container that belongs to no task");
            match mesolith_process::destroy_group(&format!("{root}/{container}")).await {
                Ok(()) => self.release(&container),
                Err(error) => {
                    left += 1;
                    tracing::warn!(container, "failed to end it: {error}");
                }
            }
        }
        for container in verdict.stale {
            self.release(&container);
        }
        left
    }

    fn marks(&self) -> BTreeMap<String, Owner> {
        let entries = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let mark = serde_json::from_slice(&std::fs::read(entry.path()).ok()?).ok()?;
                Some((name, mark))
            })
            .collect()
    }
}

fn judge(
    groups: &BTreeSet<String>,
    marks: &BTreeMap<String, Owner>,
    me: &Owner,
    known: &HashSet<String>,
) -> Verdict {
    let mut verdict = Verdict::default();
    for group in groups.iter().filter(|group| !known.contains(*group)) {
        match marks.get(group) {
            Some(owner) if owner.is_same(me) => verdict.orphans.push(group.clone()),
            Some(_) => {}
            None => verdict.unmarked.push(group.clone()),
        }
    }
    let stale = marks
        .iter()
        .filter(|(name, owner)| owner.is_same(me) && !groups.contains(*name) && !known.contains(*name));
    verdict.stale = stale.map(|(name, _)| name.clone()).collect();
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(work_dir: &str, endpoint: &str) -> Owner {
        Owner {
            work_dir: work_dir.into(),
            endpoint: endpoint.into(),
        }
    }

    #[test]
    fn only_what_can_be_nobody_elses_is_ended() {
        let me = owner("/w1", "192.0.2.1:5051");
        let marks = BTreeMap::from([
            ("same-directory".to_owned(), owner("/w1", "192.0.2.9:5051")),
            ("same-address".to_owned(), owner("/before", "192.0.2.1:5051")),
            ("known".to_owned(), me.clone()),
            ("neighbours".to_owned(), owner("/w2", "192.0.2.2:5051")),
            ("gone".to_owned(), me.clone()),
            ("neighbours-gone".to_owned(), owner("/w2", "192.0.2.2:5051")),
        ]);
        let groups = [
            "same-directory",
            "same-address",
            "known",
            "neighbours",
            "unmarked",
        ];
        let groups = groups.map(str::to_owned).into();
        let verdict = judge(&groups, &marks, &me, &HashSet::from(["known".to_owned()]));
        assert_eq!(
            verdict,
            Verdict {
                orphans: vec!["same-address".into(), "same-directory".into()],
                unmarked: vec!["unmarked".into()],
                stale: vec!["gone".into()],
            }
        );
    }

    #[test]
    fn a_mark_is_written_read_and_taken_back() {
        let temp = tempfile::tempdir().unwrap();
        let owners = Owners::new(
            &temp.path().join("run"),
            Owner::here(Path::new("/w1"), "192.0.2.1:5051"),
        );
        owners.claim("c1");
        assert!(owners.marks()["c1"].is_same(&owners.me));
        owners.release("c1");
        owners.release("c1");
        assert!(owners.marks().is_empty());
    }
}
