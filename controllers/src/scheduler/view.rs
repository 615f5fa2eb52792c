//! What reconcilers see of the scheduler: an immutable picture for each app.

use jiff::Timestamp;
use mesolith_marathon::{Instance, shortage::Shortage};

use super::model::Model;

/// The connection to the master.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Link {
    /// Not yet, or not any more; the sentence says why.
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

/// The last task that failed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LastFailure {
    pub(crate) task: String,
    pub(crate) state: &'static str,
    pub(crate) reason: Option<&'static str>,
    pub(crate) message: String,
    pub(crate) host: String,
    pub(crate) version: String,
    pub(crate) at: Timestamp,
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
