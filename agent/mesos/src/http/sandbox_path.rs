//! Which file of which sandbox a request means.
//!
//! ```text
//! <work_dir>/slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/<container or latest>[/<inside>]
//!                          /frameworks/<framework>/executors/<executor>/runs/<container or latest>[/<inside>]
//! ```
//!
//! A request stays in its sandbox: neither `..` nor a task's own symlink leads out of it.

use std::fs::{File, Metadata};
use std::os::fd::AsRawFd;
use std::path::{Component, Path, PathBuf};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};

use crate::keys::id_problem;
use crate::paths::Paths;

/// Why there is nothing to show.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    /// There is no such sandbox, or nothing of that name in it.
    #[error("no such file")]
    Missing,
    /// It is outside of the sandbox. The sentence is Mesos'.
    #[error("'{}' is inaccessible.\n", .0.display())]
    Inaccessible(PathBuf),
}

/// A file or directory of a sandbox, open for reading.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) file: File,
    pub(super) metadata: Metadata,
    /// Its path without links. If something else is there, it has been replaced since it was opened.
    pub(super) real: PathBuf,
    sandbox: PathBuf,
}

/// Opens what a path means. `agent` is the current agent id.
pub(super) fn open(paths: &Paths, agent: &str, asked: &str) -> Result<Found, Problem> {
    let (sandbox, inside) = split(paths, agent, asked).ok_or(Problem::Missing)?;
    let sandbox = sandbox.canonicalize().map_err(|_| Problem::Missing)?;
    let inside = Path::new(inside.trim_matches('/'));
    let inaccessible = || Problem::Inaccessible(sandbox.join(inside));
    if leaves(inside) {
        return Err(inaccessible());
    }
    let real = sandbox
        .join(inside)
        .canonicalize()
        .map_err(|_| Problem::Missing)?;
    let below = real.strip_prefix(&sandbox).map_err(|_| inaccessible())?;
    let file = open_beneath(&sandbox, below).map_err(|_| Problem::Missing)?;
    let metadata = file.metadata().map_err(|_| Problem::Missing)?;
    Ok(Found {
        file,
        metadata,
        real,
        sandbox,
    })
}

impl Found {
    /// Names in a directory, with what each is. A link is shown as what it points at if that is in the sandbox.
    pub(super) fn entries(&self) -> std::io::Result<Vec<(std::ffi::OsString, Metadata)>> {
        let here = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        let mut all = Vec::new();
        for entry in std::fs::read_dir(here)?.filter_map(Result::ok) {
            let target = self.real.join(entry.file_name()).canonicalize().ok();
            let target = target.filter(|target| target.starts_with(&self.sandbox));
            let metadata = match target {
                Some(target) => target.symlink_metadata(),
                None => entry.metadata(),
            };
            if let Ok(metadata) = metadata {
                all.push((entry.file_name(), metadata));
            }
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(all)
    }
}

/// The sandbox that a path names, and the rest of the path.
fn split<'a>(paths: &Paths, agent: &'a str, asked: &'a str) -> Option<(PathBuf, &'a str)> {
    let slaves = paths.work_dir().join("slaves");
    let (agent, rest) = match asked.strip_prefix("/frameworks/") {
        Some(_) => (agent, asked.strip_prefix('/')?),
        None => {
            let below = asked.strip_prefix(slaves.to_str()?)?.strip_prefix('/')?;
            below.split_once('/')?
        }
    };
    let mut parts = rest.splitn(7, '/');
    let mut literal = |name: &str| (parts.next()? == name).then(|| parts.next())?;
    let (framework, executor, run) = (literal("frameworks")?, literal("executors")?, literal("runs")?);
    let names = [agent, framework, executor, run];
    let plain = names.iter().all(|name| id_problem(name).is_none());
    let inside = parts.next().unwrap_or_default();
    plain.then(|| (paths.sandbox(agent, framework, executor, run), inside))
}

/// Whether a relative path goes above where it starts, whatever is there.
fn leaves(path: &Path) -> bool {
    let mut depth = 0_usize;
    path.components().any(|component| {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir => match depth.checked_sub(1) {
                Some(above) => depth = above,
                None => return true,
            },
            Component::RootDir | Component::Prefix(_) => return true,
        }
        false
    })
}

/// Opens `below`, a path without links. A link that is put in its place meanwhile is not followed. Does not wait for
/// the other end of a pipe.
fn open_beneath(sandbox: &Path, below: &Path) -> std::io::Result<File> {
    let directory = File::open(sandbox)?;
    if below.as_os_str().is_empty() {
        return Ok(directory);
    }
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
    Ok(File::from(openat2(&directory, below, how)?))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rstest::rstest;

    use super::*;

    const RUN: &str = "/frameworks/F/executors/E/runs/R";

    /// Two sandboxes; the first has files, directories and links in and out.
    fn world() -> (tempfile::TempDir, Paths) {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::new(dir.path().canonicalize().unwrap());
        let sandbox = paths.sandbox("S", "F", "E", "R");
        fs::create_dir_all(sandbox.join("sub")).unwrap();
        for other in ["other", "R.x"] {
            let other = paths.sandbox("S", "F", "E", other);
            fs::create_dir_all(&other).unwrap();
            fs::write(other.join("secret"), "x").unwrap();
        }
        symlink("R", sandbox.with_file_name("latest")).unwrap();
        fs::write(sandbox.join("stdout"), "x").unwrap();
        fs::write(sandbox.join("sub/f"), "x").unwrap();
        symlink("sub", sandbox.join("in")).unwrap();
        symlink(sandbox.join("sub/f"), sandbox.join("in-file")).unwrap();
        symlink("../other", sandbox.join("out")).unwrap();
        symlink("/etc/passwd", sandbox.join("out-file")).unwrap();
        symlink("/no/such", sandbox.join("dangling")).unwrap();
        (dir, paths)
    }

    #[rstest]
    #[case::itself("", "")]
    #[case::slash("/", "")]
    #[case::dot("/.", "")]
    #[case::file("/stdout", "stdout")]
    #[case::slash_after_a_file("/stdout/", "stdout")]
    #[case::up_inside("/sub/..", "")]
    #[case::link_inside("/in/f", "sub/f")]
    #[case::absolute_link_inside("/in-file", "sub/f")]
    fn inside(#[case] path: &str, #[case] real: &str) {
        let (_dir, paths) = world();
        let sandbox = paths.sandbox("S", "F", "E", "R");
        let full = sandbox.display().to_string();
        for base in [full.as_str(), RUN, "/frameworks/F/executors/E/runs/latest"] {
            let found = open(&paths, "S", &format!("{base}{path}")).unwrap();
            assert_eq!(found.real, sandbox.join(real), "{base}");
        }
    }

    #[rstest]
    #[case::parent("/..")]
    #[case::parent_with_slash("/../")]
    #[case::further("/sub/../..")]
    #[case::far("/../../../../../../../../../../etc/passwd")]
    #[case::neighbour("/../other/secret")]
    #[case::and_back("/../R/stdout")]
    #[case::link("/out")]
    #[case::through_a_link("/out/secret")]
    #[case::linked_file("/out-file")]
    #[case::nothing_there("/../nothing")]
    fn outside(#[case] path: &str) {
        let (_dir, paths) = world();
        let found = open(&paths, "S", &format!("{RUN}{path}"));
        assert!(matches!(found, Err(Problem::Inaccessible(_))), "{found:?}");
    }

    #[rstest]
    #[case::nothing("/frameworks/F/executors/E/runs/R/nothing")]
    #[case::dangling("/frameworks/F/executors/E/runs/R/dangling")]
    #[case::below_a_file("/frameworks/F/executors/E/runs/R/stdout/x")]
    #[case::no_run("/frameworks/F/executors/E/runs/none")]
    #[case::all_runs("/frameworks/F/executors/E/runs")]
    #[case::up_for_a_run("/frameworks/F/executors/E/runs/..")]
    #[case::up_for_an_executor("/frameworks/F/executors/../runs/R")]
    #[case::frameworks("/frameworks")]
    #[case::elsewhere("/etc/passwd")]
    #[case::relative("stdout")]
    #[case::root("/")]
    fn missing(#[case] path: &str) {
        let (_dir, paths) = world();
        let found = open(&paths, "S", path);
        assert!(matches!(found, Err(Problem::Missing)), "{found:?}");
        let below = format!("{}{path}", paths.work_dir().join("slaves/S").display());
        let below = open(&paths, "S", &below);
        assert!(matches!(below, Err(Problem::Missing)), "{below:?}");
    }

    #[test]
    fn links_out_of_it_are_shown_as_links() {
        let (_dir, paths) = world();
        let shown: Vec<(String, char)> = open(&paths, "S", RUN)
            .unwrap()
            .entries()
            .unwrap()
            .into_iter()
            .map(|(name, metadata)| {
                let kind = match metadata.file_type() {
                    t if t.is_dir() => 'd',
                    t if t.is_symlink() => 'l',
                    _ => '-',
                };
                (name.into_string().unwrap(), kind)
            })
            .collect();
        let expected = [
            ("dangling", 'l'),
            ("in", 'd'),
            ("in-file", '-'),
            ("out", 'l'),
            ("out-file", 'l'),
            ("stdout", '-'),
            ("sub", 'd'),
        ];
        assert_eq!(shown, expected.map(|(name, kind)| (name.to_owned(), kind)));
    }

    #[test]
    fn what_is_exchanged_for_a_link_is_not_followed() {
        let (_dir, paths) = world();
        let sandbox = paths.sandbox("S", "F", "E", "R");
        assert!(open_beneath(&sandbox, Path::new("sub/f")).is_ok());
        fs::remove_dir_all(sandbox.join("sub")).unwrap();
        symlink("/etc", sandbox.join("sub")).unwrap();
        assert!(open_beneath(&sandbox, Path::new("sub/passwd")).is_err());
    }

    #[test]
    fn a_pipe_keeps_nobody_waiting() {
        let (_dir, paths) = world();
        let sandbox = paths.sandbox("S", "F", "E", "R");
        nix::unistd::mkfifo(&sandbox.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let found = open(&paths, "S", &format!("{RUN}/pipe")).unwrap();
        assert!(!found.metadata.is_file());
    }
}
