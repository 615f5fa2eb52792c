//! The loop around every reconciler: watch, call, and react to how it ended (see [`Outcome`]).

use crate::backoff::Backoff;
use crate::key::ObjectKey;
use crate::metrics::Metrics;
use crate::outcome::{Outcome, Transient, chain};
use crate::report::{Reporter, Stored, TELL_AFTER};
use futures::stream::{BoxStream, StreamExt};
use kube::api::Api;
use kube::core::{DeserializeGuard, ObjectMeta, object::HasStatus};
use kube::{Client, CustomResourceExt, Resource};
use kube_runtime::controller::{Action, Config, Controller};
use kube_runtime::reflector::ObjectRef;
use kube_runtime::watcher;
use mesolith_crds::Reason;
use mesolith_crds::condition::{self, Observed};
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tracing::Instrument;

/// Triggers bring every change. This repairs only what a lost trigger would leave.
const RESYNC: Duration = Duration::from_secs(600);
/// A conflict means that a newer object is on its way through the watch.
const AFTER_CONFLICT: Duration = Duration::from_millis(200);
/// Reconciles at the same time; each of them mostly waits for nodes.
const CONCURRENCY: u16 = 16;

/// What every loop works with, for one term as leader.
#[derive(Clone)]
pub(crate) struct Runtime {
    /// Counts writes, and refuses them once the term is over.
    pub(crate) client: Client,
    /// Writes statuses and events.
    pub(crate) reporter: Reporter,
    /// What the operator counts.
    pub(crate) metrics: Metrics,
}

/// Runs a controller until it is dropped.
///
/// `triggers` asks for reconciles beyond changes of the objects themselves. One object that cannot be parsed is
/// reported on that object and stops no other.
pub(crate) async fn drive<K, F, Fut, E>(
    runtime: Runtime,
    name: &'static str,
    triggers: BoxStream<'static, ObjectKey>,
    reconcile: F,
) where
    K: Resource<DynamicType = ()> + CustomResourceExt + HasStatus,
    K: Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    K::Status: Observed,
    F: Fn(Arc<K>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Outcome, E>> + Send + 'static,
    E: Transient,
{
    let backoff: Arc<Mutex<Backoff<ObjectKey>>> = Arc::default();
    let reconcile = Arc::new(reconcile);
    let api: Api<DeserializeGuard<K>> = Api::all(runtime.client.clone());
    let one = move |guarded: Arc<DeserializeGuard<K>>, runtime: Arc<Runtime>| {
        let (backoff, reconcile) = (backoff.clone(), reconcile.clone());
        let key = ObjectKey::of(&*guarded);
        let span = tracing::info_span!(
            "reconcile",
            controller = name,
            namespace = key.namespace,
            name = key.name,
            outcome = tracing::field::Empty,
            reason = tracing::field::Empty
        );
        async move {
            let started = Instant::now();
            let reporter = &runtime.reporter;
            let result = match &guarded.0 {
                Ok(object) => reconcile(Arc::new(object.clone())).await.map_err(Failure::of),
                Err(invalid) => match leaving::<K>(&runtime.client, &key, &invalid.metadata).await {
                    Ok(Some(object)) => reconcile(Arc::new(object)).await.map_err(Failure::of),
                    Ok(None) => reporter
                        .report_unreadable::<K>(&key, &invalid.error)
                        .await
                        .map(|()| Outcome::Invalid {
                            reason: Reason::InvalidSpec,
                        })
                        .map_err(|e| Failure::of(WriteStatus(e))),
                    Err(e) => Err(Failure::of(WriteStatus(e))),
                },
            };
            let (action, outcome, why) = react(&result, &mut lock(&backoff), key.clone());
            let reason = why.map_or("", Reason::as_str);
            let failures = lock(&backoff).count(&key);
            tell_failures(reporter, &guarded, &key, &result, failures).await;
            tracing::Span::current()
                .record("outcome", outcome)
                .record("reason", reason);
            runtime
                .metrics
                .reconciled(name, outcome, reason, started.elapsed());
            Ok::<_, Infallible>(action)
        }
        .instrument(span)
    };
    Controller::new(api, watcher::Config::default())
        .with_config(Config::default().concurrency(CONCURRENCY))
        .reconcile_on(triggers.map(|key| ObjectRef::new(&key.name).within(&key.namespace)))
        .run(one, |_, never: &Infallible, _| match *never {}, Arc::new(runtime))
        .for_each(move |step| async move {
            match step {
                // Deleted between the trigger and the reconcile.
                Ok(_) | Err(kube_runtime::controller::Error::ObjectNotFound(_)) => {}
                Err(error) => tracing::warn!(controller = name, error = chain(&error), "failed to watch"),
            }
        })
        .await;
}

/// An object that cannot be read and is to be deleted, as far as its deletion has to know it.
async fn leaving<K>(client: &Client, key: &ObjectKey, meta: &ObjectMeta) -> Result<Option<K>, kube::Error>
where
    K: Resource<DynamicType = ()> + CustomResourceExt + DeserializeOwned,
{
    if meta.deletion_timestamp.is_none() {
        return Ok(None);
    }
    Stored::mended(client, key).await
}

/// Writes a failure that lasts on the object, and removes it when it is over. A write that fails is repeated by the
/// next try.
async fn tell_failures<K: Resource<DynamicType = ()> + HasStatus>(
    reporter: &Reporter,
    guarded: &DeserializeGuard<K>,
    key: &ObjectKey,
    result: &Result<Outcome, Failure>,
    failures: u32,
) where
    K::Status: Observed,
{
    let told = match result {
        Err(failure) if !failure.conflict && failures >= TELL_AFTER => {
            reporter
                .report_failure::<K>(key, Some((failure.reason, &failure.message)))
                .await
        }
        Ok(_) if is_degraded(guarded) => reporter.report_failure::<K>(key, None).await,
        Ok(_) | Err(_) => return,
    };
    if let Err(error) = told {
        tracing::debug!(error = chain(&error), "failed to tell of the failures");
    }
}

/// Whether the object still says that the operator keeps failing.
fn is_degraded<K: HasStatus>(guarded: &DeserializeGuard<K>) -> bool
where
    K::Status: Observed,
{
    let status = guarded.0.as_ref().ok().and_then(HasStatus::status);
    status.is_some_and(|status| condition::find(status.conditions(), condition::DEGRADED).is_some())
}

/// What back-off and log need to know about a transient error.
struct Failure {
    reason: Reason,
    message: String,
    conflict: bool,
}

impl Failure {
    fn of(error: impl Transient) -> Self {
        Self {
            reason: error.reason(),
            message: chain(&error),
            conflict: error.is_conflict(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("failed to write the status")]
struct WriteStatus(#[source] kube::Error);

impl Transient for WriteStatus {
    fn reason(&self) -> Reason {
        Reason::WriteStatus
    }

    fn is_conflict(&self) -> bool {
        crate::outcome::is_conflict(&self.0)
    }
}

/// The reaction to a reconcile's end: next action, and the labels of its metric.
fn react(
    result: &Result<Outcome, Failure>,
    backoff: &mut Backoff<ObjectKey>,
    key: ObjectKey,
) -> (Action, &'static str, Option<Reason>) {
    match result {
        Ok(outcome) => {
            backoff.succeeded(&key);
            let action = match outcome {
                Outcome::Done => Action::requeue(RESYNC),
                Outcome::DoneFor { again } => Action::requeue(*again),
                Outcome::Waiting { again, .. } => Action::requeue(again.unwrap_or(RESYNC)),
                Outcome::Invalid { .. } => Action::await_change(),
            };
            (action, outcome.label(), outcome.reason())
        }
        Err(failure) if failure.conflict => {
            (Action::requeue(AFTER_CONFLICT), "conflict", Some(failure.reason))
        }
        Err(failure) => {
            let again = backoff.failed(key);
            tracing::warn!(
                error = failure.message,
                reason = failure.reason.as_str(),
                again_in = ?again,
                "failed to reconcile"
            );
            (Action::requeue(again), "error", Some(failure.reason))
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ObjectKey {
        ObjectKey {
            namespace: "ns".into(),
            name: "a".into(),
        }
    }

    #[test]
    fn each_outcome_has_its_reaction() {
        let mut backoff = Backoff::default();
        let mut of = |result| react(&result, &mut backoff, key());
        let again = Some(Duration::from_secs(5));
        assert_eq!(of(Ok(Outcome::Done)), (Action::requeue(RESYNC), "done", None));
        let ready = Outcome::DoneFor {
            again: Duration::from_secs(15),
        };
        assert_eq!(
            of(Ok(ready)),
            (Action::requeue(Duration::from_secs(15)), "done", None)
        );
        let waiting = Outcome::Waiting {
            reason: Reason::WaitingForQuorum,
            again,
        };
        assert_eq!(of(Ok(waiting)).0, Action::requeue(Duration::from_secs(5)));
        assert_eq!(
            of(Ok(Outcome::Invalid {
                reason: Reason::InvalidSpec
            }))
            .0,
            Action::await_change()
        );
        let failure = |conflict| {
            Err(Failure {
                reason: Reason::WriteStatus,
                message: String::new(),
                conflict,
            })
        };
        assert_eq!(
            of(failure(true)),
            (
                Action::requeue(AFTER_CONFLICT),
                "conflict",
                Some(Reason::WriteStatus)
            )
        );
        assert_eq!(of(failure(false)).0, Action::requeue(Duration::from_secs(1)));
        assert_eq!(of(failure(false)).0, Action::requeue(Duration::from_secs(2)));
        assert_eq!(of(Ok(Outcome::Done)).1, "done");
        assert_eq!(of(failure(false)).0, Action::requeue(Duration::from_secs(1)));
    }
}
