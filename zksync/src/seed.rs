//! A new target is born with the source's data: a snapshot file for each of its servers, before they are started.
//!
//! All metadata, access control lists, counters and sessions are exact, since a server takes them from the file as they
//! are. Three things are changed on the way:
//!
//! - `/zookeeper/config` is emptied: with the source's member list in it, clients would go back to the source.
//! - Both epoch files are far ahead of the source ([`EPOCHS_AHEAD`]).
//! - What an engine keeps in the source is left out; what it wants to find in the target is put in ([`OwnNode`]).
//!
//! A server loads nothing of a run that was cut off: the snapshot gets its name last, after all else is on the disk.

mod check;
mod content;
mod file;
mod folder;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

pub use check::check_dirs;
pub use content::OwnNode;

use mesolith_zk::record::Zxid;
use mesolith_zk::snapshot::{self, Trailers};
use mesolith_zk::tree::Tree;

use file::{Counted, Reporter};
use folder::Folder;

use crate::checkpoint::Checkpoint;

/// How far the target's epoch is ahead of the source's.
///
/// A client keeps the highest position that it saw, and a server that is below refuses it. So whoever moves from the
/// source to the target must find it ahead, and each election of the source raises the source's epoch by one while both
/// run: ten thousand elections are more than a migration lives through, and two thousand million epochs are left.
pub const EPOCHS_AHEAD: u32 = 10_000;

/// Highest epoch: it is the upper half of a signed number.
const LAST_EPOCH: u32 = i32::MAX.cast_unsigned();

/// The target cannot be seeded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing to write to.
    #[error("--seed-dir: name the dataDir of every server of the target")]
    NoFolder,
    /// The same folder twice.
    #[error("--seed-dir: {} is named twice; each server of the target has a dataDir of its own", .0.display())]
    Twice(PathBuf),
    /// Not a dataDir.
    #[error("--seed-dir: {} {problem}", dir.display())]
    NotADataDir {
        /// The folder.
        dir: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A server has run there.
    #[error(
        "--seed-dir: {} already holds {file}. Only an ensemble that was never started can be seeded by file: leave \
         --seed-dir out to fill a running one, or empty the dataDir of every server if nothing in it is needed",
        dir.display()
    )]
    NotEmpty {
        /// The dataDir.
        dir: PathBuf,
        /// What is in it.
        file: String,
    },
    /// No rights.
    #[error("--seed-dir: {} cannot be written to ({cause}); run as root or as the user that ZooKeeper runs as", dir.display())]
    NotWritable {
        /// The folder.
        dir: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// No room.
    #[error("--seed-dir: {} has {free} bytes free and {needed} are needed; make room or use another disk", dir.display())]
    NoSpace {
        /// The folder.
        dir: PathBuf,
        /// Bytes free.
        free: u64,
        /// Bytes that all folders on this disk need together.
        needed: u64,
    },
    /// The source's epoch leaves no room above it.
    #[error("the source's epoch {epoch} leaves no room for a target that is {ahead} ahead of it")]
    Epoch {
        /// The source's.
        epoch: u32,
        /// How far the target should be ahead.
        ahead: u32,
    },
    /// The system refused.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The caller said so.
    #[error("seeding was stopped; nothing was written that a server would load")]
    Stopped,
}

impl Error {
    /// Short name for conditions, events and metric labels.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoFolder | Self::Twice(_) | Self::NotADataDir { .. } => "SeedDirInvalid",
            Self::NotEmpty { .. } => "SeedDirNotEmpty",
            Self::NotWritable { .. } => "SeedDirNotWritable",
            Self::NoSpace { .. } => "SeedDirFull",
            Self::Epoch { .. } => "EpochTooHigh",
            Self::Write { .. } => "SeedFailed",
            Self::Stopped => "SeedStopped",
        }
    }
}

/// What a run may say on its way, counted over all folders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Nodes written.
    pub nodes: u64,
    /// Nodes in all.
    pub total: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// How to write.
pub struct Options<'a> {
    /// How far the target's epoch is ahead.
    pub epochs_ahead: u32,
    /// Nodes that the target is born with besides the source's, parents first: with [`checkpoint_nodes`] the engine goes on
    /// from exactly there, and its target does not look like somebody else's.
    pub nodes: Vec<OwnNode>,
    /// Hears of progress every few hundred nodes. May wait (a pause, a limit of the rate), or stop the run.
    pub progress: Box<dyn FnMut(Progress) -> ControlFlow<()> + Send + 'a>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            epochs_ahead: EPOCHS_AHEAD,
            nodes: Vec::new(),
            progress: Box::new(|_| ControlFlow::Continue(())),
        }
    }
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            epochs_ahead, nodes, ..
        } = self;
        write!(f, "Options {{ epochs_ahead: {epochs_ahead}, nodes: {nodes:?} }}")
    }
}

/// The nodes by which an engine of this name goes on, on a target that was seeded at a position of the source.
pub fn checkpoint_nodes(engine: &str, zxid: Zxid) -> Vec<OwnNode> {
    let path = Checkpoint::path(engine);
    let checkpoint = Checkpoint {
        zxid: zxid.0,
        complete: true,
        ..Checkpoint::default()
    };
    let above = path.match_indices('/').map(|(at, _)| &path[..at]);
    let mut nodes: Vec<_> = above
        .filter(|above| !above.is_empty())
        .map(|above| OwnNode {
            path: above.to_owned(),
            data: Vec::new(),
        })
        .collect();
    nodes.push(OwnNode {
        data: checkpoint.bytes(),
        path,
    });
    nodes
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seeded {
    /// Position of the source that the target is born at.
    pub zxid: Zxid,
    /// Epoch in both files; the target's first leader has a higher one.
    pub epoch: u32,
    /// Nodes in each file.
    pub nodes: u64,
    /// Bytes of each file.
    pub bytes: u64,
    /// The snapshot files.
    pub files: Vec<PathBuf>,
}

/// Writes the seed into the dataDir of every server of a target that was never started. Blocks; takes memory for a second
/// tree. Can be done again, with another tree too, until a server has been started.
///
/// `tree` must be exact: from an observer that is up to date. Call [`check_dirs`] first; nothing is checked here.
///
/// # Errors
/// When the system refuses, or the caller stopped it.
pub fn write(tree: &Tree, dirs: &[PathBuf], mut options: Options<'_>) -> Result<Seeded, Error> {
    if dirs.is_empty() {
        return Err(Error::NoFolder);
    }
    let zxid = tree.last_zxid();
    let epoch = epoch(zxid, options.epochs_ahead)?;
    let tree = content::of(tree, &options.nodes);
    let name = format!("snapshot.{:x}", zxid.0);
    let mut seeded = Seeded {
        zxid,
        epoch,
        nodes: tree.len() as u64,
        bytes: 0,
        files: Vec::new(),
    };
    let folders = dirs
        .iter()
        .map(|dir| Folder::open(dir))
        .collect::<Result<Vec<_>, _>>()?;
    let mut report = Reporter::new(seeded.nodes * dirs.len() as u64, &mut options);
    // Everything that takes time comes first, so that the renames at the end lie close together: servers that are started
    // while only some have their snapshot could elect one without.
    for folder in &folders {
        folder.note(&name, epoch)?;
        seeded.bytes = report.write(&tree, folder)?;
        // A server wants that it accepted no less than it has.
        folder.put("acceptedEpoch", epoch.to_string().as_bytes())?;
        folder.put("currentEpoch", epoch.to_string().as_bytes())?;
    }
    for folder in &folders {
        seeded.files.push(folder.publish(&name)?);
    }
    Ok(seeded)
}

/// Bytes of the file that [`write()`] makes for a tree, without writing it.
pub fn length(tree: &Tree) -> u64 {
    let bytes = Cell::new(0);
    // A sink refuses nothing.
    let _ = snapshot::write(tree, Counted::new(io::sink(), &bytes), Trailers::default());
    bytes.get()
}

fn epoch(zxid: Zxid, ahead: u32) -> Result<u32, Error> {
    let epoch = zxid.epoch();
    epoch
        .checked_add(ahead)
        .filter(|sum| *sum < LAST_EPOCH)
        .ok_or(Error::Epoch { epoch, ahead })
}

fn write_error(path: &Path, source: io::Error) -> Error {
    let path = path.to_path_buf();
    Error::Write { path, source }
}
