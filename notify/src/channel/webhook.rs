//! A URL that takes our own JSON form; `docs/alerts.md` has its fields.

use mesolith_secret::Secret;
use reqwest::Url;
use serde_json::{Value, json};

use super::http::Post;
use crate::alert::Message;

/// A new field may come; a meaning that changes makes a new version.
const VERSION: &str = "mesolith.io/alert/v1";

#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    /// Not shown: many receivers have a token in it.
    pub(crate) url: SecretUrl,
    pub(crate) token: Option<Secret>,
}

impl Webhook {
    pub(super) fn post(&self, message: &Message) -> Post {
        let mut secrets = self.url.secrets();
        secrets.extend(self.token.clone());
        Post {
            url: self.url.0.clone(),
            bearer: self.token.clone(),
            body: body(message),
            secrets,
        }
    }
}

fn body(message: &Message) -> Value {
    let alert = &message.alert;
    json!({
        "version": VERSION,
        "state": message.state.as_str(),
        "key": alert.key,
        "reason": alert.reason,
        "severity": alert.severity.as_str(),
        "summary": alert.summary,
        "details": alert.details,
        "source": alert.source,
        "since": alert.since,
        "at": message.at,
    })
}

/// A URL of which only the host is shown.
#[derive(Clone)]
pub(crate) struct SecretUrl(pub(crate) Url);

impl SecretUrl {
    /// The parts of it that nobody may see.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let parts = [Some(self.0.path()), self.0.query(), self.0.password()];
        let parts = parts.into_iter().flatten().filter(|part| part.len() > 1);
        parts.map(Secret::new).collect()
    }
}

impl std::fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/***", super::http::host(&self.0))
    }
}
