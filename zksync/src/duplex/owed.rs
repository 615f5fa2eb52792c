//! Nodes that have to be looked at once what is on its way has arrived: until then it is not known whether both sides are
//! equal, and no barrier is answered.

use std::collections::BTreeMap;

use super::compare::Look;
use super::rounds::{has_arrived, last_units};
use super::{Both, Duplex, News, SOON};
use crate::settings::Side;

/// How long, in microseconds, a barrier waits for a node that always has a change on its way.
const PATIENCE: u64 = 2_000_000;

/// When a node was changed, and when it is looked at.
#[derive(Debug, Clone, Copy)]
struct Entry {
    since: u64,
    /// It is looked at now, even if something is on its way.
    next: u64,
    /// What was on its way then: the last unit of each direction.
    under_way: [u64; 2],
    /// From then on it counts as written all the time.
    until: Option<u64>,
}

/// Such nodes, by `(from, path on the other side)`.
#[derive(Debug, Default)]
pub(super) struct Owed(BTreeMap<(Side, Box<str>), Entry>);

impl Duplex {
    /// A node was changed while something is on its way. `there` is its name on the side that `from` is carried to.
    pub(super) fn owe(&mut self, from: Side, there: &str, now: u64) {
        let entry = Entry {
            since: now,
            next: now + SOON,
            under_way: last_units(self),
            until: None,
        };
        self.owed.0.entry((from, there.into())).or_insert(entry);
    }

    /// Whether a change that was seen by then may not be on the other side yet, although nothing of it is on its way.
    pub fn owes(&self, by: u64, now: u64) -> bool {
        let mut entries = self.owed.0.values();
        entries.any(|entry| entry.since <= by && entry.until.is_none_or(|until| now < until))
    }

    /// Looks at those that may be judged by now.
    pub(super) fn pay(&mut self, both: Both<'_>, now: u64, news: &mut Vec<News>) {
        let due = |((from, there), entry): (&(Side, Box<str>), &Entry)| {
            let waits = now < entry.next && self.is_touched(*from, there);
            (!waits).then(|| (*from, there.clone()))
        };
        let due: Vec<_> = self.owed.0.iter().filter_map(due).collect();
        for (from, there) in due {
            let look = self.compare(from.other(), &there, both, None, news);
            let key = (from, there);
            if look != Look::Busy {
                self.owed.0.remove(&key);
                continue;
            }
            let Some(under_way) = self.owed.0.get(&key).map(|entry| entry.under_way) else {
                continue;
            };
            let has_arrived = has_arrived(self, under_way);
            if let Some(entry) = self.owed.0.get_mut(&key) {
                entry.next = now + SOON;
                if has_arrived {
                    entry.until.get_or_insert(now + PATIENCE);
                }
            }
        }
    }

    /// Whether something is on its way to a node or to its children, on either side.
    fn is_touched(&self, from: Side, there: &str) -> bool {
        let back = self.routes.locate(from.other(), there);
        self.away_from(from).collides(there, true)
            || back.is_some_and(|place| self.away_from(from.other()).collides(&place.there, true))
    }
}
