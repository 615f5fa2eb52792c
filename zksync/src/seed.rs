//! Fills a new target by file: writes a snapshot for each of its servers before they are started.
//!
//! A server loads a snapshot as it is, so metadata, access control lists, counters and sessions are exact. Three
//! things differ from the source:
//!
//! - `/zookeeper/config` is emptied: with the source's member list in it, clients would go back to the source.
//! - Both epoch files are far ahead of the source ([`EPOCHS_AHEAD`]).
//! - What an engine keeps in the source is left out; what it wants to find in the target is put in ([`OwnNode`]).
//!
//! A server ignores the files of a run that was cut off: the snapshot gets its name last, after everything else is on
//! the disk.

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
/// A client keeps the highest zxid that it has seen, and a server that is behind this zxid refuses the client. So a
/// client that moves to the target must find it ahead of the source. Each election raises the source's epoch by one
/// while both run. A migration sees fewer than ten thousand elections, and two thousand million epochs are left.
pub const EPOCHS_AHEAD: u32 = 10_000;

/// The highest epoch. It is the upper half of a signed number.
const LAST_EPOCH: u32 = i32::MAX.cast_unsigned();

/// The target cannot be filled by file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No folder was given.
    #[error("--seed-dir: name the dataDir of every server of the target")]
    NoFolder,
    /// A folder was given twice.
    #[error("--seed-dir: {} is named twice; each server of the target has a dataDir of its own", .0.display())]
    Twice(PathBuf),
    /// A folder cannot be a server's dataDir.
    #[error("--seed-dir: {} {problem}", dir.display())]
    NotADataDir {
        /// The folder.
        dir: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A server has already run with this dataDir.
    #[error(
        "--seed-dir: {} already holds {file}. Only an ensemble that was never started can be seeded by file: leave \
         --seed-dir out to fill a running one, or empty the dataDir of every server if nothing in it is needed",
        dir.display()
    )]
    NotEmpty {
        /// The dataDir.
        dir: PathBuf,
        /// What it contains.
        file: String,
    },
    /// The folder cannot be written to.
    #[error("--seed-dir: {} cannot be written to ({cause}); run as root or as the user that ZooKeeper runs as", dir.display())]
    NotWritable {
        /// The folder.
        dir: PathBuf,
        /// The system's error.
        cause: String,
    },
    /// The disk has too little room.
    #[error("--seed-dir: {} has {free} bytes free and {needed} are needed; make room or use another disk", dir.display())]
    NoSpace {
        /// The folder.
        dir: PathBuf,
        /// Free bytes on its disk.
        free: u64,
        /// Bytes that all folders on this disk need together.
        needed: u64,
    },
    /// The source's epoch is so high that none is left above it.
    #[error("the source's epoch {epoch} leaves no room for a target that is {ahead} ahead of it")]
    Epoch {
        /// The source's epoch.
        epoch: u32,
        /// How far the target's epoch should be ahead.
        ahead: u32,
    },
    /// The system refused to write a file.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The caller has stopped the run.
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

/// Progress of a run, counted over all folders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Nodes that were written.
    pub nodes: u64,
    /// Nodes to write in total.
    pub total: u64,
    /// Bytes that were written.
    pub bytes: u64,
}

/// Options of a run.
pub struct Options<'a> {
    /// How far the target's epoch is ahead.
    pub epochs_ahead: u32,
    /// Nodes that the target gets in addition to the source's, parents first. With [`checkpoint_nodes`] the engine
    /// continues from exactly this state, and recognises the target as its own.
    pub nodes: Vec<OwnNode>,
    /// Called with the progress every few hundred nodes. It may block, to pause or to limit the rate, and may stop
    /// the run.
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

/// The nodes that let an engine of this name continue on a target that was filled at this position of the source.
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

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seeded {
    /// Position of the source that the snapshots hold.
    pub zxid: Zxid,
    /// Epoch in both epoch files. The target's first leader begins with a higher one.
    pub epoch: u32,
    /// Number of nodes in each snapshot.
    pub nodes: u64,
    /// Size of each snapshot in bytes.
    pub bytes: u64,
    /// Paths of the snapshots.
    pub files: Vec<PathBuf>,
}

/// Writes a seed into the dataDir of every server of a target that was never started. Blocks, and takes memory for a
/// second tree. It may be repeated, even with another tree, until a server was started.
///
/// `tree` must be exact, from an observer that is up to date. Call [`check_dirs`] first; this function checks
/// nothing.
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
    // Everything slow comes first, so that the renames at the end are close together. If servers were started while
    // only some have their snapshot, they could elect one without it.
    for folder in &folders {
        folder.note(&name, epoch)?;
        seeded.bytes = report.write(&tree, folder)?;
        // A server requires that its accepted epoch is not below its current one.
        folder.put("acceptedEpoch", epoch.to_string().as_bytes())?;
        folder.put("currentEpoch", epoch.to_string().as_bytes())?;
    }
    for folder in &folders {
        seeded.files.push(folder.publish(&name)?);
    }
    Ok(seeded)
}

/// Size in bytes of the file that [`write()`] makes for a tree.
pub fn length(tree: &Tree) -> u64 {
    let bytes = Cell::new(0);
    // Writing to a sink cannot fail.
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
