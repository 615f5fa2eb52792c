//! The task that owns the model: one input at a time, then one decision, then its effects.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use mesolith_marathon::health::{self, Verdict};
use mesolith_proto::mesos::v1::scheduler::{Call, Event};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time,
};

use super::{
    calls, decide, events,
    model::{AppKey, Desired, Model},
    probe::{ProbeResult, Probes},
    recover::{self, MasterState},
    session::{self, Caller},
    view::{self, AppView, Link},
};

/// Between attempts to find the leader.
const RECONNECT: Duration = Duration::from_secs(1);
/// Between attempts to read the tasks again.
const REREAD: Duration = Duration::from_secs(2);

/// Who subscribes.
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
struct Views {
    link: Link,
    apps: BTreeMap<AppKey, AppView>,
}

#[derive(Debug)]
enum Input {
    Desire(AppKey, Box<Desired>),
    Forget(AppKey),
    Leaving(BTreeSet<String>),
    Resume,
    Subscribed(Caller),
    Event(Box<Event>),
    Lost(String),
    /// Of the master of the stream with this id.
    State(String, Box<MasterState>),
    StateFailed(String),
    /// On the stream with this id.
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

    /// Where masters are, as `host:port`.
    pub(crate) fn masters(&self, masters: Vec<String>) {
        self.masters.send_if_modified(|known| {
            let new = *known != masters;
            *known = masters;
            new
        });
    }

    /// What an app is to be from now on.
    pub(crate) fn desire(&self, key: AppKey, desired: Desired) {
        let _ = self.inputs.send(Input::Desire(key, Box::new(desired)));
    }

    /// The object of an app is gone; its tasks have been stopped before.
    pub(crate) fn forget(&self, key: AppKey) {
        let _ = self.inputs.send(Input::Forget(key));
    }

    /// Ids of the agents that are to leave the cluster.
    pub(crate) fn leaving(&self, agents: BTreeSet<String>) {
        let _ = self.inputs.send(Input::Leaving(agents));
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

struct Actor {
    client: reqwest::Client,
    settings: Settings,
    model: Model,
    link: Link,
    masters: watch::Receiver<Vec<String>>,
    inputs: mpsc::WeakUnboundedSender<Input>,
    probes: Probes,
    caller: Option<Caller>,
    session: Option<JoinHandle<()>>,
    /// Calls go out one after the other, so that the master sees them in the order they were decided.
    sender: Option<mpsc::UnboundedSender<(Call, Option<String>)>>,
    rereading: bool,
    views: watch::Sender<Arc<Views>>,
    changed: mpsc::UnboundedSender<AppKey>,
}

impl Drop for Actor {
    fn drop(&mut self) {
        if let Some(session) = &self.session {
            session.abort();
        }
    }
}

impl Actor {
    async fn run(
        mut self,
        mut inputs: mpsc::UnboundedReceiver<Input>,
        mut probed: mpsc::UnboundedReceiver<ProbeResult>,
    ) {
        self.connect(Duration::ZERO);
        let mut wake: Option<Timestamp> = None;
        loop {
            let pause = wake.map_or(Duration::from_secs(60), until);
            tokio::select! {
                input = inputs.recv() => match input {
                    Some(input) => self.take(input),
                    None => return,
                },
                Some(result) = probed.recv() => self.probe_result(&result),
                () = time::sleep(pause) => {}
            }
            // Whatever has come meanwhile belongs to the same decision.
            while let Ok(input) = inputs.try_recv() {
                self.take(input);
            }
            while let Ok(result) = probed.try_recv() {
                self.probe_result(&result);
            }
            let now = Timestamp::now();
            let (effects, soon) = decide::decide(&mut self.model, now, &mut uuid::Uuid::new_v4);
            for effect in &effects {
                tracing::debug!(?effect, "scheduling");
                let (call, trace) = calls::of_effect(&self.settings.framework_id, effect);
                self.send(call, trace);
            }
            wake = soon;
            self.probes.follow(&self.model);
            self.publish();
        }
    }

    fn take(&mut self, input: Input) {
        let now = Timestamp::now();
        match input {
            Input::Desire(key, desired) => {
                let unconfirmed = self.model.unconfirmed.len();
                self.model.desire(&key, *desired, now);
                if self.model.unconfirmed.len() > unconfirmed {
                    // The list may have been read before these were asked about.
                    self.reread(Duration::ZERO);
                }
            }
            Input::Forget(key) => {
                self.model.apps.remove(&key);
            }
            Input::Leaving(agents) => self.model.leaving = agents,
            Input::Resume => {
                if matches!(self.link, Link::TakenOver) {
                    self.model.doubt();
                    self.connect(Duration::ZERO);
                }
            }
            Input::Subscribed(caller) => self.subscribed(caller, now),
            Input::Event(event) => self.event(*event, now),
            Input::Lost(why) => {
                self.disconnected();
                self.set_link(Link::Failing(why));
            }
            Input::State(stream, state) if self.is_current(&stream) => self.recovered(&state, now),
            // What another master knew says nothing about this one.
            Input::State(..) => {}
            Input::StateFailed(stream) if !self.is_current(&stream) => {}
            Input::StateFailed(_) => {
                self.rereading = false;
                self.reread(REREAD);
            }
            Input::CallFailed(stream, why) => {
                // Whether the master heard it is unknown: a new subscription settles it. One that is there already
                // has done so.
                if self.is_current(&stream) {
                    tracing::warn!(error = why, "a call to the master failed: subscribing again");
                    self.disconnected();
                    self.set_link(Link::Failing(why));
                    // Not at once: a call that the master will never take must not become a hot loop.
                    self.connect(RECONNECT);
                }
            }
        }
    }

    fn subscribed(&mut self, caller: Caller, now: Timestamp) {
        tracing::info!(
            leader = caller.leader,
            framework = self.settings.framework_id,
            "subscribed"
        );
        self.model.leader = Some(caller.leader.clone());
        self.model.subscribed_at = Some(now);
        self.model.reconciled_at = None;
        self.sender = Some(spawn_sender(caller.clone(), self.inputs.clone()));
        self.caller = Some(caller);
        // Offers of an earlier stream may have been on their way; nothing is started before the tasks are known.
        self.model.offers.clear();
        self.model.recovered = false;
        self.set_link(Link::Recovering);
        self.send(calls::reconcile(&self.settings.framework_id, &[]), None);
        // A launch that the old stream may have swallowed would otherwise wait for its time-out.
        let staging: Vec<(String, String)> = self
            .model
            .apps
            .values()
            .flat_map(|state| state.instances.values())
            .filter(|instance| instance.state == mesolith_marathon::instance::State::Staging)
            .map(|instance| (instance.task.to_string(), instance.agent.id.clone()))
            .collect();
        if !staging.is_empty() {
            self.send(calls::reconcile(&self.settings.framework_id, &staging), None);
        }
        self.rereading = false;
        self.reread(Duration::ZERO);
    }

    fn event(&mut self, event: Event, now: Timestamp) {
        if let Some(offers) = event.offers {
            events::offers(&mut self.model, offers.offers);
        }
        if let Some(rescind) = event.rescind {
            self.model.offers.remove(&rescind.offer_id.value);
        }
        if let Some(failure) = event.failure
            && failure.executor_id.is_none()
            && let Some(agent) = failure.agent_id
        {
            events::agent_lost(&mut self.model, &agent.value);
        }
        if let Some(update) = event.update {
            for reply in events::update(&mut self.model, &update.status, now) {
                match calls::of_reply(&self.settings.framework_id, &reply) {
                    Some(call) => self.send(call, None),
                    None => self.reread(Duration::ZERO),
                }
            }
        }
        if let Some(error) = event.error {
            tracing::warn!(error = error.message, "the master ended the subscription");
            self.disconnected();
            match error.message.as_str() {
                "Framework failed over" => self.go_quiet(Link::TakenOver),
                "Framework has been removed" => self.go_quiet(Link::Removed),
                _ => self.set_link(Link::Failing(format!("the master says: {}", error.message))),
            }
        }
    }

    fn recovered(&mut self, state: &MasterState, now: Timestamp) {
        self.rereading = false;
        let ended = self.model.ended.take().unwrap_or_default();
        for agent in recover::agents(state) {
            self.model.agents.insert(agent.id.clone(), agent);
        }
        for (owner, instance) in recover::instances(state, &self.settings.framework_id, now) {
            let id = instance.task.to_string();
            if self.model.expunged.contains(&id) || ended.contains(&id) {
                continue;
            }
            // What is known here is at least as new as a list read over a second connection.
            let known = self.model.find(&id).is_some() || self.model.strays.contains_key(&id);
            if !known || self.model.unconfirmed.contains(&instance.task) {
                self.model.adopt(&owner, instance);
            }
        }
        let listed = recover::listed(state, &self.settings.framework_id);
        self.model.settle(&listed);
        if !self.model.recovered {
            tracing::info!("the framework's tasks are known");
            self.model.recovered = true;
        }
        if self.caller.is_some() {
            self.set_link(Link::Subscribed);
        }
    }

    fn probe_result(&mut self, result: &ProbeResult) {
        let now = Timestamp::now();
        let Some((state, id)) = self.model.find(&result.task.to_string()) else {
            return;
        };
        let checks: Vec<(usize, mesolith_marathon::app::HealthCheck)> = state
            .probed_checks()
            .map(|(index, check)| (index, check.clone()))
            .collect();
        let Some(place) = checks.iter().position(|(index, _)| *index == result.check) else {
            return;
        };
        let policy = state.desired.app.backoff_policy();
        let records = state.records.entry(id.clone()).or_default();
        records.resize(checks.len(), health::Record::default());
        let Some(instance) = state.instances.get_mut(&id) else {
            return;
        };
        let started = instance.started.unwrap_or(instance.since);
        let verdict = records[place].result(&checks[place].1, started, now, result.alive);
        instance.health = health::aggregate(records);
        if verdict == Verdict::Kill && instance.kill_sent.is_none() {
            tracing::info!(task = %id, "stopped: it failed its health check too often");
            instance.kill_sent = Some(now);
            let effect = decide::Effect::Kill {
                task: id.to_string(),
                agent: instance.agent.id.clone(),
                grace: state.desired.app.definition.task_kill_grace_period_seconds,
            };
            state.last_failure = Some(view::LastFailure {
                task: id.to_string(),
                state: "TASK_KILLED",
                reason: None,
                message: "it failed its health check too often".to_owned(),
                host: instance.agent.hostname.clone(),
                version: instance.version.clone(),
                at: now,
            });
            state.backoff.failed(&policy, now);
            let (call, _) = calls::of_effect(&self.settings.framework_id, &effect);
            self.send(call, None);
        }
    }

    /// Starts looking for the leader, and keeps a subscription from then on.
    fn connect(&mut self, pause: Duration) {
        if let Some(session) = self.session.take() {
            session.abort();
        }
        if !matches!(self.link, Link::Failing(_)) {
            self.set_link(Link::Connecting);
        }
        let call = calls::subscribe(&self.settings.framework_id, &self.settings.hostname);
        let session = keep_session(
            self.client.clone(),
            self.masters.clone(),
            call,
            self.inputs.clone(),
        );
        self.session = Some(tokio::spawn(async move {
            time::sleep(pause).await;
            session.await;
        }));
    }

    fn disconnected(&mut self) {
        self.model.disconnected();
        self.caller = None;
        self.sender = None;
    }

    fn is_current(&self, stream: &str) -> bool {
        self.caller
            .as_ref()
            .is_some_and(|caller| caller.stream_id == stream)
    }

    fn go_quiet(&mut self, link: Link) {
        if let Some(session) = self.session.take() {
            session.abort();
        }
        self.set_link(link);
    }

    fn set_link(&mut self, link: Link) {
        if self.link != link {
            tracing::info!(?link, "link to the master");
            self.link = link;
        }
    }

    fn send(&self, call: Call, trace: Option<String>) {
        if let Some(sender) = &self.sender {
            let _ = sender.send((call, trace));
        }
    }

    /// Reads `/state` in the background.
    fn reread(&mut self, pause: Duration) {
        let Some(caller) = self.caller.clone() else { return };
        if std::mem::replace(&mut self.rereading, true) {
            return;
        }
        self.model.ended.get_or_insert_default();
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            time::sleep(pause).await;
            let input = match caller.state().await {
                Ok(state) => Input::State(caller.stream_id, Box::new(state)),
                Err(error) => {
                    tracing::warn!(error = %error, "failed to read the framework's tasks");
                    Input::StateFailed(caller.stream_id)
                }
            };
            if let Some(inputs) = inputs.upgrade() {
                let _ = inputs.send(input);
            }
        });
    }

    /// Publishes the pictures and tells whose changed.
    fn publish(&mut self) {
        let before = self.views.borrow().clone();
        let apps: BTreeMap<AppKey, AppView> = self
            .model
            .apps
            .keys()
            .map(|key| (key.clone(), view::of(&self.model, &self.link, key)))
            .collect();
        let changed: Vec<AppKey> = apps
            .iter()
            .filter(|(key, view)| before.apps.get(*key) != Some(view))
            .map(|(key, _)| key.clone())
            .collect();
        if changed.is_empty() && before.link == self.link && before.apps.len() == apps.len() {
            return;
        }
        self.views.send_replace(Arc::new(Views {
            link: self.link.clone(),
            apps,
        }));
        for key in changed {
            let _ = self.changed.send(key);
        }
    }
}

/// Subscribes, hands events on, and begins again when the stream ends.
async fn keep_session(
    client: reqwest::Client,
    mut masters: watch::Receiver<Vec<String>>,
    call: Call,
    inputs: mpsc::WeakUnboundedSender<Input>,
) {
    let mut told = String::new();
    loop {
        let candidates = masters.borrow_and_update().clone();
        let failed = match session::subscribe(&client, &candidates, &call).await {
            Ok(mut session) => {
                told.clear();
                tell(&inputs, Input::Subscribed(session.caller()));
                loop {
                    match session.next().await {
                        Ok(event) => tell(&inputs, Input::Event(Box::new(event))),
                        Err(error) => break error,
                    }
                }
            }
            Err(error) => error,
        };
        let why = failed.to_string();
        if why != told {
            tracing::warn!(error = why, "not subscribed");
            told.clone_from(&why);
            tell(&inputs, Input::Lost(why));
        }
        tokio::select! {
            () = time::sleep(RECONNECT) => {}
            changed = masters.changed() => if changed.is_err() { return },
        }
    }
}

fn tell(inputs: &mpsc::WeakUnboundedSender<Input>, input: Input) {
    if let Some(inputs) = inputs.upgrade() {
        let _ = inputs.send(input);
    }
}

/// Makes the calls of one subscription in order; the first failure ends it.
fn spawn_sender(
    caller: Caller,
    inputs: mpsc::WeakUnboundedSender<Input>,
) -> mpsc::UnboundedSender<(Call, Option<String>)> {
    let (sender, mut calls) = mpsc::unbounded_channel::<(Call, Option<String>)>();
    tokio::spawn(async move {
        while let Some((call, trace)) = calls.recv().await {
            if let Err(error) = caller.call(&call, trace.as_deref()).await {
                tell(
                    &inputs,
                    Input::CallFailed(caller.stream_id.clone(), error.to_string()),
                );
                return;
            }
        }
    });
    sender
}

fn until(at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO)
}
