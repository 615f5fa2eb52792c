//! What reconcilers hold of a scheduler: its inputs and its latest pictures.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mesolith_proto::mesos::v1::scheduler::Event;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::Actor;
use crate::scheduler::{
    model::{AppKey, Desired, Model},
    probe::Probes,
    recover::MasterState,
    session::{self, Caller},
    view::{AppView, Link, Strays},
};

/// The framework that subscribes.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Chosen once for a cluster and kept in its status.
    pub(crate) framework_id: String,
    /// Host name shown by the master.
    pub(crate) hostname: String,
}

/// Handle of a scheduler; dropping the last one ends it.
pub(crate) struct Scheduler {
    inputs: mpsc::UnboundedSender<Input>,
    masters: watch::Sender<Vec<String>>,
    views: watch::Receiver<Arc<Views>>,
    task: JoinHandle<()>,
}

/// The pictures of all apps.
#[derive(Debug, Default)]
pub(super) struct Views {
    pub(super) link: Link,
    pub(super) apps: BTreeMap<AppKey, AppView>,
    pub(super) strays: Strays,
}

#[derive(Debug)]
pub(super) enum Input {
    Desire(AppKey, Box<Desired>),
    Forget(AppKey),
    Leaving(BTreeSet<String>),
    LeavingLater(BTreeSet<String>),
    Condemn(String),
    Resume,
    /// A new subscription, with its roles.
    Subscribed(Caller, BTreeSet<String>),
    Event(Box<Event>),
    Lost(String),
    /// The list of tasks from the master whose stream has this id.
    State(String, Box<MasterState>),
    StateFailed(String),
    /// A call failed on the stream with this id, and why.
    CallFailed(String, String),
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.leader)
    }
}

impl Scheduler {
    /// Starts a scheduler; `changed` is told which apps look different.
    pub(crate) fn start(
        settings: Settings,
        changed: mpsc::UnboundedSender<AppKey>,
    ) -> Result<Self, reqwest::Error> {
        let (inputs, receiver) = mpsc::unbounded_channel();
        let (masters, masters_seen) = watch::channel(Vec::new());
        let (views_out, views) = watch::channel(Arc::default());
        let (results, probed) = mpsc::unbounded_channel();
        let actor = Actor {
            client: session::client()?,
            settings,
            model: Model::default(),
            link: Link::Connecting,
            masters: masters_seen,
            inputs: inputs.downgrade(),
            probes: Probes::new(results)?,
            caller: None,
            session: None,
            roles: watch::Sender::default(),
            subscribed: BTreeSet::new(),
            sender: None,
            rereading: false,
            views: views_out,
            changed,
        };
        let task = tokio::spawn(actor.run(receiver, probed));
        Ok(Self {
            inputs,
            masters,
            views,
            task,
        })
    }

    /// Sets the addresses of the masters, as `host:port`.
    pub(crate) fn masters(&self, masters: Vec<String>) {
        self.masters.send_if_modified(|known| {
            let new = *known != masters;
            *known = masters;
            new
        });
    }

    /// Sets what an app is to be from now on.
    pub(crate) fn desire(&self, key: AppKey, desired: Desired) {
        let _ = self.inputs.send(Input::Desire(key, Box::new(desired)));
    }

    /// The object of an app is gone; its tasks have been stopped before.
    pub(crate) fn forget(&self, key: AppKey) {
        let _ = self.inputs.send(Input::Forget(key));
    }

    /// Sets the ids of the agents that are to leave the cluster.
    pub(crate) fn leaving(&self, agents: BTreeSet<String>) {
        let _ = self.inputs.send(Input::Leaving(agents));
    }

    /// Sets `host:port` of the agents that leave later: what finds another place is not started there.
    pub(crate) fn leaving_later(&self, agents: BTreeSet<String>) {
        let _ = self.inputs.send(Input::LeavingLater(agents));
    }

    /// There is no such app: tasks labelled with it are stopped, unless it is asked for after all.
    pub(crate) fn condemn(&self, owner: String) {
        let _ = self.inputs.send(Input::Condemn(owner));
    }

    /// The connection, and the tasks that no app asks for.
    pub(crate) fn strays(&self) -> (Link, Strays) {
        let views = self.views.borrow();
        (views.link.clone(), views.strays.clone())
    }

    /// Subscribes again after another operator had taken over.
    pub(crate) fn resume(&self) {
        let _ = self.inputs.send(Input::Resume);
    }

    /// The latest picture of an app.
    pub(crate) fn view(&self, key: &AppKey) -> AppView {
        let views = self.views.borrow();
        let unknown = || AppView {
            link: views.link.clone(),
            ..AppView::default()
        };
        views.apps.get(key).cloned().unwrap_or_else(unknown)
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.task.abort();
    }
}
