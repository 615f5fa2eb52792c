//! A container's own directory: where it starts, and where its output goes.

use std::fs;
use std::io;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use crate::checkpoint;
use crate::state::Launch;

/// Why a sandbox could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to create the sandbox {path}: {source}")]
    Create { path: PathBuf, source: io::Error },
    #[error("failed to point the latest run at the sandbox: {source}")]
    Link { source: checkpoint::Error },
    #[error("failed to look up user '{user}': {message}")]
    User { user: String, message: String },
}

/// Makes the directory with empty `stdout` and `stderr`, owned by the user that runs in it.
pub(crate) fn create(switch_user: bool, path: &Path, launch: &Launch) -> Result<(), Error> {
    let error = |source| Error::Create {
        path: path.to_owned(),
        source,
    };
    fs::create_dir_all(path).map_err(error)?;
    for name in ["stdout", "stderr"] {
        fs::File::options()
            .create(true)
            .append(true)
            .open(path.join(name))
            .map_err(error)?;
    }
    if let (Some(runs), Some(name)) = (path.parent(), path.file_name()) {
        let linked = checkpoint::link(&runs.join("latest"), &name.to_string_lossy());
        linked.map_err(|source| Error::Link { source })?;
    }
    let command = match &launch.executor {
        Some(executor) => executor.command.as_ref(),
        None => launch.task.command.as_ref(),
    };
    let user = command
        .and_then(|c| c.user.as_deref())
        .unwrap_or(&launch.framework.user);
    if !switch_user || user.is_empty() || user == "root" {
        return Ok(());
    }
    let lookup = |message: String| Error::User {
        user: user.to_owned(),
        message,
    };
    let entry = nix::unistd::User::from_name(user).map_err(|e| lookup(e.to_string()))?;
    let (uid, gid) = match entry {
        Some(entry) => (entry.uid.as_raw(), entry.gid.as_raw()),
        None => {
            let id = user
                .parse()
                .map_err(|_| lookup("there is no such user on this machine".into()))?;
            (id, id)
        }
    };
    for path in [path.to_owned(), path.join("stdout"), path.join("stderr")] {
        chown(&path, Some(uid), Some(gid)).map_err(|source| Error::Create {
            path: path.clone(),
            source,
        })?;
    }
    Ok(())
}
