//! What is unpacked, and how: by the file's name, as in Mesos.

use std::path::Path;

use super::Place;

/// Kinds of files that are unpacked. Others stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Archive {
    Tar,
    Zip,
    /// A single compressed file.
    Gzip,
}

const TAR: [&str; 7] = [".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz", ".tar"];

impl Archive {
    pub(super) fn of(name: &Path) -> Option<Self> {
        let name = name.file_name()?.to_str()?;
        if TAR.iter().any(|end| name.ends_with(end)) {
            Some(Self::Tar)
        } else if name.ends_with(".gz") && name != ".gz" {
            Some(Self::Gzip)
        } else if name.ends_with(".zip") {
            Some(Self::Zip)
        } else {
            None
        }
    }

    /// Unpacks into the sandbox itself, wherever the archive is. `name` is the archive's name in the sandbox.
    pub(super) async fn unpack(self, place: &Place<'_>, archive: &Path, name: &Path) -> Result<(), String> {
        let archive = archive.display().to_string();
        match self {
            // An archive must set neither the owner of its files nor the rights of the sandbox itself.
            Self::Tar => {
                let options = ["--no-same-owner", "--no-overwrite-dir", "--force-local"];
                place
                    .run("tar", options.into_iter().chain(["-xf", &archive]))
                    .await
            }
            Self::Zip => place.run("unzip", ["-oq", &archive, "-d", "."]).await,
            Self::Gzip => {
                let stem = name.file_stem().unwrap_or_default().to_string_lossy();
                let line = r#"gzip -dc -- "$0" > "$1""#;
                place
                    .run("/bin/sh", ["-c", line, &archive, &format!("./{stem}")])
                    .await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_the_name() {
        let kind = |name| Archive::of(Path::new(name));
        for name in [
            "a.tar",
            "a.tgz",
            "a.tar.gz",
            "a.tbz2",
            "a.tar.bz2",
            "x/a.txz",
            "a.tar.xz",
        ] {
            assert_eq!(kind(name), Some(Archive::Tar), "{name}");
        }
        assert_eq!(kind("a.zip"), Some(Archive::Zip));
        assert_eq!(kind("dump.sql.gz"), Some(Archive::Gzip));
        for name in ["a", "a.jar", "a.gz.txt", ".gz", "a.bz2", "a.xz", "a.TGZ", "gz"] {
            assert_eq!(kind(name), None, "{name}");
        }
    }
}
