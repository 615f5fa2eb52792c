//! Events for transitions that a person should notice.
//!
//! They are written through `v1`, where the message of an event may change. In `events.k8s.io` the note is immutable,
//! so an event that repeats would keep its first note for ever.

mod series;

use super::conditions::Finding;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{self as core, EventSeries, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, Patch, PatchParams, PostParams};
use mesolith_crds::Reason;
use serde_json::json;
use series::{Key, Series, Step};
use std::sync::{Arc, Mutex};

/// Longest message the API server takes is 1024 bytes.
const NOTE_LIMIT: usize = 1000;
/// Names of objects have at most 253 bytes; an event's name ends with a dot and the time in hexadecimal digits.
const NAME_LIMIT: usize = 220;
/// Who reports, in every event.
const COMPONENT: &str = "mesolith.io/operator";

/// What happened. Events of one reason about one object are one event with a count.
pub(crate) struct Event<'a> {
    /// Tells events of one reason apart, and names the other object.
    pub(crate) related: Option<ObjectReference>,
    /// Its kind, which also says whether a person should look.
    pub(crate) reason: Reason,
    /// What was being done, or which condition moved.
    pub(crate) action: &'a str,
    /// A sentence for people.
    pub(crate) note: &'a str,
}

/// Publishes events. One that repeats within some minutes is counted, and says what is true now.
#[derive(Clone)]
pub(super) struct Announcer {
    client: kube::Client,
    identity: String,
    series: Arc<Mutex<Series>>,
}

impl Announcer {
    /// Events in the name of this replica.
    pub(super) fn new(client: kube::Client, identity: String) -> Self {
        Self {
            client,
            identity,
            series: Arc::default(),
        }
    }

    /// The event of a condition's transition.
    pub(super) async fn announce(&self, about: &ObjectReference, finding: &Finding) {
        let event = Event {
            related: None,
            reason: finding.reason,
            action: finding.kind,
            note: &finding.message,
        };
        self.publish(about, event).await;
    }

    /// A single event. Events are a courtesy: a failure to write one is logged and fails nothing.
    pub(super) async fn publish(&self, about: &ObjectReference, event: Event<'_>) {
        let key = Key {
            about: Key::object(about),
            related: event.related.as_ref().map(Key::object),
            reason: event.reason,
            action: event.action.to_owned(),
        };
        let note = &event.note[..event.note.floor_char_boundary(NOTE_LIMIT)];
        if let Err(error) = self.write(about, event.related, key, note).await {
            tracing::warn!(
                error = crate::outcome::chain(&error),
                reason = event.reason.as_str(),
                "failed to write an event"
            );
        }
    }

    async fn write(
        &self,
        about: &ObjectReference,
        related: Option<ObjectReference>,
        key: Key,
        note: &str,
    ) -> Result<(), kube::Error> {
        let namespace = about.namespace.as_deref().unwrap_or("default");
        let events: Api<core::Event> = Api::namespaced(self.client.clone(), namespace);
        let now = Timestamp::now();
        let name = event_name(about, now);
        let step = self.series().next(&key, &name, now);
        if let Step::Repeat { name: known, count } = step {
            let series = EventSeries {
                count: Some(count),
                last_observed_time: Some(MicroTime(now)),
            };
            let patch = Patch::Merge(json!({ "message": note, "series": series }));
            match events.patch(&known, &PatchParams::default(), &patch).await {
                // The API server forgets events after a while, and a person may delete them.
                Err(kube::Error::Api(status)) if status.is_not_found() => {
                    self.series().begin(key.clone(), name.clone(), now);
                }
                answer => return answer.map(drop),
            }
        }
        let event = self.event(about, related, &key, name, note, now);
        let written = events.create(&PostParams::default(), &event).await;
        if written.is_err() {
            self.series().forget(&key);
        }
        written.map(drop)
    }

    fn event(
        &self,
        about: &ObjectReference,
        related: Option<ObjectReference>,
        key: &Key,
        name: String,
        note: &str,
        now: Timestamp,
    ) -> core::Event {
        core::Event {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: Some(about.namespace.clone().unwrap_or_else(|| "default".to_owned())),
                ..ObjectMeta::default()
            },
            involved_object: about.clone(),
            related,
            type_: Some(key.reason.severity().as_str().to_owned()),
            reason: Some(key.reason.to_string()),
            action: Some(key.action.clone()),
            message: Some(note.to_owned()).filter(|note| !note.is_empty()),
            event_time: Some(MicroTime(now)),
            reporting_component: Some(COMPONENT.to_owned()),
            reporting_instance: Some(self.identity.clone()),
            ..core::Event::default()
        }
    }

    fn series(&self) -> std::sync::MutexGuard<'_, Series> {
        self.series.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// Unique by its time, as every event's name is.
fn event_name(about: &ObjectReference, now: Timestamp) -> String {
    let object = about.name.as_deref().unwrap_or("operator");
    let object = &object[..object.floor_char_boundary(NAME_LIMIT)];
    format!("{object}.{:x}", now.as_nanosecond())
}
