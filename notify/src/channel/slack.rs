//! Slack's incoming webhooks: a text for notifications, and blocks for the message itself.

use serde_json::{Value, json};

use super::http::Post;
use super::webhook::SecretUrl;
use crate::alert::{Message, clip};

/// A section takes 3000 characters, and one of ours may become five when it is escaped.
const SENTENCE: usize = 590;
/// A field takes 2000 characters, its name (64) included.
const FIELD: usize = 330;
/// Fields in one section.
const FIELDS: usize = 10;

#[derive(Debug, Clone)]
pub(crate) struct Slack {
    /// Whoever knows it may write to the channel.
    pub(crate) url: SecretUrl,
}

impl Slack {
    pub(super) fn post(&self, message: &Message) -> Post {
        Post {
            url: self.url.0.clone(),
            bearer: None,
            body: body(message),
            secrets: self.url.secrets(),
        }
    }
}

fn body(message: &Message) -> Value {
    let alert = &message.alert;
    let sentence = escape(&clip(&alert.summary, SENTENCE));
    let mut blocks = vec![json!({
        "type": "section",
        "text": {"type": "mrkdwn", "text": format!("*{}* {sentence}", message.word())},
    })];
    let fields: Vec<Value> = alert
        .details
        .iter()
        .map(|(name, value)| {
            let text = format!("*{}*\n{}", escape(name), escape(&clip(value, FIELD)));
            json!({"type": "mrkdwn", "text": text})
        })
        .collect();
    blocks.extend(
        fields
            .chunks(FIELDS)
            .map(|fields| json!({"type": "section", "fields": fields})),
    );
    let foot = format!(
        "{} · {} · since {}",
        escape(&alert.source.to_string()),
        escape(&alert.reason),
        alert.since
    );
    blocks.push(json!({"type": "context", "elements": [{"type": "mrkdwn", "text": foot}]}));
    json!({"text": format!("[{}] {sentence}", message.word()), "blocks": blocks})
}

/// The three characters that Slack gives a meaning to: links and mentions of everyone begin with `<`.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
