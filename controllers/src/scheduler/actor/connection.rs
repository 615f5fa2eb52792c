//! The actor's side of the connection: keeps a subscription, makes calls in order, reads the list of tasks.

use std::{collections::BTreeSet, time::Duration};

use mesolith_proto::mesos::v1::scheduler::Call;
use tokio::{
    sync::{mpsc, watch},
    time,
};

use super::{Actor, Input, Settings};
use crate::scheduler::{
    calls,
    session::{self, Caller},
    view::Link,
};

/// Pause between attempts to find the leader.
pub(super) const RECONNECT: Duration = Duration::from_secs(1);
/// Pause between attempts to read the tasks again.
pub(super) const REREAD: Duration = Duration::from_secs(2);

impl Actor {
    /// Starts looking for the leader, and keeps a subscription from then on.
    pub(super) fn connect(&mut self, pause: Duration) {
        if let Some(session) = self.session.take() {
            session.abort();
        }
        if !matches!(self.link, Link::Failing(_)) {
            self.set_link(Link::Connecting);
        }
        let session = keep_session(
            self.client.clone(),
            self.masters.clone(),
            self.settings.clone(),
            self.roles.subscribe(),
            self.inputs.clone(),
        );
        self.session = Some(tokio::spawn(async move {
            time::sleep(pause).await;
            session.await;
        }));
    }

    /// Subscribes to the roles of all apps. A role that no app has any more stays: tasks of it may be left.
    pub(super) fn follow_roles(&mut self) {
        let wanted = self.model.roles();
        self.roles.send_if_modified(|roles| {
            let before = roles.len();
            roles.extend(wanted);
            roles.len() > before
        });
        let roles = self.roles.borrow().clone();
        if self.caller.is_some() && self.subscribed != roles {
            tracing::info!(?roles, "subscribing to more roles");
            let Settings {
                framework_id,
                hostname,
            } = &self.settings;
            self.send(calls::update_framework(framework_id, hostname, &roles), None);
            self.subscribed = roles;
        }
    }

    pub(super) fn disconnected(&mut self) {
        self.model.disconnected();
        self.caller = None;
        self.sender = None;
    }

    pub(super) fn is_current(&self, stream: &str) -> bool {
        self.caller
            .as_ref()
            .is_some_and(|caller| caller.stream_id == stream)
    }

    pub(super) fn go_quiet(&mut self, link: Link) {
        if let Some(session) = self.session.take() {
            session.abort();
        }
        self.set_link(link);
    }

    pub(super) fn set_link(&mut self, link: Link) {
        if self.link != link {
            tracing::info!(?link, "link to the master");
            self.link = link;
        }
    }

    pub(super) fn send(&self, call: Call, trace: Option<String>) {
        if let Some(sender) = &self.sender {
            let _ = sender.send((call, trace));
        }
    }

    /// Reads `/state` in the background.
    pub(super) fn reread(&mut self, pause: Duration) {
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
}

/// Subscribes, hands events on, and begins again when the stream ends.
async fn keep_session(
    client: reqwest::Client,
    mut masters: watch::Receiver<Vec<String>>,
    settings: Settings,
    roles: watch::Receiver<BTreeSet<String>>,
    inputs: mpsc::WeakUnboundedSender<Input>,
) {
    let mut told = String::new();
    loop {
        let candidates = masters.borrow_and_update().clone();
        let roles = roles.borrow().clone();
        let call = calls::subscribe(&settings.framework_id, &settings.hostname, &roles);
        let failed = match session::subscribe(&client, &candidates, &call).await {
            Ok(mut session) => {
                told.clear();
                tell(&inputs, Input::Subscribed(session.caller(), roles));
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
pub(super) fn spawn_sender(
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
