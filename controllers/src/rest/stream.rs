//! Streams of changes (server-sent events).

use super::Rest;
use super::answer::{Answer, Problem};
use super::caller::{Caller, Wish};
use super::feed::Change;
use super::read::{Place, Placed};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, KeepAliveStream, Sse};
use jiff::Timestamp;
use kube::ResourceExt;
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_migration::{Estimator, View};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;

/// How often token and rights are looked at again.
const REVIEW: Duration = Duration::from_secs(60);
/// Events that wait for a slow reader.
const QUEUE: usize = 16;

type Events = Sse<KeepAliveStream<ReceiverStream<Result<Event, Infallible>>>>;

/// What a stream shows.
struct Scope {
    namespace: String,
    /// None: all of the namespace.
    name: Option<String>,
}

impl Scope {
    fn wish(&self) -> Wish<'_> {
        Wish {
            verb: "watch",
            namespace: &self.namespace,
            name: self.name.as_deref(),
        }
    }

    fn has(&self, object: &ZkMigration) -> bool {
        object.namespace().as_deref() == Some(&self.namespace)
            && self.name.as_ref().is_none_or(|name| *name == object.name_any())
    }
}

/// Follow a migration: an event `migration` now and for each change, `deleted` when it is gone, `end` when the right to
/// watch it is.
#[utoipa::path(get, path = "/api/v1/migrations/{id}/events", params(("id", description = "Its name"), Place), responses(
    (status = 200, description = "Server-sent events; data of `migration` is a Migration", body = View, content_type = "text/event-stream"),
    (status = 401, description = "No token, or one that the API server does not take", body = Problem),
    (status = 403, description = "The caller may not watch it", body = Problem),
    (status = 404, description = "There is no such migration", body = Problem),
    (status = 503, description = "Too many streams", body = Problem),
))]
pub(super) async fn one(
    State(rest): State<Rest>,
    caller: Caller,
    Path(id): Path<String>,
    place: Placed,
) -> Answer<Events> {
    let scope = Scope {
        namespace: rest.namespace(place)?,
        name: Some(id.clone()),
    };
    caller.may(&rest, &scope.wish()).await?;
    rest.kubernetes.migration(&scope.namespace, &id).await?;
    open(rest, caller, scope)
}

/// Follow all migrations of a namespace.
#[utoipa::path(get, path = "/api/v1/events", params(Place), responses(
    (status = 200, description = "Server-sent events; data of `migration` is a Migration", body = View, content_type = "text/event-stream"),
    (status = 401, description = "No token, or one that the API server does not take", body = Problem),
    (status = 403, description = "The caller may not watch zkmigrations", body = Problem),
    (status = 503, description = "Too many streams", body = Problem),
))]
pub(super) async fn all(State(rest): State<Rest>, caller: Caller, place: Placed) -> Answer<Events> {
    let scope = Scope {
        namespace: rest.namespace(place)?,
        name: None,
    };
    caller.may(&rest, &scope.wish()).await?;
    open(rest, caller, scope)
}

fn open(rest: Rest, caller: Caller, scope: Scope) -> Answer<Events> {
    let permit = rest.streams.clone().try_acquire_owned().map_err(|_| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "TooManyStreams",
            "this replica serves as many streams as it can: try again later",
        )
    })?;
    let (events, stream) = mpsc::channel(QUEUE);
    tokio::spawn(pump(rest, caller, scope, events, permit));
    Ok(Sse::new(ReceiverStream::new(stream)).keep_alive(KeepAlive::default()))
}

/// Sends what changes until the reader is gone, the right is, or the process ends.
async fn pump(
    rest: Rest,
    caller: Caller,
    scope: Scope,
    events: mpsc::Sender<Result<Event, Infallible>>,
    _permit: OwnedSemaphorePermit,
) {
    let mut shown = Shown::default();
    let (known, mut changes) = rest.feed.subscribe();
    let mut review = tokio::time::interval_at(tokio::time::Instant::now() + REVIEW, REVIEW);
    let mut next: Vec<Change> = known.into_iter().map(Change::Applied).collect();
    loop {
        for change in next.drain(..).filter(|change| scope.has(change.object())) {
            if let Some(event) = shown.event(&change)
                && events.send(Ok(event)).await.is_err()
            {
                return;
            }
        }
        tokio::select! {
            change = changes.recv() => match change {
                Ok(change) => next.push(change),
                // It was too slow: it is shown everything anew.
                Err(RecvError::Lagged(_)) => {
                    let (known, fresh) = rest.feed.subscribe();
                    changes = fresh;
                    next.extend(known.into_iter().map(Change::Applied));
                }
                Err(RecvError::Closed) => return,
            },
            _ = review.tick() => if let Err(problem) = caller.still_may(&rest, &scope.wish()).await {
                // An API server that is away for a moment says nothing about the caller.
                if problem.status != StatusCode::SERVICE_UNAVAILABLE {
                    let end = Event::default().event("end").json_data(&*problem);
                    if let Ok(end) = end {
                        let _ = events.send(Ok(end)).await;
                    }
                    return;
                }
            },
            () = events.closed() => return,
            () = rest.shutdown.wait() => return,
        }
    }
}

/// What a stream has shown, by name.
#[derive(Default)]
struct Shown(BTreeMap<String, (String, Estimator)>);

impl Shown {
    /// The event for a change, unless the reader knows it.
    fn event(&mut self, change: &Change) -> Option<Event> {
        let object: &Arc<ZkMigration> = change.object();
        let (name, version) = (object.name_any(), object.resource_version().unwrap_or_default());
        match change {
            Change::Applied(object) => {
                let (seen, estimator) = self.0.entry(name).or_default();
                if *seen == version {
                    return None;
                }
                seen.clone_from(&version);
                let view = View::of(object);
                let eta = estimator.note(Timestamp::now(), view.progress.as_ref());
                Event::default()
                    .event("migration")
                    .id(version)
                    .json_data(view.with_eta(eta))
                    .ok()
            }
            Change::Deleted(object) => {
                self.0.remove(&name);
                Event::default().event("deleted").json_data(View::of(object)).ok()
            }
        }
    }
}
