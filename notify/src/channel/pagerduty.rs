//! PagerDuty's Events API v2: an alert opens with `trigger` and closes with `resolve`, matched by `dedup_key`.

use mesolith_secret::Secret;
use reqwest::Url;
use serde_json::{Value, json};

use super::http::Post;
use crate::alert::{Lasts, Message};

#[derive(Debug, Clone)]
pub(crate) struct PagerDuty {
    /// Where events go: `<base>/v2/enqueue`.
    pub(crate) url: Url,
    /// The integration key.
    pub(crate) routing_key: Secret,
}

impl PagerDuty {
    pub(super) fn post(&self, message: &Message) -> Post {
        Post {
            url: self.url.clone(),
            bearer: None,
            body: body(&self.routing_key, message),
            secrets: vec![self.routing_key.clone()],
        }
    }
}

fn body(routing_key: &Secret, message: &Message) -> Value {
    let alert = &message.alert;
    match message.state {
        Lasts::Resolved => json!({
            "routing_key": routing_key.expose(),
            "event_action": "resolve",
            "dedup_key": alert.key,
        }),
        Lasts::Firing => json!({
            "routing_key": routing_key.expose(),
            "event_action": "trigger",
            "dedup_key": alert.key,
            "client": "Mesolith",
            "payload": {
                "summary": alert.summary,
                "source": alert.source.to_string(),
                "severity": alert.severity.as_str(),
                "timestamp": alert.since,
                "component": alert.source.kind,
                "group": alert.source.namespace,
                "class": alert.reason,
                "custom_details": alert.details,
            },
        }),
    }
}
