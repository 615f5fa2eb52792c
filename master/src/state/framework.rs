//! A framework as the master knows it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use mesolith_mesos::{DEFAULT_ROLE, FrameworkId, OfferId, TaskId};
use mesolith_proto::mesos::v1;
use v1::framework_info::capability::Type as Capability;

use super::{Quantities, Task};
use crate::input::StreamId;
use crate::time::Time;

/// A framework.
#[derive(Debug, Clone)]
pub struct Framework {
    /// Its id.
    pub id: FrameworkId,
    /// What it says about itself, with id.
    pub info: v1::FrameworkInfo,
    /// Its event stream while it is connected.
    pub stream: Option<StreamId>,
    /// Known from its tasks only: it has not subscribed to this master yet.
    pub recovered: bool,
    /// First subscription to this master.
    pub registered: Time,
    /// Last subscription, if not the first.
    pub reregistered: Option<Time>,
    /// When it ended or lost its connection.
    pub unregistered: Option<Time>,
    /// When it is given up, while it is not connected.
    pub remove_at: Option<Time>,
    /// When it is sent its next heartbeat.
    pub next_heartbeat: Time,
    /// Roles in which it wants no offers.
    pub suppressed: BTreeSet<String>,
    /// Outstanding offers.
    pub offers: BTreeSet<OfferId>,
    /// Tasks that have not ended, or whose end it has not acknowledged.
    pub tasks: BTreeMap<TaskId, Arc<Task>>,
    /// Tasks on agents that went silent.
    pub unreachable_tasks: BTreeMap<TaskId, Arc<Task>>,
    /// Ended tasks, oldest first, bounded.
    pub completed_tasks: VecDeque<Arc<Task>>,
}

impl Framework {
    /// A framework that is not connected yet.
    #[must_use]
    pub fn new(id: FrameworkId, mut info: v1::FrameworkInfo, now: Time) -> Self {
        info.id = Some(v1::FrameworkId {
            value: id.to_string(),
        });
        Self {
            id,
            info,
            stream: None,
            recovered: false,
            registered: now,
            reregistered: None,
            unregistered: None,
            remove_at: None,
            next_heartbeat: now,
            suppressed: BTreeSet::new(),
            offers: BTreeSet::new(),
            tasks: BTreeMap::new(),
            unreachable_tasks: BTreeMap::new(),
            completed_tasks: VecDeque::new(),
        }
    }

    /// Whether it can be sent events.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.stream.is_some()
    }

    /// Whether it has a capability.
    #[must_use]
    pub fn can(&self, capability: Capability) -> bool {
        self.info.capabilities.iter().any(|c| c.r#type() == capability)
    }

    /// Roles it is in.
    #[must_use]
    pub fn roles(&self) -> Vec<String> {
        if self.can(Capability::MultiRole) {
            self.info.roles.clone()
        } else {
            vec![self.info.role.clone().unwrap_or_else(|| DEFAULT_ROLE.to_owned())]
        }
    }

    /// The least that it wants to be offered, by role; roles for which it says nothing are left out.
    #[must_use]
    pub fn least(&self) -> BTreeMap<String, Vec<Quantities>> {
        let quantities = |one: &v1::offer_filters::ResourceQuantities| {
            let amounts = one.quantities.iter();
            amounts
                .map(|(name, amount)| (name.clone(), amount.value.into()))
                .collect()
        };
        let filters = self.info.offer_filters.iter();
        filters
            .filter_map(|(role, filters)| Some((role, filters.min_allocatable_resources.as_ref()?)))
            .map(|(role, least)| (role.clone(), least.quantities.iter().map(quantities).collect()))
            .collect()
    }

    /// How long it may be away; a value that is no duration counts as zero.
    #[must_use]
    pub fn failover_timeout(&self) -> Duration {
        Duration::try_from_secs_f64(self.info.failover_timeout.unwrap_or_default()).unwrap_or_default()
    }

    /// Remembers an ended task, and forgets the oldest beyond the limit.
    pub fn complete(&mut self, task: Task, limit: usize) {
        self.completed_tasks.push_back(Arc::new(task));
        while self.completed_tasks.len() > limit {
            self.completed_tasks.pop_front();
        }
    }
}
