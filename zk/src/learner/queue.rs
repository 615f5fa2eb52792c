//! The queue between the link and its reader. It keeps the order, has limited memory, and puts further transactions
//! into a file.
//!
//! Each entry stays in memory; only the bytes of transactions go to the file, one after the other, and are read in
//! the same order. The file has no name, so nothing is left behind when the process ends in any way.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::Notify;

use super::{Config, Error};
use crate::record::Zxid;
use crate::tree::Tree;

/// An entry of the queue.
#[derive(Debug)]
pub(super) enum Item {
    Snapshot(Box<Tree>),
    Txn(Bytes),
    UpToDate(Option<String>),
    Truncated(Zxid),
    Revalidated(i64, bool),
    Synced,
    Lost(String),
}

#[derive(Debug)]
enum Slot {
    Held(Item),
    /// The transaction's bytes are the next ones in the file.
    Spooled(usize),
}

#[derive(Debug, Default)]
struct State {
    slots: VecDeque<(Instant, Slot)>,
    held: usize,
    written: u64,
    read: u64,
    error: Option<io::Error>,
}

#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    file: File,
    dir: PathBuf,
    memory_limit: usize,
    spool_limit: u64,
    came: Notify,
    went: Notify,
}

impl Queue {
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        let dir = config.spool_dir.clone();
        let file = open_unnamed(&dir).map_err(|source| Error::Spool {
            dir: dir.clone(),
            source,
        })?;
        Ok(Self {
            state: Mutex::default(),
            file,
            dir,
            memory_limit: config.memory_limit,
            spool_limit: config.spool_limit,
            came: Notify::new(),
            went: Notify::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False if the item was not accepted, since there is no room for more transactions or the file failed.
    pub(super) fn push(&self, item: Item) -> bool {
        let mut state = self.state();
        let slot = match item {
            Item::Txn(bytes) if state.held + bytes.len() > self.memory_limit => {
                let length = bytes.len();
                if state.error.is_some() || state.written + length as u64 > self.spool_limit {
                    return false;
                }
                if let Err(error) = self.file.write_all_at(&bytes, state.written) {
                    state.error = Some(error);
                    drop(state);
                    self.came.notify_one();
                    return false;
                }
                state.written += length as u64;
                Slot::Spooled(length)
            }
            Item::Txn(bytes) => {
                state.held += bytes.len();
                Slot::Held(Item::Txn(bytes))
            }
            other => Slot::Held(other),
        };
        state.slots.push_back((Instant::now(), slot));
        drop(state);
        self.came.notify_one();
        true
    }

    /// The oldest item and its time of arrival. Waits until there is one.
    pub(super) async fn pop(&self) -> Result<(Instant, Item), Error> {
        loop {
            if let Some(item) = self.try_pop().map_err(|source| Error::Spool {
                dir: self.dir.clone(),
                source,
            })? {
                self.went.notify_one();
                return Ok(item);
            }
            self.came.notified().await;
        }
    }

    fn try_pop(&self) -> io::Result<Option<(Instant, Item)>> {
        let mut state = self.state();
        let Some((came, slot)) = state.slots.pop_front() else {
            return state.error.take().map_or(Ok(None), Err);
        };
        match slot {
            Slot::Held(item) => {
                if let Item::Txn(bytes) = &item {
                    state.held -= bytes.len();
                }
                Ok(Some((came, item)))
            }
            Slot::Spooled(length) => {
                let mut bytes = vec![0; length];
                self.file.read_exact_at(&mut bytes, state.read)?;
                state.read += length as u64;
                if state.read == state.written {
                    (state.read, state.written) = (0, 0);
                    self.file.set_len(0)?;
                }
                Ok(Some((came, Item::Txn(bytes.into()))))
            }
        }
    }

    /// Waits until transactions fit again. The file is emptied as a whole.
    pub(super) async fn room(&self) {
        loop {
            {
                let state = self.state();
                if state.error.is_none() && state.written <= self.spool_limit / 2 {
                    return;
                }
            }
            self.went.notified().await;
        }
    }
}

fn open_unnamed(dir: &std::path::Path) -> io::Result<File> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    std::fs::create_dir_all(dir)?;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = dir.join(format!(".observer-{}-{number}.spool", std::process::id()));
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(dir: &std::path::Path) -> Queue {
        let mut config = Config::new(Vec::new(), dir.to_path_buf());
        (config.memory_limit, config.spool_limit) = (100, 1000);
        Queue::new(&config).unwrap()
    }

    fn txn(n: u8) -> Item {
        Item::Txn(vec![n; 30].into())
    }

    async fn pop(queue: &Queue) -> String {
        match queue.pop().await.unwrap().1 {
            Item::Txn(bytes) => format!("{}x{}", bytes[0], bytes.len()),
            other => format!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn order_holds_across_memory_and_spool() {
        let dir = tempfile::tempdir().unwrap();
        let queue = queue(dir.path());
        for n in 0..6 {
            assert!(queue.push(txn(n)));
        }
        queue.push(Item::UpToDate(None));
        assert_eq!(queue.state().written, 90);
        assert_eq!(
            (pop(&queue).await, pop(&queue).await),
            ("0x30".into(), "1x30".into())
        );
        // Memory has room again while older transactions are still in the file.
        queue.push(txn(6));
        for expected in ["2x30", "3x30", "4x30", "5x30", "UpToDate(None)", "6x30"] {
            assert_eq!(pop(&queue).await, expected);
        }
        assert_eq!(queue.state().written, 0);
        assert_eq!(queue.state().held, 0);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_full_spool_refuses_and_has_room_once_read() {
        let dir = tempfile::tempdir().unwrap();
        let queue = queue(dir.path());
        let taken = (0..100).take_while(|n| queue.push(txn(*n))).count();
        assert_eq!(taken, 3 + 33);
        // Anything but a transaction always fits.
        assert!(queue.push(Item::UpToDate(None)));
        for n in 0..taken {
            assert_eq!(pop(&queue).await, format!("{n}x30"));
        }
        queue.room().await;
        assert!(queue.push(txn(1)));
    }
}
