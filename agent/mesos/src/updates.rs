//! Status updates on their way to the scheduler: none lost, none reordered.
//!
//! Every task has a stream. Only its first pending update is ever out; the next follows the acknowledgement.
//! An update that stays unacknowledged is sent again, first after ten seconds, then at doubling intervals.
//! This module decides; the caller checkpoints what [`Updates::pending`] shows before it sends anything.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use mesolith_proto::mesos::v1::TaskStatus;

use crate::keys::TaskKey;

/// Mesos' first retry interval.
pub(crate) const RETRY_FIRST: Duration = Duration::from_secs(10);
/// Mesos' longest retry interval.
pub(crate) const RETRY_LONGEST: Duration = Duration::from_secs(600);

/// All streams of an agent. Times are since the epoch.
#[derive(Debug, Default)]
pub(crate) struct Updates {
    streams: BTreeMap<TaskKey, Stream>,
    online: bool,
}

#[derive(Debug, Default)]
struct Stream {
    pending: VecDeque<TaskStatus>,
    retry: Option<Retry>,
}

#[derive(Debug, Clone, Copy)]
struct Retry {
    at: Duration,
    interval: Duration,
}

/// What an acknowledgement led to.
#[derive(Debug, PartialEq)]
pub(crate) enum Acknowledged {
    /// It was not for the update that is out.
    Unexpected,
    /// The next update goes out now; `None` while offline.
    Next(Option<Box<TaskStatus>>),
    /// Nothing is pending any more.
    Drained,
}

impl Updates {
    /// Takes an update in; returns it when it is to be sent now.
    pub(crate) fn push(&mut self, key: &TaskKey, status: TaskStatus, now: Duration) -> Option<TaskStatus> {
        let stream = self.streams.entry(key.clone()).or_default();
        stream.pending.push_back(status);
        if self.online && stream.pending.len() == 1 {
            stream.first(now)
        } else {
            None
        }
    }

    /// The scheduler has seen the update with this uuid.
    pub(crate) fn acknowledge(&mut self, key: &TaskKey, uuid: &[u8], now: Duration) -> Acknowledged {
        let Some(stream) = self.streams.get_mut(key) else {
            return Acknowledged::Unexpected;
        };
        if stream.pending.front().and_then(|s| s.uuid.as_deref()) != Some(uuid) {
            return Acknowledged::Unexpected;
        }
        stream.pending.pop_front();
        stream.retry = None;
        if stream.pending.is_empty() {
            self.streams.remove(key);
            return Acknowledged::Drained;
        }
        Acknowledged::Next(if self.online {
            stream.first(now).map(Box::new)
        } else {
            None
        })
    }

    /// Registered: the first pending update of every task goes out at once.
    pub(crate) fn connected(&mut self, now: Duration) -> Vec<(TaskKey, TaskStatus)> {
        self.online = true;
        self.again(now, |_, _| true)
    }

    /// The session ended: nothing is sent until the next [`Self::connected`].
    pub(crate) fn disconnected(&mut self) {
        self.online = false;
        self.streams.values_mut().for_each(|s| s.retry = None);
    }

    /// The scheduler failed over: what it has not acknowledged goes out again at once.
    pub(crate) fn resend(&mut self, framework: &str, now: Duration) -> Vec<(TaskKey, TaskStatus)> {
        self.again(now, |key, _| key.framework == framework)
    }

    /// Updates whose retry interval has passed; the interval doubles.
    pub(crate) fn due(&mut self, now: Duration) -> Vec<(TaskKey, TaskStatus)> {
        if !self.online {
            return Vec::new();
        }
        let due = self
            .streams
            .iter_mut()
            .filter(|(_, s)| s.retry.is_some_and(|r| r.at <= now));
        due.filter_map(|(key, stream)| stream.repeat(now).map(|status| (key.clone(), status)))
            .collect()
    }

    /// When [`Self::due`] returns something again.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.streams.values().filter_map(|s| s.retry).map(|r| r.at).min()
    }

    /// A task's updates that are not acknowledged, oldest first; they are part of its checkpoint.
    pub(crate) fn pending(&self, key: &TaskKey) -> impl Iterator<Item = &TaskStatus> {
        self.streams.get(key).into_iter().flat_map(|s| s.pending.iter())
    }

    /// Whether every update was acknowledged.
    pub(crate) fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// Forgets a task's stream: its framework is gone and nobody will acknowledge.
    pub(crate) fn drop_stream(&mut self, key: &TaskKey) {
        self.streams.remove(key);
    }

    fn again(
        &mut self,
        now: Duration,
        which: impl Fn(&TaskKey, &Stream) -> bool,
    ) -> Vec<(TaskKey, TaskStatus)> {
        if !self.online {
            return Vec::new();
        }
        let chosen = self.streams.iter_mut().filter(|(key, stream)| which(key, stream));
        chosen
            .filter_map(|(key, stream)| stream.first(now).map(|status| (key.clone(), status)))
            .collect()
    }
}

impl Stream {
    fn first(&mut self, now: Duration) -> Option<TaskStatus> {
        self.retry = Some(Retry {
            at: now + RETRY_FIRST,
            interval: RETRY_FIRST,
        });
        self.pending.front().cloned()
    }

    fn repeat(&mut self, now: Duration) -> Option<TaskStatus> {
        let interval = self
            .retry
            .map_or(RETRY_FIRST, |r| (r.interval * 2).min(RETRY_LONGEST));
        self.retry = Some(Retry {
            at: now + interval,
            interval,
        });
        self.pending.front().cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mesolith_proto::mesos::v1::{TaskId, TaskStatus};
    use proptest::prelude::*;

    use super::*;

    fn key(task: u8) -> TaskKey {
        TaskKey {
            framework: format!("f{}", task % 2),
            task: task.to_string(),
        }
    }

    fn status(task: u8, n: u32) -> TaskStatus {
        let uuid = [[task; 4], n.to_be_bytes(), [0; 4], [1; 4]].concat();
        TaskStatus {
            task_id: TaskId {
                value: task.to_string(),
            },
            uuid: Some(uuid.into()),
            ..Default::default()
        }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_000 + seconds)
    }

    #[test]
    fn only_the_first_pending_update_is_out() {
        let mut updates = Updates::default();
        assert!(updates.connected(at(0)).is_empty());
        assert_eq!(updates.push(&key(1), status(1, 1), at(0)), Some(status(1, 1)));
        assert_eq!(updates.push(&key(1), status(1, 2), at(0)), None);
        let wrong = updates.acknowledge(&key(1), &status(1, 2).uuid.unwrap(), at(1));
        assert_eq!(wrong, Acknowledged::Unexpected);
        let next = updates.acknowledge(&key(1), &status(1, 1).uuid.unwrap(), at(1));
        assert_eq!(next, Acknowledged::Next(Some(Box::new(status(1, 2)))));
        let last = updates.acknowledge(&key(1), &status(1, 2).uuid.unwrap(), at(1));
        assert_eq!(last, Acknowledged::Drained);
        assert_eq!(updates.deadline(), None);
    }

    #[test]
    fn retries_double_up_to_ten_minutes() {
        let mut updates = Updates::default();
        updates.connected(at(0));
        updates.push(&key(1), status(1, 1), at(0));
        let mut now = at(0);
        let mut intervals = Vec::new();
        for _ in 0..9 {
            let next = updates.deadline().unwrap();
            assert!(updates.due(next - Duration::from_millis(1)).is_empty());
            assert_eq!(updates.due(next).len(), 1);
            intervals.push((next - now).as_secs());
            now = next;
        }
        assert_eq!(intervals, [10, 20, 40, 80, 160, 320, 600, 600, 600]);
    }

    #[test]
    fn a_failed_over_framework_gets_its_updates_again() {
        let mut updates = Updates::default();
        updates.connected(at(0));
        updates.push(&key(1), status(1, 1), at(0));
        updates.push(&key(2), status(2, 1), at(0));
        assert_eq!(updates.resend("f1", at(3)), [(key(1), status(1, 1))]);
        updates.disconnected();
        assert!(updates.resend("f1", at(4)).is_empty() && updates.due(at(9_999)).is_empty());
        assert_eq!(updates.connected(at(5)).len(), 2);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Push(u8),
        /// Acknowledges what the scheduler last got of the task; `true`: twice.
        Acknowledge(u8, bool),
        AcknowledgeGarbage(u8),
        Disconnect,
        Connect,
        Resend(u8),
        Wait(u16),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let task = 0_u8..4;
        let step = prop_oneof![
            4 => task.clone().prop_map(Step::Push),
            4 => (task.clone(), any::<bool>()).prop_map(|(t, twice)| Step::Acknowledge(t, twice)),
            1 => task.clone().prop_map(Step::AcknowledgeGarbage),
            1 => Just(Step::Disconnect),
            2 => Just(Step::Connect),
            1 => task.prop_map(Step::Resend),
            1 => (0_u16..2_000).prop_map(Step::Wait),
        ];
        proptest::collection::vec(step, 0..200)
    }

    /// A scheduler that sees what is sent, which may be a repetition but never a jump.
    #[derive(Default)]
    struct Scheduler {
        latest: BTreeMap<TaskKey, TaskStatus>,
        order: BTreeMap<TaskKey, Vec<TaskStatus>>,
    }

    impl Scheduler {
        fn sees(&mut self, sent: impl IntoIterator<Item = (TaskKey, TaskStatus)>) {
            for (key, status) in sent {
                let order = self.order.entry(key.clone()).or_default();
                if order.last() != Some(&status) {
                    order.push(status.clone());
                }
                self.latest.insert(key, status);
            }
        }
    }

    proptest! {
        #[test]
        fn no_update_is_lost_or_reordered(steps in steps()) {
            let mut updates = Updates::default();
            let mut scheduler = Scheduler::default();
            let mut pushed: BTreeMap<TaskKey, Vec<TaskStatus>> = BTreeMap::new();
            let mut now = at(0);
            for step in steps {
                match step {
                    Step::Push(task) => {
                        let all = pushed.entry(key(task)).or_default();
                        let new = status(task, all.len() as u32);
                        all.push(new.clone());
                        let sent = updates.push(&key(task), new, now);
                        scheduler.sees(sent.map(|s| (key(task), s)));
                    }
                    Step::Acknowledge(task, twice) => {
                        let Some(seen) = scheduler.latest.get(&key(task)).cloned() else { continue };
                        for _ in 0..=usize::from(twice) {
                            let uuid = seen.uuid.clone().unwrap();
                            if let Acknowledged::Next(Some(next)) = updates.acknowledge(&key(task), &uuid, now) {
                                scheduler.sees([(key(task), *next)]);
                            }
                        }
                    }
                    Step::AcknowledgeGarbage(task) => {
                        prop_assert_eq!(updates.acknowledge(&key(task), b"x", now), Acknowledged::Unexpected);
                    }
                    Step::Disconnect => updates.disconnected(),
                    Step::Connect => scheduler.sees(updates.connected(now)),
                    Step::Resend(task) => scheduler.sees(updates.resend(&key(task).framework, now)),
                    Step::Wait(seconds) => {
                        now += Duration::from_secs(seconds.into());
                        scheduler.sees(updates.due(now));
                    }
                }
                for (key, seen) in &scheduler.order {
                    prop_assert_eq!(&seen[..], &pushed[key][..seen.len()], "order of {}", key);
                }
            }
            // The world calms down: connected, and everything is acknowledged.
            scheduler.sees(updates.connected(now));
            for task in 0..4 {
                loop {
                    let Some(first) = updates.pending(&key(task)).next().cloned() else { break };
                    prop_assert_eq!(scheduler.latest.get(&key(task)), Some(&first));
                    if let Acknowledged::Next(Some(next)) =
                        updates.acknowledge(&key(task), &first.uuid.clone().unwrap(), now)
                    {
                        scheduler.sees([(key(task), *next)]);
                    }
                }
            }
            prop_assert_eq!(scheduler.order, pushed);
        }
    }
}
