//! Backups of a live ensemble: its tree as a snapshot file that a ZooKeeper server can start from.
//!
//! ```text
//! join as an observer ─► exact tree ─► snapshot.new ─► read again, compare ─► snapshot.<zxid> + backup.json
//! ```
//!
//! An owner has one: a new one takes the place of the one before only after it was read again. Nothing here deletes the
//! last one: who wants the room back removes the directory by hand.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mesolith_proto::node::v1 as pb;
use mesolith_zk::learner::{self, Config, Event, Learner, Server};
use mesolith_zk::snapshot::{self, Trailers};
use mesolith_zk::tree::Tree;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::component::ClusterRef;
use crate::layout::Layout;
use crate::node::Node;

/// One at a time: each holds a whole tree.
static TURN: Mutex<()> = Mutex::const_new(());
/// For the whole tree to arrive.
const PATIENCE: Duration = Duration::from_secs(60);
/// Above the ids of all servers and apart from those of sync engines.
const FIRST_OBSERVER: i64 = 0x4e_0000_0000;
/// Name of the file about the backup.
const ABOUT: &str = "backup.json";
/// The snapshot while it is not known to be good.
const UNFINISHED: &str = "snapshot.new";

/// No backup was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Another one is being made.
    #[error("another backup is being made on this node; it takes seconds, try again")]
    Busy,
    /// The tree did not arrive.
    #[error(
        "the ensemble could not be read within {} s: {cause}. A backup joins the leader as an observer does: open the \
         quorum port of every server to this node; a standalone server has none, so make it an ensemble of one \
         (standaloneEnabled=false)",
        PATIENCE.as_secs()
    )]
    Unreadable {
        /// The last problem.
        cause: String,
    },
    /// The file cannot be written or read.
    #[error("cannot write or read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// What was written cannot be read as a snapshot.
    #[error("cannot write or read {}: {source}", path.display())]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: snapshot::Error,
    },
    /// What was read is not what was written.
    #[error("what was read from the backup is not what was written ({0}); look at the disk of this node")]
    Differs(String),
}

/// What is kept about a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    owner: String,
    file: String,
    bytes: u64,
    znodes: u64,
    zxid: u64,
    taken_unix_ms: i64,
    sha256: String,
    largest_bytes: u64,
    largest_path: String,
}

/// Takes one, and returns once it is on the disk and was read again.
pub(crate) async fn take(node: &Node, owner: &ClusterRef, servers: Vec<Server>) -> Result<pb::Backup, Error> {
    let _turn = TURN.try_lock().map_err(|_| Error::Busy)?;
    let dir = node.layout.backups().join(&owner.uid);
    create(&dir)?;
    let mut config = Config::new(servers, dir.clone());
    config.id = FIRST_OBSERVER + i64::from(std::process::id());
    let learner = read(config).await?;
    let owner = owner.clone();
    let (path, about) = tokio::task::spawn_blocking(move || {
        let about = keep(&dir, &owner, learner.tree())?;
        Ok((dir, about))
    })
    .await
    .map_err(|error| Error::Differs(error.to_string()))??;
    let uid = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    tracing::info!(
        owner = about.owner,
        znodes = about.znodes,
        bytes = about.bytes,
        "took a backup"
    );
    Ok(to_wire(&path, &uid, about))
}

/// The last backup of every owner.
pub(crate) fn all(layout: &Layout) -> Vec<pb::Backup> {
    let entries = fs::read_dir(layout.backups()).into_iter().flatten().flatten();
    let mut all: Vec<pb::Backup> = entries
        .filter_map(|entry| {
            let about: About = serde_json::from_slice(&fs::read(entry.path().join(ABOUT)).ok()?).ok()?;
            // One whose file is gone or was changed is none.
            let there = fs::metadata(entry.path().join(&about.file)).ok()?;
            (there.len() == about.bytes).then(|| {
                let uid = entry.file_name().to_string_lossy().into_owned();
                to_wire(&entry.path(), &uid, about)
            })
        })
        .collect();
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

fn to_wire(dir: &Path, uid: &str, about: About) -> pb::Backup {
    pb::Backup {
        path: dir.join(&about.file).display().to_string(),
        owner: Some(pb::ClusterRef {
            uid: uid.to_owned(),
            name: about.owner,
        }),
        bytes: about.bytes,
        znodes: about.znodes,
        zxid: about.zxid,
        taken_unix_ms: about.taken_unix_ms,
        sha256: about.sha256,
        largest_bytes: about.largest_bytes,
        largest_path: about.largest_path,
    }
}

/// Joins as an observer and returns with the exact tree.
async fn read(config: Config) -> Result<Learner, Error> {
    let unreadable = |error: learner::Error| Error::Unreadable {
        cause: error.to_string(),
    };
    let mut learner = Learner::start(config, None).map_err(unreadable)?;
    let until = Instant::now() + PATIENCE;
    let mut last = "no leader was found".to_owned();
    loop {
        match timeout_at(until, learner.next()).await {
            Ok(event) => match event.map_err(unreadable)? {
                Event::UpToDate { .. } => return Ok(learner),
                Event::LostLeader { cause } => last = cause,
                _ => {}
            },
            Err(_) => return Err(Error::Unreadable { cause: last }),
        }
    }
}

/// Writes the tree, reads it again, and only then puts it in the place of the backup before.
fn keep(dir: &Path, owner: &ClusterRef, tree: &Tree) -> Result<About, Error> {
    let path = dir.join(UNFINISHED);
    let failed = |source| Error::File {
        path: path.clone(),
        source,
    };
    let written = |source| Error::Snapshot {
        path: path.clone(),
        source,
    };
    let mut file = io::BufWriter::new(File::create(&path).map_err(failed)?);
    let trailers = Trailers {
        digest: true,
        ..Trailers::default()
    };
    snapshot::write(tree, &mut file, trailers).map_err(written)?;
    file.flush().map_err(failed)?;
    file.get_ref().sync_all().map_err(failed)?;
    drop(file);

    let mut hashed = Hashed {
        input: BufReader::new(File::open(&path).map_err(failed)?),
        sum: Sha256::new(),
        bytes: 0,
    };
    let again = snapshot::read(&mut hashed, tree.last_zxid()).map_err(written)?;
    if let Some(difference) = again.tree.differences(tree, 1).first() {
        return Err(Error::Differs(format!("{difference:?}")));
    }
    let largest = tree.nodes().max_by_key(|node| node.data().map_or(0, <[u8]>::len));
    let name = format!("snapshot.{:x}", tree.last_zxid().0);
    let about = About {
        owner: owner.name.clone(),
        bytes: hashed.bytes,
        znodes: tree.len() as u64,
        zxid: tree.last_zxid().0.cast_unsigned(),
        taken_unix_ms: jiff::Timestamp::now().as_millisecond(),
        sha256: hashed
            .sum
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        largest_bytes: largest
            .and_then(|node| node.data())
            .map_or(0, |data| data.len() as u64),
        largest_path: largest.map(|node| node.path()).unwrap_or_default(),
        file: name.clone(),
    };
    fs::rename(&path, dir.join(&name)).map_err(failed)?;
    // Numbers and texts only, so this cannot fail.
    let text = serde_json::to_vec_pretty(&about).unwrap_or_default();
    let note = dir.join(format!("{ABOUT}.new"));
    fs::write(&note, text)
        .and_then(|()| File::open(&note)?.sync_all())
        .map_err(failed)?;
    fs::rename(&note, dir.join(ABOUT)).map_err(failed)?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
    forget_others(dir, &name);
    Ok(about)
}

/// Deletes the backups before this one; one that cannot be deleted only takes room.
fn forget_others(dir: &Path, kept: &str) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("snapshot.")
            && name != kept
            && let Err(error) = fs::remove_file(entry.path())
        {
            tracing::warn!(%error, file = name, "an older backup could not be deleted");
        }
    }
}

/// Only root reads what an ensemble holds.
fn create(dir: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = fs::DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|source| Error::File {
            path: dir.to_owned(),
            source,
        })
}

/// Bytes that are hashed and counted while they are read.
struct Hashed<R> {
    input: R,
    sum: Sha256,
    bytes: u64,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.sum.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesolith_zk::record::{NodeStat, Zxid};

    fn tree(zxid: i64, data: &[u8]) -> Tree {
        let mut tree = Tree::new();
        for path in ["/mesos", "/mesos/json.info_0000000001"] {
            tree.insert(path, Some(data), None, NodeStat::default()).unwrap();
        }
        tree.set_last_zxid(Zxid(zxid));
        tree
    }

    fn owner() -> ClusterRef {
        ClusterRef {
            uid: "u1".into(),
            name: "default/move".into(),
        }
    }

    #[test]
    fn the_last_good_backup_is_kept_and_a_damaged_one_is_none() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::new(root.path().into());
        let dir = layout.backups().join("u1");
        create(&dir).unwrap();
        keep(&dir, &owner(), &tree(0x1_0000_0007, b"one")).unwrap();
        let about = keep(&dir, &owner(), &tree(0x1_0000_0009, b"three")).unwrap();
        assert_eq!(
            (about.largest_bytes, about.file.as_str()),
            (5, "snapshot.100000009")
        );

        let listed = all(&layout);
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].znodes, about.znodes);
        assert_eq!(
            listed[0].path,
            dir.join("snapshot.100000009").display().to_string()
        );
        let names = fs::read_dir(&dir).unwrap().count();
        assert_eq!(names, 2, "the one before is gone");

        let file = File::options()
            .append(true)
            .open(dir.join("snapshot.100000009"))
            .unwrap();
        file.set_len(about.bytes - 1).unwrap();
        assert_eq!(all(&layout), []);
    }
}
