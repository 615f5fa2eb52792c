//! What the scheduler knows: apps wanted, tasks that exist, offers at hand. Changed only by the actor.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use mesolith_marathon::{
    App, Instance, TaskId, backoff::Backoff, health, instance::Health, offer, shortage::Shortage,
};
use mesolith_mesos::LaunchProblem;
use mesolith_proto::mesos::v1 as mesos;

use crate::http::host_port;
use crate::key::ObjectKey;

/// The MarathonApp object an app comes from.
pub(crate) type AppKey = ObjectKey;

/// The wanted state of an app.
#[derive(Debug, Clone)]
pub(crate) struct Desired {
    /// The definition; with no instances when the object is being deleted.
    pub(crate) app: Arc<App>,
    /// Marathon's version: when the definition was last changed.
    pub(crate) changed: String,
    /// Tasks named in the object's status, waited for after a restart until a master has heard of their agents.
    pub(crate) remembered: Vec<Remembered>,
    /// Trace of the reconcile that asked, as a W3C `traceparent`.
    pub(crate) trace: Option<String>,
}

/// A task that existed before this process did.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Remembered {
    pub(crate) task: TaskId,
    pub(crate) version: String,
    pub(crate) agent: offer::Agent,
    pub(crate) host_ports: Vec<u16>,
    pub(crate) started: Option<Timestamp>,
    /// Passed its health checks; holds until the first result says otherwise.
    pub(crate) healthy: bool,
}

/// The last task that failed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LastFailure {
    pub(crate) task: String,
    pub(crate) state: &'static str,
    /// Why it could not be started, where the agent says so.
    pub(crate) problem: Option<LaunchProblem>,
    pub(crate) message: String,
    pub(crate) host: String,
    pub(crate) version: String,
    pub(crate) at: Timestamp,
}

/// An app and what belongs to it beside its tasks.
#[derive(Debug)]
pub(super) struct AppState {
    pub(super) desired: Desired,
    pub(super) backoff: Backoff,
    /// Results of the checks carried out here, for each task in the order of its own definition.
    pub(super) records: BTreeMap<TaskId, Vec<health::Record>>,
    pub(super) last_failure: Option<LastFailure>,
    /// Instances to start that found no offer, and why.
    pub(super) unplaced: usize,
    pub(super) shortage: Option<Shortage>,
    /// Starting waits for the back-off until then.
    pub(super) delayed_until: Option<Timestamp>,
    pub(super) instances: BTreeMap<TaskId, Instance>,
}

/// An offer at hand, as the master sent it and as placement sees it.
#[derive(Debug, Clone)]
pub(super) struct HeldOffer {
    pub(super) wire: mesos::Offer,
    pub(super) left: offer::Offer,
}

/// All that the scheduler knows.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// The master that the scheduler is subscribed to.
    pub(super) leader: Option<String>,
    /// Whether the tasks of the framework are known; nothing is started before.
    pub(super) recovered: bool,
    pub(super) offers: BTreeMap<String, HeldOffer>,
    /// What every agent last had left for a role: the evidence for "why does it wait".
    pub(super) latest: BTreeMap<(String, String), offer::Offer>,
    /// All ports of every agent, used ones too, as the master lists them.
    pub(super) ports: BTreeMap<String, Vec<(u16, u16)>>,
    pub(super) agents: BTreeMap<String, offer::Agent>,
    /// Ids of agents that are to leave the cluster: nothing is started there, and what runs there is moved.
    pub(super) leaving: BTreeSet<String>,
    /// `host:port` of agents that leave later: what finds another place is not started there, since it would move twice.
    pub(super) leaving_later: BTreeSet<String>,
    pub(super) apps: BTreeMap<AppKey, AppState>,
    /// Tasks given up while their agent was out of reach: killed should they return.
    pub(super) expunged: BTreeSet<String>,
    /// Tasks of apps that have not been reconciled yet, or do not exist any more.
    pub(super) strays: BTreeMap<String, (String, Instance)>,
    /// Owners of strays that do not exist: their tasks are stopped.
    pub(super) condemned: BTreeSet<String>,
    /// Tasks of the framework without our labels.
    pub(super) foreign: BTreeSet<String>,
    /// Tasks from a status that no master has confirmed yet.
    pub(super) unconfirmed: BTreeSet<TaskId>,
    /// Tasks that ended since the master was asked for its list: it may still show them. `None` while it is not asked.
    pub(super) ended: Option<BTreeSet<String>>,
    pub(super) subscribed_at: Option<Timestamp>,
    pub(super) reconciled_at: Option<Timestamp>,
    pub(super) revived_at: Option<Timestamp>,
    /// The demand the last revive was for.
    pub(super) revived_for: Vec<(AppKey, String, usize)>,
}

impl Model {
    /// Takes an app in, or its new definition. A changed definition starts with no launch delay.
    pub(super) fn desire(&mut self, key: &AppKey, desired: Desired, now: Timestamp) {
        let owner = owner(key);
        self.condemned.remove(&owner);
        let remembered = desired.remembered.clone();
        match self.apps.get_mut(key) {
            Some(state) => {
                if state.desired.app.version != desired.app.version {
                    state.backoff = Backoff::default();
                }
                state.desired = desired;
                return;
            }
            None => {
                let state = AppState {
                    desired,
                    backoff: Backoff::default(),
                    records: BTreeMap::new(),
                    last_failure: None,
                    unplaced: 0,
                    shortage: None,
                    delayed_until: None,
                    instances: BTreeMap::new(),
                };
                self.apps.insert(key.clone(), state);
            }
        }
        let Some(state) = self.apps.get_mut(key) else {
            return;
        };
        self.strays.retain(|_, (of, instance)| {
            let ours = *of == owner;
            if ours {
                state.take_in(instance.clone());
            }
            !ours
        });
        for task in remembered {
            if let Some(known) = state.instances.get_mut(&task.task) {
                if known.health == Health::Unknown && task.healthy {
                    known.health = Health::Healthy;
                }
                continue;
            }
            self.unconfirmed.insert(task.task.clone());
            state.take_in(task.into_instance(now));
        }
    }

    /// The roles of the framework: the common one, and that of every app.
    pub(super) fn roles(&self) -> BTreeSet<String> {
        let common = mesolith_mesos::DEFAULT_ROLE;
        let of_apps = self
            .apps
            .values()
            .map(|state| state.desired.app.definition.role());
        of_apps.chain([common]).map(str::to_owned).collect()
    }

    /// Notes what an agent has left.
    pub(super) fn note(&mut self, left: &offer::Offer) {
        let key = (left.agent.id.clone(), left.role.clone());
        self.latest.insert(key, left.clone());
    }

    /// Whether the agent of an offer leaves later.
    pub(super) fn leaves_later(&self, offer: &mesos::Offer) -> bool {
        let address = offer.url.as_ref().map(|url| &url.address);
        address.is_some_and(|address| {
            let port = u16::try_from(address.port).unwrap_or_default();
            self.leaving_later.contains(&host_port(address.hostname(), port))
        })
    }

    /// The app and the instance of a task.
    pub(super) fn find(&mut self, task: &str) -> Option<(&mut AppState, TaskId)> {
        let id: TaskId = task.parse().ok()?;
        let state = self
            .apps
            .values_mut()
            .find(|state| state.instances.contains_key(&id))?;
        Some((state, id))
    }

    /// Takes a task in that the master knows: into its app, or aside until the app is reconciled.
    ///
    /// The master knows nothing of checks that are made here: what the status says of them holds until the first
    /// result, so that a restart changes nothing.
    pub(super) fn adopt(&mut self, owner_label: &str, mut instance: Instance) {
        self.unconfirmed.remove(&instance.task);
        match self.apps.iter_mut().find(|(key, _)| owner(key) == owner_label) {
            Some((_, state)) => {
                if let Some(known) = state.instances.get(&instance.task) {
                    if instance.health == Health::Unknown {
                        instance.health = known.health;
                    }
                    if instance.checks.is_empty() {
                        instance.checks.clone_from(&known.checks);
                    }
                }
                state.take_in(instance);
            }
            None => {
                self.strays
                    .insert(instance.task.to_string(), (owner_label.to_owned(), instance));
            }
        }
    }

    /// Another scheduler acted for the framework: what is known here counts only once a master has confirmed it.
    pub(super) fn doubt(&mut self) {
        let known = self.apps.values().flat_map(|state| state.instances.keys());
        self.unconfirmed.extend(known.cloned());
        self.strays.clear();
        self.condemned.clear();
    }

    /// Forgets tasks that no master confirmed though all tasks of their agents are listed.
    pub(super) fn settle(&mut self, listed: &BTreeSet<&str>) {
        for state in self.apps.values_mut() {
            let instances = state.instances.values();
            let over: Vec<TaskId> = instances
                .filter(|i| self.unconfirmed.contains(&i.task) && listed.contains(i.agent.id.as_str()))
                .map(|i| i.task.clone())
                .collect();
            for task in over {
                self.unconfirmed.remove(&task);
                state.remove(&task);
            }
        }
    }

    /// The stream is gone: offers are void, tasks live on.
    pub(super) fn disconnected(&mut self) {
        self.leader = None;
        self.offers.clear();
        self.revived_for.clear();
        self.revived_at = None;
    }
}

impl Remembered {
    fn into_instance(self, now: Timestamp) -> Instance {
        Instance {
            task: self.task,
            version: self.version,
            state: mesolith_marathon::instance::State::Running,
            since: self.started.unwrap_or(now),
            staged: self.started.unwrap_or(now),
            started: self.started,
            health: if self.healthy {
                Health::Healthy
            } else {
                Health::Unknown
            },
            kill_sent: None,
            agent: self.agent,
            host_ports: self.host_ports,
            checks: Arc::default(),
        }
    }
}

impl AppState {
    /// Forgets a task.
    pub(super) fn remove(&mut self, task: &TaskId) -> Option<Instance> {
        self.records.remove(task);
        self.instances.remove(task)
    }

    /// Takes a task in. Checks of the version in force come from the definition; a task of an older version carries
    /// its own.
    fn take_in(&mut self, mut instance: Instance) {
        if instance.version == self.desired.app.version {
            instance.checks = self.desired.app.checks();
        }
        self.instances.insert(instance.task.clone(), instance);
    }

    /// A task failed. Only the version in force is delayed by it, and an older one does not hide why that one fails.
    pub(super) fn failed(&mut self, failure: LastFailure, now: Timestamp) {
        if failure.version == self.desired.app.version {
            self.backoff.failed(&self.desired.app.backoff_policy(), now);
        } else if self.backoff.failures() > 0 {
            return;
        }
        self.last_failure = Some(failure);
    }
}

/// The value of the label `mesolith.io/app`.
pub(super) fn owner(key: &AppKey) -> String {
    format!("{}/{}", key.namespace, key.name)
}
