//! Downloads that tasks share, as in Mesos: by user and URI, for as long as the agent lives and the space suffices.
//!
//! The first task that asks downloads; others wait for that download. An answer without a length, or larger than the
//! space that is not in use, is not cached. The cache never asks whether the content has changed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};

use super::{download, place};
use crate::sandbox::User;

/// How files in the cache begin: others in its directory are not ours.
const PREFIX: &str = "fetched-";

/// The cache of one agent.
pub(crate) struct Cache {
    dir: PathBuf,
    state: Mutex<State>,
}

struct State {
    space: Space,
    /// Downloads by user (none is the agent's own) and URI.
    downloads: HashMap<Key, Running>,
    next: u64,
}

type Key = (Option<String>, String);

/// A download, complete or under way; `None` if the content is not to be cached.
type Running = Shared<BoxFuture<'static, Result<Option<Arc<Cached>>, String>>>;

/// A file in the cache. It is removed once the cache has given it up and nobody uses it.
#[derive(Debug)]
pub(super) struct Cached {
    path: PathBuf,
}

impl Cached {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Cached {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Cache {
    /// At most `limit` bytes below `dir`. Removes what an earlier run of the agent left there.
    pub(crate) fn new(dir: PathBuf, limit: u64) -> Self {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(PREFIX) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        Self {
            dir,
            state: Mutex::new(State {
                space: Space::new(limit),
                downloads: HashMap::new(),
                next: 0,
            }),
        }
    }

    /// The content of a URI, for that user to read. `None`: it is not cached, fetch it yourself.
    pub(super) async fn get(
        self: &Arc<Self>,
        owner: Option<&User>,
        url: &str,
    ) -> Result<Option<Arc<Cached>>, String> {
        let key = (owner.map(|owner| owner.name.clone()), url.to_owned());
        let running = {
            let mut state = self.state();
            match state.downloads.get(&key) {
                Some(running) => running.clone(),
                None => {
                    let running = self.clone().start(&mut state, key.clone(), owner.cloned());
                    state.downloads.insert(key.clone(), running.clone());
                    running
                }
            }
        };
        let found = running.await;
        self.state().space.used(&key);
        found
    }

    /// Downloads in a task of its own, so that it goes on when the container that asked first is killed.
    fn start(self: Arc<Self>, state: &mut State, key: Key, owner: Option<User>) -> Running {
        state.next += 1;
        let path = self.dir.join(format!("{PREFIX}{}", state.next));
        let task = tokio::spawn(async move {
            let done = self.download(&key, owner.as_ref(), path).await;
            if !matches!(done, Ok(Some(_))) {
                let mut state = self.state();
                state.downloads.remove(&key);
                state.space.free(&key);
            }
            done
        });
        let ended = async move { task.await.unwrap_or_else(|e| Err(e.to_string())) };
        ended.boxed().shared()
    }

    async fn download(
        &self,
        key: &Key,
        owner: Option<&User>,
        path: PathBuf,
    ) -> Result<Option<Arc<Cached>>, String> {
        let answer = download::start(&key.1).await?;
        let Some(length) = answer.length() else {
            return Ok(None);
        };
        if !self.reserve(key, length) {
            return Ok(None);
        }
        let prepared = std::fs::create_dir_all(&self.dir).and_then(|()| place::create(&path, owner, 0o600));
        let file = prepared.map_err(|e| format!("no file in the cache {}: {e}", self.dir.display()))?;
        let cached = Cached { path };
        answer.into_file(file).await?;
        Ok(Some(Arc::new(cached)))
    }

    fn reserve(&self, key: &Key, length: u64) -> bool {
        let mut state = self.state();
        let State { space, downloads, .. } = &mut *state;
        let idle = |key: &Key| downloads.get(key).is_some_and(is_idle);
        let Some(evicted) = space.reserve(key, length, idle) else {
            return false;
        };
        for key in evicted {
            downloads.remove(&key);
        }
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Complete, and nobody but the cache holds it.
fn is_idle(running: &Running) -> bool {
    match running.peek() {
        Some(Ok(Some(cached))) => Arc::strong_count(cached) == 1,
        _ => false,
    }
}

/// How much space each download takes, least recently used first. Pure.
#[derive(Debug)]
struct Space {
    limit: u64,
    taken: Vec<(Key, u64)>,
}

impl Space {
    fn new(limit: u64) -> Self {
        Self {
            limit,
            taken: Vec::new(),
        }
    }

    /// Makes room by giving up idle downloads, and returns those. `None` when that is not enough.
    fn reserve(&mut self, key: &Key, length: u64, idle: impl Fn(&Key) -> bool) -> Option<Vec<Key>> {
        let mut total: u64 = self.taken.iter().map(|(_, length)| length).sum();
        let mut evicted = Vec::new();
        for (key, length_of_it) in &self.taken {
            if total.saturating_add(length) <= self.limit {
                break;
            }
            if idle(key) {
                total -= length_of_it;
                evicted.push(key.clone());
            }
        }
        if total.saturating_add(length) > self.limit {
            return None;
        }
        self.taken.retain(|(key, _)| !evicted.contains(key));
        self.taken.push((key.clone(), length));
        Some(evicted)
    }

    fn used(&mut self, key: &Key) {
        if let Some(at) = self.taken.iter().position(|(taken, _)| taken == key) {
            let entry = self.taken.remove(at);
            self.taken.push(entry);
        }
    }

    fn free(&mut self, key: &Key) {
        self.taken.retain(|(taken, _)| taken != key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        (None, name.to_owned())
    }

    #[test]
    fn the_least_recently_used_makes_room() {
        let mut space = Space::new(10);
        for name in ["a", "b", "c"] {
            assert_eq!(space.reserve(&key(name), 3, |_| true), Some(vec![]));
        }
        space.used(&key("a"));
        assert_eq!(
            space.reserve(&key("d"), 5, |_| true),
            Some(vec![key("b"), key("c")])
        );
        assert_eq!(space.taken, [(key("a"), 3), (key("d"), 5)]);
    }

    #[test]
    fn what_is_in_use_stays_and_what_does_not_fit_takes_nothing() {
        let mut space = Space::new(10);
        space.reserve(&key("a"), 6, |_| true).unwrap();
        assert_eq!(space.reserve(&key("b"), 6, |_| false), None);
        assert_eq!(space.reserve(&key("c"), 11, |_| true), None);
        assert_eq!(space.taken, [(key("a"), 6)]);
        space.free(&key("a"));
        assert_eq!(space.reserve(&key("c"), 10, |_| false), Some(vec![]));
    }

    #[test]
    fn only_what_is_ours_is_removed_at_the_start() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["fetched-1", "theirs"] {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        Cache::new(dir.path().to_owned(), 1);
        assert!(dir.path().join("theirs").exists() && !dir.path().join("fetched-1").exists());
    }
}
