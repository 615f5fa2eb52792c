//! Decides what is read next. Each node is queued once, however often it was named, and is not read again before its
//! last read has come back. Pure.

use std::collections::{HashMap, VecDeque};

use super::read::Want;

/// Comes back once everything that was asked for before it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// The waiting answers can be given out.
    Release,
    /// A barrier was passed.
    Synced,
}

/// The next step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Read(Box<str>, Want),
    Mark(Mark),
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    want: Want,
    /// Whether the read is part of a walk over all nodes.
    walk: bool,
}

#[derive(Debug)]
enum Place {
    Path(Box<str>),
    Mark(Mark),
}

#[derive(Debug, Default)]
pub(super) struct Work {
    order: VecDeque<Place>,
    waiting: HashMap<Box<str>, Entry>,
    /// Nodes whose read is on its way, with what was asked of them in the meantime.
    reading: HashMap<Box<str>, (Entry, Option<Entry>)>,
    again: usize,
    walk: usize,
}

impl Work {
    /// A node has to be read.
    pub(super) fn add(&mut self, path: &str, want: Want, walk: bool) {
        if let Some((_, again)) = self.reading.get_mut(path) {
            let entry = again.get_or_insert_with(|| {
                self.again += 1;
                Entry::default()
            });
            merge(entry, want, walk, &mut self.walk);
            return;
        }
        if let Some(entry) = self.waiting.get_mut(path) {
            return merge(entry, want, walk, &mut self.walk);
        }
        self.walk += usize::from(walk);
        self.waiting.insert(path.into(), Entry { want, walk });
        self.order.push_back(Place::Path(path.into()));
    }

    /// Puts a mark behind everything that waits.
    pub(super) fn mark(&mut self, mark: Mark) {
        self.order.push_back(Place::Mark(mark));
    }

    pub(super) fn next(&mut self) -> Option<Next> {
        match self.order.pop_front()? {
            // Nodes that must be read once more come before the mark, as soon as their first read is back.
            Place::Mark(mark) if self.again > 0 => {
                self.order.push_front(Place::Mark(mark));
                None
            }
            Place::Mark(mark) => Some(Next::Mark(mark)),
            Place::Path(path) => {
                let entry = self.waiting.remove(&path).unwrap_or_default();
                self.reading.insert(path.clone(), (entry, None));
                Some(Next::Read(path, entry.want))
            }
        }
    }

    /// The read of a node has come back.
    pub(super) fn done(&mut self, path: &str) {
        let Some((entry, again)) = self.reading.remove(path) else {
            return;
        };
        self.walk -= usize::from(entry.walk);
        if let Some(entry) = again {
            self.again -= 1;
            self.waiting.insert(path.into(), entry);
            self.order.push_front(Place::Path(path.into()));
        }
    }

    /// Whether anything waits to be read.
    pub(super) fn is_waiting(&self) -> bool {
        !self.order.is_empty()
    }

    /// Whether the walk is over.
    pub(super) fn has_walked(&self) -> bool {
        self.walk == 0
    }
}

fn merge(entry: &mut Entry, want: Want, walk: bool, walking: &mut usize) {
    entry.want = entry.want.and(want);
    *walking += usize::from(walk && !entry.walk);
    entry.walk |= walk;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(next: Option<Next>) -> String {
        match next {
            Some(Next::Read(path, _)) => path.into(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_node_is_read_once_for_all_who_ask() {
        let mut work = Work::default();
        work.add("/a", Want::DATA, false);
        work.add("/b", Want::DATA, true);
        work.add("/a", Want::CHILDREN, true);
        let both = Want::DATA.and(Want::CHILDREN);
        assert_eq!(work.next(), Some(Next::Read("/a".into(), both)));
        assert_eq!(path(work.next()), "/b");
        assert_eq!(work.next(), None);
        work.done("/a");
        assert!(!work.has_walked());
        work.done("/b");
        assert!(work.has_walked());
    }

    #[test]
    fn what_is_asked_meanwhile_is_read_after_and_before_the_mark() {
        let mut work = Work::default();
        work.add("/a", Want::DATA, false);
        assert_eq!(path(work.next()), "/a");
        work.add("/a", Want::DATA, true);
        work.mark(Mark::Synced);
        assert_eq!(work.next(), None);
        work.done("/a");
        assert_eq!(path(work.next()), "/a");
        assert!(!work.has_walked());
        assert_eq!(work.next(), Some(Next::Mark(Mark::Synced)));
        work.done("/a");
        assert!(work.has_walked() && !work.is_waiting());
    }
}
