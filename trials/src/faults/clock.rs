//! A clock that is wrong, by a library that is preloaded.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

/// Environment that makes a process see another time. Timeouts are not affected: the clock is wrong, but it runs at
/// the right speed.
///
/// # Errors
/// When the library is not installed. The loader would leave it out, and the clock would be right.
pub fn skewed(skew: &str) -> Result<Vec<(String, String)>> {
    let library = installed(Path::new("/usr/lib"))?;
    let set = [
        ("LD_PRELOAD", library.to_str().unwrap_or_default()),
        ("FAKETIME", skew),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    Ok(set
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec())
}

/// The library for programs with threads, where Debian puts it for this architecture.
fn installed(libraries: &Path) -> Result<PathBuf> {
    let folder = format!("{}-linux-gnu/faketime", std::env::consts::ARCH);
    let library = libraries.join(folder).join("libfaketimeMT.so.1");
    ensure!(
        library.is_file(),
        "a wrong clock needs {}, which is not there; run: apt-get install libfaketime",
        library.display()
    );
    Ok(library)
}

#[cfg(test)]
mod tests {
    use super::installed;

    #[test]
    fn a_library_that_is_not_there_is_said_with_its_package() {
        let dir = tempfile::tempdir().unwrap();
        let said = installed(dir.path()).unwrap_err().to_string();
        assert!(said.contains("libfaketimeMT.so.1, which is not there"), "{said}");
        assert!(said.ends_with("apt-get install libfaketime"), "{said}");
    }
}
