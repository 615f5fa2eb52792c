//! Removes sandboxes of ended tasks after a delay.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::agent::Shared;
use crate::paths::Paths;

/// The longest pause between two sweeps; a shorter delay shortens it.
const INTERVAL: Duration = Duration::from_secs(3600);

/// Sweeps again and again until dropped.
pub(crate) async fn run(shared: Shared, paths: Paths, delay: Duration) {
    loop {
        tokio::time::sleep(INTERVAL.min(delay.max(Duration::from_secs(1)))).await;
        let kept: HashSet<String> = {
            let agent = shared.read();
            let tasks = agent.tasks.values().map(|t| t.container.clone());
            tasks
                .chain(agent.executors.values().map(|e| e.container.clone()))
                .collect()
        };
        let root = paths.work_dir().join("slaves");
        let swept = tokio::task::spawn_blocking(move || sweep(&root, &kept, delay, SystemTime::now())).await;
        if let Ok(removed @ 1..) = swept {
            tracing::info!(removed, "removed sandboxes of ended tasks");
        }
    }
}

/// Removes runs that are not in use and were not written to for that long; returns how many.
fn sweep(root: &Path, kept: &HashSet<String>, delay: Duration, now: SystemTime) -> usize {
    let mut removed = 0;
    for agent in children(root) {
        for framework in children(&agent.join("frameworks")) {
            for executor in children(&framework.join("executors")) {
                for run in children(&executor.join("runs")) {
                    let name = run.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    if name == "latest" || kept.contains(&name) || !idle(&run, delay, now) {
                        continue;
                    }
                    if fs::remove_dir_all(&run).is_ok() {
                        removed += 1;
                    }
                    let latest = executor.join("runs/latest");
                    if !latest.exists() {
                        let _ = fs::remove_file(&latest);
                    }
                    for empty in [
                        executor.join("runs"),
                        executor.clone(),
                        framework.join("executors"),
                        framework.clone(),
                    ] {
                        let _ = fs::remove_dir(empty); // Only works when it is empty.
                    }
                }
            }
        }
    }
    removed
}

fn idle(run: &Path, delay: Duration, now: SystemTime) -> bool {
    let files = [run.to_owned(), run.join("stdout"), run.join("stderr")];
    let last = files
        .iter()
        .filter_map(|f| f.metadata().and_then(|m| m.modified()).ok())
        .max();
    last.is_some_and(|last| now.duration_since(last).is_ok_and(|age| age >= delay))
}

fn children(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    entries
        .filter(|e| e.file_type().is_ok_and(|t| t.is_dir()))
        .map(|e| e.path())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_sandboxes_go_and_used_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let runs = dir.path().join("S1/frameworks/F/executors/t/runs");
        for run in ["old", "used"] {
            fs::create_dir_all(runs.join(run)).unwrap();
            fs::write(runs.join(run).join("stdout"), "x").unwrap();
        }
        let kept = HashSet::from(["used".to_owned()]);
        let delay = Duration::from_secs(60);
        assert_eq!(sweep(dir.path(), &kept, delay, SystemTime::now()), 0);
        assert_eq!(sweep(dir.path(), &kept, delay, SystemTime::now() + delay * 2), 1);
        assert!(runs.join("used").exists() && !runs.join("old").exists());
    }
}
