//! An agent as the master knows it.

use std::collections::{BTreeMap, BTreeSet};

use mesolith_mesos::{AgentId, ExecutorId, FrameworkId, OfferId, Resources, TaskId};
use mesolith_proto::mesos::v1;

use super::Machine;
use crate::input::SessionId;
use crate::time::Time;

/// An executor that a framework brought along; command tasks have none here.
#[derive(Debug, Clone)]
pub struct Executor {
    /// What the framework says about it.
    pub info: v1::ExecutorInfo,
    /// What it uses besides its tasks.
    pub resources: Resources,
}

/// An agent.
#[derive(Debug, Clone)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// What it says about itself, with id.
    pub info: v1::AgentInfo,
    /// Its version.
    pub version: String,
    /// What it can do, by the numbers of the wire.
    pub capabilities: BTreeSet<i32>,
    /// IP address and port where it listens.
    pub address: (String, u16),
    /// The machine that it is on.
    pub machine: Machine,
    /// Its connection, while there is one.
    pub session: Option<SessionId>,
    /// Everything it has.
    pub total: Resources,
    /// What each framework uses of it: tasks that have not ended, and executors.
    pub used: BTreeMap<FrameworkId, Resources>,
    /// What is offered of it.
    pub offered: Resources,
    /// Offers of it.
    pub offers: BTreeSet<OfferId>,
    /// Tasks on it.
    pub tasks: BTreeSet<(FrameworkId, TaskId)>,
    /// How many of its tasks have not ended.
    pub alive: usize,
    /// Executors on it.
    pub executors: BTreeMap<(FrameworkId, ExecutorId), Executor>,
    /// First registration with this master.
    pub registered: Time,
    /// Last registration, if not the first.
    pub reregistered: Option<Time>,
    /// When it was heard last.
    pub seen: Time,
    /// When it is asked next.
    pub next_ping: Time,
}

impl Agent {
    /// What nobody uses and nobody is offered.
    #[must_use]
    pub fn free(&self) -> Resources {
        let used = self.used.values().fold(self.total.clone(), |left, used| {
            left.saturating_sub(&used.unallocate())
        });
        used.saturating_sub(&self.offered.unallocate())
    }

    /// All that is used, each under the role that it is used by.
    #[must_use]
    pub fn used_total(&self) -> Resources {
        self.used.values().sum()
    }

    /// `slave(1)@ip:port`.
    #[must_use]
    pub fn pid(&self) -> String {
        format!("slave(1)@{}:{}", self.address.0, self.address.1)
    }

    /// Where its own API is.
    #[must_use]
    pub fn url(&self) -> v1::Url {
        v1::Url {
            scheme: "http".into(),
            address: v1::Address {
                hostname: Some(self.info.hostname.clone()),
                ip: Some(self.address.0.clone()),
                port: i32::from(self.address.1),
            },
            path: Some("/slave(1)".into()),
            query: Vec::new(),
            fragment: None,
        }
    }

    /// Whether it can be sent messages.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.session.is_some()
    }
}
