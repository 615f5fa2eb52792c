//! Data of components that are no longer wanted: moved aside as a whole, or deleted when that was asked for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::layout::{Home, Layout};

/// Ending of the file beside a copy that holds its checksum.
pub(crate) const CHECKSUM: &str = ".sha256";

/// `namespace/name` as one file name; Kubernetes names have no underscore, so it stays unambiguous.
fn file_name(cluster: &str) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' || c == '.' {
            c
        } else {
            '_'
        }
    };
    cluster.chars().map(safe).collect()
}

/// A name that no archive of this component has yet.
pub(crate) fn new_name(cluster: &str, id: &str) -> String {
    let time = jiff::Timestamp::now()
        .strftime("%Y%m%dT%H%M%S%.3fZ")
        .to_string()
        .replace('.', "");
    format!("{}-{id}-{time}", file_name(cluster))
}

/// Moves everything of one component to `archive/<cluster>-<component>-<time>`: one rename, so never half done.
pub(crate) fn archive(layout: &Layout, home: &Home, cluster: &str, id: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(layout.archive())?;
    let target = layout.archive().join(new_name(cluster, id));
    fs::rename(home.root(), &target)?;
    sync(&layout.archive())?;
    sync(home.root().parent().unwrap_or(layout.root()))?;
    Ok(target)
}

pub(crate) fn delete(home: &Home) -> io::Result<()> {
    match fs::remove_dir_all(home.root()) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Archives of a cluster, oldest first within a component.
pub(crate) fn archives(layout: &Layout, cluster: &str) -> Vec<String> {
    let prefix = format!("{}-", file_name(cluster));
    let names = fs::read_dir(layout.archive()).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    // Component and time have no dash, so cluster `a` does not see the archives of cluster `a-b`.
    let ours = names.filter(|name| {
        name.strip_prefix(&prefix)
            .is_some_and(|rest| rest.matches('-').count() == 1 && !rest.ends_with(CHECKSUM))
    });
    let mut paths: Vec<_> = ours
        .map(|name| layout.archive().join(name).display().to_string())
        .collect();
    paths.sort();
    paths
}

pub(crate) fn sync(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_told_apart_by_cluster() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path().into());
        for (uid, cluster) in [("u1", "default/a"), ("u2", "default/a-b"), ("u1", "default/a")] {
            let home = layout.component(uid, "zookeeper");
            fs::create_dir_all(home.data()).unwrap();
            fs::write(home.data().join("myid"), cluster).unwrap();
            let path = archive(&layout, &home, cluster, "zookeeper").unwrap();
            assert!(!home.exists() && path.join("data/myid").exists(), "{path:?}");
            std::thread::sleep(std::time::Duration::from_millis(2)); // names carry milliseconds
        }
        assert_eq!(archives(&layout, "default/a").len(), 2);
        assert_eq!(archives(&layout, "default/a-b").len(), 1);
        assert_eq!(archives(&layout, "default/c").len(), 0);
    }
}
