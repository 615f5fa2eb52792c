//! Events for transitions that a person should notice.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube_runtime::events::{Event, EventType, Recorder, Reporter};

/// Longest note the API server takes is 1024 bytes.
const NOTE_LIMIT: usize = 1000;

/// Publishes events; equal ones within some minutes become a series instead of new objects.
#[derive(Clone)]
pub(crate) struct Announcer {
    recorder: Recorder,
}

impl Announcer {
    /// Events in the name of this replica.
    pub(crate) fn new(client: kube::Client, identity: String) -> Self {
        let reporter = Reporter {
            controller: "mesolith.io/operator".into(),
            instance: Some(identity),
        };
        Self {
            recorder: Recorder::new(client, reporter),
        }
    }

    /// One event per transition. Events are a courtesy: a failure to write one is logged and fails nothing.
    pub(crate) async fn announce(&self, about: &ObjectReference, transitions: &[&Condition]) {
        for condition in transitions {
            self.publish(
                about,
                None,
                is_problem(condition),
                &condition.reason,
                &condition.type_,
                &condition.message,
            )
            .await;
        }
    }

    /// A single event; `action` says what was being done or which condition moved. Events of one reason about one
    /// object become a series, which keeps the first note only: `related` tells them apart.
    pub(crate) async fn publish(
        &self,
        about: &ObjectReference,
        related: Option<ObjectReference>,
        warning: bool,
        reason: &str,
        action: &str,
        note: &str,
    ) {
        let event = Event {
            type_: if warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: reason.to_owned(),
            note: Some(note[..note.floor_char_boundary(NOTE_LIMIT)].to_owned()).filter(|n| !n.is_empty()),
            action: action.to_owned(),
            secondary: related,
        };
        if let Err(error) = self.recorder.publish(&event, about).await {
            tracing::warn!(
                error = crate::outcome::chain(&error),
                reason,
                "failed to write an event"
            );
        }
    }
}

/// Waiting and rolling are the normal course of things; any other false condition needs a person.
fn is_problem(condition: &Condition) -> bool {
    let normal = [
        "Waiting",
        "Rolling",
        "Starting",
        "Deleting",
        "NoneWanted",
        "NotStarted",
    ];
    condition.status == "False"
        && !normal.iter().any(|prefix| condition.reason.starts_with(prefix))
        && !["Reconciling", "Stalled"].contains(&condition.type_.as_str())
}
