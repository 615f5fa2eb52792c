//! Channels: where messages go, with their secrets at hand.

pub(crate) mod email;
mod http;
pub(crate) mod pagerduty;
pub(crate) mod slack;
pub(crate) mod webhook;

use std::time::Duration;

use crate::alert::{Message, Severity};
use crate::failure::Failure;
use crate::route::Route;

/// Somebody who can be told. Made by [`Config::resolve`](crate::Config::resolve); it shows no secret.
#[derive(Debug, Clone)]
pub struct Channel {
    pub(crate) name: String,
    pub(crate) at_least: Severity,
    pub(crate) target: Target,
}

/// The kinds of channels.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Webhook(webhook::Webhook),
    Slack(slack::Slack),
    PagerDuty(pagerduty::PagerDuty),
    Email(email::Mailbox),
}

impl Channel {
    /// Its name; unique among the channels of one configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the decision must know of it.
    #[must_use]
    pub fn route(&self) -> Route {
        Route {
            channel: self.name.clone(),
            at_least: self.at_least,
        }
    }

    /// Sends one message and waits until the other side has taken it.
    pub(crate) async fn send(
        &self,
        client: &reqwest::Client,
        limit: Duration,
        message: &Message,
    ) -> Result<(), Failure> {
        let post = match &self.target {
            Target::Webhook(webhook) => webhook.post(message),
            Target::Slack(slack) => slack.post(message),
            Target::PagerDuty(pagerduty) => pagerduty.post(message),
            Target::Email(mailbox) => return mailbox.send(limit, message).await,
        };
        http::send(client, limit, post).await
    }
}
