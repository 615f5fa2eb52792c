//! A container's own directory: where it starts, and where its output goes.

use std::fs;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, chown, fchown};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use crate::checkpoint;

/// Why a sandbox could not be created.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to create the sandbox {path}: {source}")]
    Create { path: PathBuf, source: io::Error },
    #[error("failed to point the latest run at the sandbox: {source}")]
    Link { source: checkpoint::Error },
    #[error("failed to look up user '{user}': {message}")]
    User { user: String, message: String },
}

/// Who runs in a sandbox and owns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    /// Name, or number.
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl User {
    /// The user with this name or number. None is the agent's own user, and root: an agent that switches users is root.
    pub(crate) fn find(name: &str) -> Result<Option<Self>, Error> {
        if name.is_empty() || name == "root" {
            return Ok(None);
        }
        let lookup = |message: String| Error::User {
            user: name.to_owned(),
            message,
        };
        let entry = nix::unistd::User::from_name(name).map_err(|e| lookup(e.to_string()))?;
        let (uid, gid) = match entry {
            Some(entry) => (entry.uid.as_raw(), entry.gid.as_raw()),
            None => {
                let id = name
                    .parse()
                    .map_err(|_| lookup("there is no such user on this machine".into()))?;
                (id, id)
            }
        };
        Ok(Some(Self {
            name: name.to_owned(),
            uid,
            gid,
        }))
    }
}

/// Creates the directory with empty `stdout` and `stderr`, owned by the user that runs in it.
pub(crate) fn create(path: &Path, user: Option<&User>) -> Result<(), Error> {
    let error = |source| Error::Create {
        path: path.to_owned(),
        source,
    };
    fs::create_dir_all(path).map_err(error)?;
    let (uid, gid) = (user.map(|user| user.uid), user.map(|user| user.gid));
    for name in ["stdout", "stderr"] {
        // After a restart the sandbox may have been filled already, and a link would lead out of it.
        let file = fs::File::options()
            .create(true)
            .append(true)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(path.join(name))
            .map_err(error)?;
        fchown(&file, uid, gid).map_err(error)?;
    }
    chown(path, uid, gid).map_err(error)?;
    if let (Some(runs), Some(name)) = (path.parent(), path.file_name()) {
        let linked = checkpoint::link(&runs.join("latest"), &name.to_string_lossy());
        linked.map_err(|source| Error::Link { source })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn nothing_outside_is_given_away_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (outside, sandbox) = (dir.path().join("outside"), dir.path().join("runs/1"));
        fs::write(&outside, "x").unwrap();
        let user = User::find("nobody").unwrap().unwrap();
        create(&sandbox, Some(&user)).unwrap();
        assert_eq!(sandbox.join("stdout").metadata().unwrap().uid(), user.uid);
        assert_eq!(sandbox.metadata().unwrap().uid(), user.uid);
        fs::remove_file(sandbox.join("stdout")).unwrap();
        std::os::unix::fs::symlink(&outside, sandbox.join("stdout")).unwrap();
        assert!(create(&sandbox, Some(&user)).is_err());
        assert_eq!(outside.metadata().unwrap().uid(), 0);
    }
}
