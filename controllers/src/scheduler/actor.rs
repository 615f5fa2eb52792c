//! The task that owns the model: one input at a time, then one decision, then its effects.

mod connection;
mod handle;

pub(crate) use handle::{Scheduler, Settings};

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use connection::{RECONNECT, REREAD, spawn_sender};
use handle::{Input, Views};
use jiff::Timestamp;
use mesolith_proto::mesos::v1::scheduler::{Call, Event};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time,
};

use super::{
    calls, checks, decide, events,
    model::{AppKey, Model},
    probe::{ProbeResult, Probes},
    recover::{self, MasterState},
    session::Caller,
    view::{self, AppView, Link},
};

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
    /// The roles that our apps have had so far.
    roles: watch::Sender<BTreeSet<String>>,
    /// The roles that the master knows of.
    subscribed: BTreeSet<String>,
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
        self.follow_roles();
        self.connect(Duration::ZERO);
        let mut wake: Option<Timestamp> = None;
        loop {
            let pause = wake.map_or(Duration::from_secs(60), until);
            tokio::select! {
                input = inputs.recv() => match input {
                    Some(input) => self.take(input),
                    None => return,
                },
                Some(result) = probed.recv() => self.probed(&result),
                () = time::sleep(pause) => {}
            }
            // Inputs that have come meanwhile are part of the same decision.
            while let Ok(input) = inputs.try_recv() {
                self.take(input);
            }
            while let Ok(result) = probed.try_recv() {
                self.probed(&result);
            }
            self.follow_roles();
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
                    // The list may have been read before these tasks were remembered.
                    self.reread(Duration::ZERO);
                }
            }
            Input::Forget(key) => {
                self.model.apps.remove(&key);
            }
            Input::Leaving(agents) => self.model.leaving = agents,
            Input::LeavingLater(agents) => self.model.leaving_later = agents,
            Input::Condemn(owner) => {
                self.model.condemned.insert(owner);
            }
            Input::Resume => {
                if matches!(self.link, Link::TakenOver) {
                    self.model.doubt();
                    self.connect(Duration::ZERO);
                }
            }
            Input::Subscribed(caller, roles) => self.subscribed(caller, roles, now),
            Input::Event(event) => self.event(*event, now),
            Input::Lost(why) => {
                self.disconnected();
                self.set_link(Link::Failing(why));
            }
            Input::State(stream, state) if self.is_current(&stream) => self.recovered(&state, now),
            // The list of an earlier master says nothing about this one.
            Input::State(..) => {}
            Input::StateFailed(stream) if !self.is_current(&stream) => {}
            Input::StateFailed(_) => {
                self.rereading = false;
                self.reread(REREAD);
            }
            Input::CallFailed(stream, why) => {
                // The master may have taken the call or not: a new subscription settles that, as does one made since.
                if self.is_current(&stream) {
                    tracing::warn!(error = why, "a call to the master failed: subscribing again");
                    self.disconnected();
                    self.set_link(Link::Failing(why));
                    // After a pause: a call that the master will never take must not become a hot loop.
                    self.connect(RECONNECT);
                }
            }
        }
    }

    fn subscribed(&mut self, caller: Caller, roles: BTreeSet<String>, now: Timestamp) {
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
        self.subscribed = roles;
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
        if let Some(offers) = event.offers
            && events::offers(&mut self.model, offers.offers)
        {
            // The list did not show this agent yet, and only the list shows all that an agent has.
            self.reread(Duration::ZERO);
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
        self.model.ports = recover::ports(state);
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
        self.model.foreign = recover::foreign(state, &self.settings.framework_id, now);
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

    fn probed(&mut self, result: &ProbeResult) {
        if let Some(effect) = checks::result(&mut self.model, result, Timestamp::now()) {
            let (call, _) = calls::of_effect(&self.settings.framework_id, &effect);
            self.send(call, None);
        }
    }

    /// Publishes the pictures of all apps and names the apps whose picture changed.
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
        let strays = view::strays(&self.model);
        let same = before.link == self.link && before.apps.len() == apps.len() && before.strays == strays;
        if changed.is_empty() && same {
            return;
        }
        self.views.send_replace(Arc::new(Views {
            link: self.link.clone(),
            apps,
            strays,
        }));
        for key in changed {
            let _ = self.changed.send(key);
        }
    }
}

fn until(at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO)
}
