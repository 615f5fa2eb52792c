//! Checks that folders can be filled. Nothing is written.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};

use super::Error;
use super::folder::{Note, VERSION};

/// A server writes a snapshot of its own when it starts, and allocates this much for its log.
const LOG: u64 = 64 << 20;

/// Refuses folders that hold data, that cannot be written to, or whose disk has no room for a snapshot of `length`
/// bytes and the server's own first one. Each folder is a server's `dataDir`, which need not exist yet. Files that
/// [`super::write`] has left are not data as long as no server was started with them.
///
/// Returns warnings, as sentences for a person.
///
/// # Errors
/// The first problem that is found.
pub fn check_dirs(dirs: &[PathBuf], length: u64) -> Result<Vec<String>, Error> {
    if dirs.is_empty() {
        return Err(Error::NoFolder);
    }
    let mut warnings = Vec::new();
    let mut disks: BTreeMap<u64, (PathBuf, u64)> = BTreeMap::new();
    for (n, dir) in dirs.iter().enumerate() {
        let same = |other: &PathBuf| {
            other == dir
                || fs::canonicalize(other)
                    .is_ok_and(|real| fs::canonicalize(dir).is_ok_and(|own| own == real))
        };
        if dirs[..n].iter().any(same) {
            return Err(Error::Twice(dir.clone()));
        }
        let nearest = writable(dir)?;
        empty(dir)?;
        if !dir.join("myid").exists() {
            warnings.push(format!(
                "{} holds no file myid; a server of an ensemble needs one with its number, and the target's numbers \
                 should not be the source's",
                dir.display()
            ));
        }
        let disk = fs::metadata(&nearest).map_or(0, |metadata| metadata.dev());
        let (_, needed) = disks.entry(disk).or_insert((nearest, 0));
        *needed += 2 * length + LOG;
    }
    for (dir, needed) in disks.into_values() {
        let free = free(&dir)?;
        if free < needed {
            return Err(Error::NoSpace { dir, free, needed });
        }
    }
    Ok(warnings)
}

/// The folder, or the nearest existing one above it, if it can be written to.
fn writable(dir: &Path) -> Result<PathBuf, Error> {
    let bad = |problem| Error::NotADataDir {
        dir: dir.to_path_buf(),
        problem,
    };
    if dir.file_name().is_some_and(|name| name == VERSION) {
        return Err(bad(
            "is the version-2 folder; name the dataDir, which is the one above",
        ));
    }
    let version = dir.join(VERSION);
    for at in version.ancestors() {
        match fs::metadata(at) {
            Ok(metadata) if !metadata.is_dir() => {
                return Err(bad("is no folder, or below something that is none"));
            }
            Ok(_) => {
                let flags = AccessFlags::W_OK | AccessFlags::X_OK;
                return match access(at, flags) {
                    Ok(()) => Ok(at.to_path_buf()),
                    Err(cause) => Err(Error::NotWritable {
                        dir: at.to_path_buf(),
                        cause: cause.desc().to_owned(),
                    }),
                };
            }
            // It does not exist, or something above it is not a folder; the next one up tells.
            Err(_) => {}
        }
    }
    Err(bad("cannot be found; give its path from the root"))
}

fn empty(dir: &Path) -> Result<(), Error> {
    let version = dir.join(VERSION);
    let entries = match fs::read_dir(&version) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(Error::NotWritable {
                dir: version,
                cause: error.to_string(),
            });
        }
    };
    let note = Note::read(&version);
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = note.as_ref().is_some_and(|note| note.covers(&version, &name));
        if !ours {
            return Err(Error::NotEmpty {
                dir: dir.to_path_buf(),
                file: format!("{VERSION}/{name}"),
            });
        }
    }
    Ok(())
}

fn free(dir: &Path) -> Result<u64, Error> {
    let disk = statvfs(dir).map_err(|cause| Error::NotWritable {
        dir: dir.to_path_buf(),
        cause: cause.desc().to_owned(),
    })?;
    Ok(disk.blocks_available() * disk.fragment_size())
}
