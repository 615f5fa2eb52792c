//! A sandbox that files are brought into, as the user that runs in it.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use mesolith_process::Spec;

use super::download;
use crate::sandbox::User;

/// Name of a download until it is complete.
const DOWNLOAD: &str = ".mesolith-download";
/// Name of the file that takes what programs print.
const SAID: &str = "fetch";
/// How much of the end of that goes into a message, in bytes.
const LONGEST_MESSAGE: usize = 500;

/// Where files go, and which user owns them.
#[derive(Debug, Clone)]
pub(in crate::containers) struct Place<'a> {
    sandbox: &'a Path,
    owner: Option<&'a User>,
    /// The file that takes what programs print.
    said: PathBuf,
}

impl<'a> Place<'a> {
    /// Without an owner the agent owns everything. `meta` is a directory of this container outside its sandbox.
    pub(in crate::containers) fn new(sandbox: &'a Path, owner: Option<&'a User>, meta: &Path) -> Self {
        Self {
            sandbox,
            owner,
            said: meta.join(SAID),
        }
    }

    pub(super) fn owner(&self) -> Option<&'a User> {
        self.owner
    }

    /// Makes the directory of a file.
    pub(super) async fn make_room(&self, target: &Path) -> Result<(), String> {
        match target.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => self.make_directory(&text(parent)).await,
            None => Ok(()),
        }
    }

    pub(in crate::containers) async fn make_directory(&self, path: &str) -> Result<(), String> {
        self.run("mkdir", ["-p", "--", path]).await
    }

    pub(super) async fn copy(&self, from: &Path, target: &Path) -> Result<(), String> {
        let arguments = ["-f", "-T", "--reflink=auto", "--", &text(from), &text(target)];
        self.run("cp", arguments).await
    }

    pub(super) async fn make_executable(&self, target: &Path) -> Result<(), String> {
        self.run("chmod", ["755", "--", &text(target)]).await
    }

    /// Downloads into the sandbox, under a name that is only used meanwhile.
    pub(super) async fn download(&self, url: &str) -> Result<(), String> {
        let path = self.sandbox.join(DOWNLOAD);
        let file = create(&path, self.owner, 0o644).map_err(|e| e.to_string())?;
        download::start(url).await?.into_file(file).await
    }

    /// Moves the download to its place.
    pub(super) async fn take_download(&self, target: &Path) -> Result<(), String> {
        self.run("mv", ["-f", "-T", "--", DOWNLOAD, &text(target)]).await
    }

    /// Runs a program in the sandbox, as its user. The error is what the program said.
    pub(super) async fn run(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = &str>,
    ) -> Result<(), String> {
        let mut argv = vec![program.to_owned()];
        argv.extend(arguments.into_iter().map(str::to_owned));
        let _ = std::fs::remove_file(&self.said);
        let spec = Spec {
            id: "fetch".into(),
            argv,
            env: BTreeMap::from([
                ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
                ("LC_ALL".to_owned(), "C.UTF-8".to_owned()),
            ]),
            cwd: self.sandbox.to_owned(),
            user: self.owner.map(|owner| owner.name.clone()),
            stderr: Some(self.said.clone()),
            ..Spec::default()
        };
        let ended = mesolith_process::run_inside(&spec).await;
        let said = std::fs::read(&self.said).unwrap_or_default();
        let _ = std::fs::remove_file(&self.said);
        match ended {
            Ok(status) if status.success() => Ok(()),
            Ok(status) if said.is_empty() => Err(format!("{program}: {status}")),
            Ok(_) => Err(last(&said)),
            Err(mesolith_process::Error::ProgramNotFound { .. }) => {
                Err(format!("{program} is not installed on the agent's machine"))
            }
            Err(e) => Err(e.to_string()),
        }
    }
}

/// Removes what a fetch that was interrupted left in `meta`.
pub(in crate::containers) fn forget(meta: &Path) {
    let _ = std::fs::remove_file(meta.join(SAID));
}

/// A new, empty file of that owner. A link that is there under its name is replaced, not followed.
pub(super) fn create(path: &Path, owner: Option<&User>, mode: u32) -> std::io::Result<File> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        Ok(()) | Err(_) => {}
    }
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    // The agent's umask must not change the mode.
    file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    if let Some(owner) = owner {
        fchown(&file, Some(owner.uid), Some(owner.gid))?;
    }
    Ok(file)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// The end of what a program printed, which says most.
fn last(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let said = said.trim();
    let mut start = said.len().saturating_sub(LONGEST_MESSAGE);
    while !said.is_char_boundary(start) {
        start += 1;
    }
    said[start..].to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_link_in_the_way_of_a_download_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (outside, path) = (dir.path().join("outside"), dir.path().join("file"));
        std::fs::write(&outside, "old").unwrap();
        std::os::unix::fs::symlink(&outside, &path).unwrap();
        let mut file = create(&path, None, 0o600).unwrap();
        file.write_all(b"new").unwrap();
        assert_eq!(std::fs::read_to_string(&outside).unwrap(), "old");
        let metadata = path.symlink_metadata().unwrap();
        assert_eq!(
            (metadata.len(), metadata.permissions().mode() & 0o777),
            (3, 0o600)
        );
    }

    #[test]
    fn of_many_words_the_last_are_kept() {
        assert_eq!(last(b" cp: no\n"), "cp: no");
        let long = "ä".repeat(LONGEST_MESSAGE);
        assert!(last(long.as_bytes()).len() <= LONGEST_MESSAGE);
    }
}
