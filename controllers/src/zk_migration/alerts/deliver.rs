//! The task that tells the channels of one migration. It ends with its [`Delivery`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::zk_migration::Alerts;
use mesolith_notify::{Alert, Channel, Failure, Notifier, Policy, SecretRef, State};
use mesolith_secret::Secret;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::channels;
use super::undelivered::Undelivered;

/// Secrets are read again after this long, so that a new key takes effect.
const READ_AGAIN: Duration = Duration::from_secs(300);
/// And after this long, when they could not be read.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// A migration that is gone has this long to say that its alerts are over; they are when they have not fired for 30 s.
const LAST_WORDS: Duration = Duration::from_secs(120);

/// Reads the named keys of Secrets in a namespace; a key that is not there is missing from the answer.
pub(in super::super) type Secrets = Arc<
    dyn Fn(String, Vec<SecretRef>) -> BoxFuture<'static, Result<BTreeMap<SecretRef, Secret>, String>>
        + Send
        + Sync,
>;

/// What the channels should know.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Wanted {
    pub(super) namespace: String,
    pub(super) settings: Option<Alerts>,
    pub(super) alerts: Vec<Alert>,
}

/// How far it came.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Keys of the alerts that every channel has taken that wants them.
    pub(super) told: BTreeSet<String>,
    /// Channels that failed the last time.
    pub(super) undelivered: BTreeMap<String, Undelivered>,
}

/// The task, as seen from outside.
pub(super) struct Delivery {
    wanted: watch::Sender<Option<Wanted>>,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Delivery {
    /// Starts it. `before` are the alerts that lasted before this operator started, and whether they were told.
    pub(super) fn start(
        notifier: Notifier,
        secrets: Secrets,
        policy: Policy,
        before: Vec<(Alert, bool)>,
    ) -> Self {
        let (wanted, wants) = watch::channel(None);
        let seen = Arc::default();
        let task = Task {
            notifier,
            secrets,
            policy,
            before: Some(before),
            state: State::default(),
            channels: Vec::new(),
            errors: BTreeMap::new(),
            seen: Arc::clone(&seen),
        };
        Self {
            wanted,
            seen,
            task: tokio::spawn(task.run(wants)),
        }
    }

    /// What the channels should know from now on. The same again costs nothing.
    pub(super) fn want(&self, wanted: Wanted) {
        self.wanted.send_if_modified(|known| {
            let new = known.as_ref() != Some(&wanted);
            *known = Some(wanted);
            new
        });
    }

    /// Nothing fires any more; the task has some time left to say so.
    pub(super) fn end(self) {
        self.wanted.send_if_modified(|known| {
            let wanted = known.as_mut().filter(|wanted| !wanted.alerts.is_empty());
            wanted.map(|wanted| wanted.alerts.clear()).is_some()
        });
        tokio::spawn(async move {
            tokio::time::sleep(LAST_WORDS).await;
            drop(self);
        });
    }

    /// How far it came.
    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Task {
    notifier: Notifier,
    secrets: Secrets,
    policy: Policy,
    /// What lasted before; until the channels are known.
    before: Option<Vec<(Alert, bool)>>,
    state: State,
    channels: Vec<Channel>,
    /// Channels that cannot be used as they are written.
    errors: BTreeMap<String, Undelivered>,
    seen: Arc<Mutex<Seen>>,
}

impl Task {
    async fn run(mut self, mut wants: watch::Receiver<Option<Wanted>>) {
        let mut read: Option<(String, Option<Alerts>, Timestamp)> = None;
        loop {
            let wanted = wants.borrow_and_update().clone();
            let mut wake = READ_AGAIN;
            if let Some(wanted) = wanted {
                let now = Timestamp::now();
                let current = read.as_ref().is_some_and(|(namespace, settings, at)| {
                    *namespace == wanted.namespace
                        && *settings == wanted.settings
                        && now.duration_since(*at).unsigned_abs() < READ_AGAIN
                });
                if !current {
                    let complete = self.set_channels(&wanted).await;
                    read = complete.then(|| (wanted.namespace.clone(), wanted.settings.clone(), now));
                    if !complete {
                        wake = TRY_AGAIN;
                    }
                }
                let next = self.round(&wanted.alerts, now).await;
                wake = next.map_or(wake, |next| wake.min(next));
            }
            tokio::select! {
                changed = wants.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(wake) => {}
            }
        }
    }

    /// Reads the secrets; returns whether every channel can be used.
    async fn set_channels(&mut self, wanted: &Wanted) -> bool {
        let (config, problem) = channels::config(&wanted.settings.clone().unwrap_or_default());
        self.errors = problem
            .map(|problem| ("email".to_owned(), problem))
            .into_iter()
            .collect();
        let named = config.secrets();
        let secrets = if named.is_empty() {
            Ok(BTreeMap::new())
        } else {
            (self.secrets)(wanted.namespace.clone(), named).await
        };
        let secrets = match secrets {
            Ok(secrets) => secrets,
            // The channels stay as they were: they may still work.
            Err(message) => {
                let reason = Reason::SecretsUnreadable;
                self.errors
                    .insert("secrets".to_owned(), Undelivered { reason, message });
                return false;
            }
        };
        let resolved = config.resolve(|reference| secrets.get(reference).cloned());
        for (n, error) in resolved.errors.iter().enumerate() {
            let reason = Reason::ChannelUnusable;
            let message = format!("spec.{error}");
            self.errors
                .insert(format!("settings-{n}"), Undelivered { reason, message });
        }
        self.channels = resolved.channels;
        self.errors.is_empty()
    }

    /// Tells who must be told; returns how long to wait until the next time.
    async fn round(&mut self, alerts: &[Alert], now: Timestamp) -> Option<Duration> {
        let routes: Vec<_> = self.channels.iter().map(Channel::route).collect();
        if let Some(before) = self.before.take_if(|_| !routes.is_empty()) {
            self.state = State::before(&routes, &before, now);
        }
        let state = std::mem::take(&mut self.state);
        let round = self
            .notifier
            .round(state, &self.policy, &self.channels, alerts, now)
            .await;
        self.state = round.state;
        let mut undelivered = self.errors.clone();
        for (channel, trouble) in self.state.failing() {
            let problem = Undelivered {
                reason: reason(&trouble.failure),
                message: trouble.failure.to_string(),
            };
            undelivered.insert(channel.clone(), problem);
        }
        let keys = alerts.iter().map(|alert| alert.key.clone());
        let told = keys.filter(|key| self.state.is_told(&routes, key)).collect();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen { told, undelivered };
        let next = round.next?.duration_since(now);
        Some(Duration::try_from(next).unwrap_or_default())
    }
}

fn reason(failure: &Failure) -> Reason {
    match failure {
        Failure::Unreachable { .. } => Reason::ChannelUnreachable,
        Failure::TimedOut { .. } => Reason::ChannelTimedOut,
        Failure::Throttled { .. } => Reason::ChannelThrottled,
        Failure::Broken { .. } => Reason::ChannelBroken,
        Failure::Denied { .. } => Reason::ChannelDenied,
        Failure::Refused { .. } => Reason::MessageRefused,
        Failure::Unwritable { .. } => Reason::MessageUnwritable,
    }
}
