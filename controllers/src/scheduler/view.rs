//! What reconcilers see of the scheduler: an immutable picture for each app.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use mesolith_marathon::{Instance, shortage::Shortage};

use super::model::{LastFailure, Model};

/// The connection to the master.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Link {
    /// Not connected; the sentence says why.
    #[default]
    Connecting,
    /// Tried and failed.
    Failing(String),
    /// Subscribed, and the framework's tasks are known.
    Subscribed,
    /// Subscribed; the tasks are being read.
    Recovering,
    /// Another operator took over the framework.
    TakenOver,
    /// The master refuses the framework id for ever.
    Removed,
}

/// One app.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct AppView {
    pub(crate) link: Link,
    /// Version the picture is about; `None` before the scheduler has heard of the app.
    pub(crate) version: Option<String>,
    /// Instances wanted in that picture.
    pub(crate) wanted: u32,
    pub(crate) instances: Vec<Instance>,
    /// Instances on agents that are to leave the cluster.
    pub(crate) leaving: usize,
    pub(crate) unplaced: usize,
    pub(crate) shortage: Option<Shortage>,
    pub(crate) delayed_until: Option<Timestamp>,
    pub(crate) failures: u32,
    pub(crate) last_failure: Option<LastFailure>,
}

/// Tasks that no app asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Strays {
    /// By the label `mesolith.io/app`; without those that are being stopped.
    pub(crate) by_owner: BTreeMap<String, Vec<StrayTask>>,
    /// Task ids of the framework without our labels.
    pub(crate) foreign: BTreeSet<String>,
}

/// A task that no app asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StrayTask {
    /// Its id.
    pub(crate) task: String,
    /// Host name of its agent, if it is known.
    pub(crate) host: String,
}

/// The picture of tasks that no app asks for.
pub(super) fn strays(model: &Model) -> Strays {
    let mut by_owner: BTreeMap<String, Vec<StrayTask>> = BTreeMap::new();
    for (task, (owner, instance)) in &model.strays {
        if !model.condemned.contains(owner) {
            by_owner.entry(owner.clone()).or_default().push(StrayTask {
                task: task.clone(),
                host: instance.agent.hostname.clone(),
            });
        }
    }
    Strays {
        by_owner,
        foreign: model.foreign.clone(),
    }
}

/// The picture of one app.
pub(super) fn of(model: &Model, link: &Link, key: &super::AppKey) -> AppView {
    let Some(state) = model.apps.get(key) else {
        return AppView {
            link: link.clone(),
            ..AppView::default()
        };
    };
    AppView {
        link: link.clone(),
        version: Some(state.desired.app.version.clone()),
        wanted: state.desired.app.definition.instances,
        instances: state.instances.values().cloned().collect(),
        leaving: state
            .instances
            .values()
            .filter(|instance| model.leaving.contains(&instance.agent.id))
            .count(),
        unplaced: state.unplaced,
        shortage: state.shortage.clone(),
        delayed_until: state.delayed_until,
        failures: state.backoff.failures(),
        last_failure: state.last_failure.clone(),
    }
}
