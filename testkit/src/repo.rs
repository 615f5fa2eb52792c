//! Where things are: the repository, the cache outside of it, the programs under test.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// The root of this repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
        .to_path_buf()
}

/// What is kept between checkouts: built tools, never state.
pub fn cache_dir() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .unwrap_or_else(|| {
            PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/root".into())).join(".cache")
        });
    base.join("mesolith")
}

/// The Kubernetes binary of `kube-dev/build.sh`.
///
/// # Errors
/// When it has not been built yet.
pub fn kube_dev() -> anyhow::Result<PathBuf> {
    let script = root().join("kube-dev/build.sh");
    let output = Command::new(&script)
        .arg("--path")
        .output()
        .context("run kube-dev/build.sh --path")?;
    let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if !path.is_file() {
        bail!(
            "{} is not built yet; run kube-dev/build.sh (about 7 minutes, once)",
            path.display()
        );
    }
    Ok(path)
}

/// The `mesolith` program: `MESOLITH_BIN`, or the one built beside the running test or task.
///
/// # Errors
/// When there is none.
pub fn mesolith() -> anyhow::Result<PathBuf> {
    if let Some(given) = std::env::var_os("MESOLITH_BIN") {
        return Ok(given.into());
    }
    let own = std::env::current_exe()?;
    let found = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|d| d.join("mesolith"))
        .find(|p| p.is_file());
    found.context("no mesolith program beside this one; run `cargo build -p mesolith` or set MESOLITH_BIN")
}
