//! The copy of a parked component's data: one file, compared with what it was made from, with a checksum beside it.
//!
//! `sha256sum -c <file>.sha256` checks it, and `tar -xzf <file> -C <folder>` unpacks `data`, `conf` and `log`.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::Stdio;

use mesolith_process::durable;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::archive::{self, CHECKSUM};
use crate::layout::{Home, Layout};

/// A copy that is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DataCopy {
    /// Its name below `archive/`.
    pub(crate) file: String,
    /// Of the file, in hexadecimal digits.
    pub(crate) sha256: String,
    /// Length of the file.
    pub(crate) bytes: u64,
}

impl DataCopy {
    pub(crate) fn path(&self, layout: &Layout) -> PathBuf {
        layout.archive().join(&self.file)
    }
}

/// The copy that there is. A record whose file is gone, or has another length, is none.
pub(crate) fn of(layout: &Layout, home: &Home) -> Option<DataCopy> {
    let copy = recorded(home)?;
    let there = fs::metadata(copy.path(layout)).ok()?;
    (there.len() == copy.bytes).then_some(copy)
}

fn recorded(home: &Home) -> Option<DataCopy> {
    let text = fs::read(home.copy()).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Makes it. Nothing may write to the data meanwhile: a file that changes makes this fail.
pub(crate) async fn make(layout: &Layout, home: &Home, cluster: &str, id: &str) -> io::Result<DataCopy> {
    fs::create_dir_all(layout.archive())?;
    let file = format!("{}.tar.gz", archive::new_name(cluster, id));
    // The same name each time, so that a try that was cut off leaves nothing behind.
    let part = home.root().join("copy.part");
    let root = home.root().as_os_str();
    let folders = [home.data(), home.conf(), home.logs()];
    let existing = folders.iter().filter(|folder| folder.exists());
    let names: Vec<_> = existing.filter_map(|folder| folder.file_name()).collect();
    let there = || {
        let mut command = Command::new("tar");
        command.arg("-C").arg(root);
        command
    };
    tar(there().arg("-czf").arg(&part).args(names)).await?;
    tar(there().arg("-dzf").arg(&part)).await?;
    let read = part.clone();
    let (sha256, bytes) = tokio::task::spawn_blocking(move || checksum(&read)).await??;
    let copy = DataCopy { file, sha256, bytes };
    let path = copy.path(layout);
    // The record comes first: it says which file is to go, whatever happens next.
    durable::write(&home.copy(), &serde_json::to_vec(&copy)?)?;
    let line = format!("{}  {}\n", copy.sha256, copy.file);
    durable::write(&beside(&path), line.as_bytes())?;
    fs::rename(&part, &path)?;
    archive::sync(&layout.archive())?;
    Ok(copy)
}

/// Deletes it, if there is one.
pub(crate) fn forget(layout: &Layout, home: &Home) -> io::Result<()> {
    let Some(copy) = recorded(home) else { return Ok(()) };
    let path = copy.path(layout);
    durable::remove(&path)?;
    durable::remove(&beside(&path))?;
    durable::remove(&home.copy())
}

fn beside(path: &std::path::Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(CHECKSUM);
    name.into()
}

/// Every Debian system has it.
async fn tar(command: &mut Command) -> io::Result<()> {
    let command = command.stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().next().unwrap_or_default().to_owned();
    Err(io::Error::other(format!(
        "tar ended with {}: {line}",
        output.status
    )))
}

fn checksum(path: &std::path::Path) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let bytes = io::copy(&mut file, &mut hash)?;
    file.sync_all()?;
    let text = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((text, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> (tempfile::TempDir, Layout, Home) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path().into());
        let home = layout.component("u1", "zookeeper");
        for folder in [home.data().join("version-2"), home.conf()] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(home.data().join("version-2/snapshot.1"), "tree").unwrap();
        (dir, layout, home)
    }

    #[tokio::test]
    async fn a_copy_is_checked_unpacked_and_forgotten() {
        let (dir, layout, home) = written();
        assert_eq!(of(&layout, &home), None);
        let copy = make(&layout, &home, "default/prod", "zookeeper").await.unwrap();
        assert_eq!(of(&layout, &home), Some(copy.clone()));
        assert_eq!(
            archive::archives(&layout, "default/prod"),
            [copy.path(&layout).display().to_string()]
        );
        let run = |program: &str, arguments: &[&str]| {
            let mut command = std::process::Command::new(program);
            assert!(
                command
                    .current_dir(layout.archive())
                    .args(arguments)
                    .status()
                    .unwrap()
                    .success()
            );
        };
        run(
            "sha256sum",
            &["-c", "--quiet", &format!("{}{CHECKSUM}", copy.file)],
        );
        let other = dir.path().join("other");
        fs::create_dir(&other).unwrap();
        run("tar", &["-xzf", &copy.file, "-C", &other.display().to_string()]);
        assert_eq!(
            fs::read_to_string(other.join("data/version-2/snapshot.1")).unwrap(),
            "tree"
        );

        // A copy that was cut short is none, and the next one takes its place.
        fs::write(copy.path(&layout), "half").unwrap();
        assert_eq!(of(&layout, &home), None);
        forget(&layout, &home).unwrap();
        assert_eq!(fs::read_dir(layout.archive()).unwrap().count(), 0);
        assert!(home.data().join("version-2/snapshot.1").exists());
        forget(&layout, &home).unwrap();
    }
}
