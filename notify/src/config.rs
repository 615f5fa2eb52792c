//! Who is told, as a person writes it: plain data in which secrets are named, not written.

use lettre::message::Mailbox as Address;
use mesolith_secret::Secret;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::alert::Severity;
use crate::channel::email::SmtpSecurity;
use crate::channel::webhook::{SecretUrl, Webhook};
use crate::channel::{Channel, Target, email, pagerduty, slack};

/// Where PagerDuty takes events, unless an account is in another region.
const PAGERDUTY: &str = "https://events.pagerduty.com";

/// Who is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Config {
    /// Receivers of our own JSON form.
    pub webhooks: Vec<WebhookConfig>,
    /// Slack channels.
    pub slack: Vec<SlackConfig>,
    /// PagerDuty services.
    pub pagerduty: Vec<PagerDutyConfig>,
    /// Mailboxes.
    pub email: Option<EmailConfig>,
}

/// Where a secret is kept: a key of a Kubernetes Secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretRef {
    /// Name of the Secret.
    pub name: String,
    /// Key in it.
    pub key: String,
}

/// A receiver of our own JSON form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WebhookConfig {
    /// The URL; it may have a token in it.
    pub url: SecretRef,
    /// A bearer token.
    #[serde(default)]
    pub token: Option<SecretRef>,
    /// Alerts that are less bad are not sent.
    #[serde(default)]
    pub at_least: Severity,
}

/// A Slack channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SlackConfig {
    /// The URL of an incoming webhook.
    pub url: SecretRef,
    /// Alerts that are less bad are not sent.
    #[serde(default)]
    pub at_least: Severity,
}

/// A PagerDuty service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PagerDutyConfig {
    /// The integration key of the service.
    pub routing_key: SecretRef,
    /// Another address of the API than that of the US region, such as `https://events.eu.pagerduty.com`.
    #[serde(default)]
    pub url: Option<String>,
    /// Alerts that are less bad are not sent.
    #[serde(default)]
    pub at_least: Severity,
}

/// Mailboxes, and the server that takes mail for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EmailConfig {
    /// Host of the SMTP server.
    pub host: String,
    /// Its port. Default: 587, without encryption 25, with TLS from the start 465.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub security: SmtpSecurity,
    /// The login, when the server asks for one.
    #[serde(default)]
    pub user: Option<String>,
    /// Its password.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// PEM of the authorities that sign the server's certificate, when the system does not know them.
    #[serde(default)]
    pub ca: Option<SecretRef>,
    /// Whom the mail is from.
    pub from: String,
    /// Whom it goes to. Each address is a channel of its own.
    pub to: Vec<String>,
    /// Alerts that are less bad are not sent.
    #[serde(default)]
    pub at_least: Severity,
}

/// A channel that cannot be used as it is written. The others can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The secret is not there.
    #[error("alerts.{field}: there is no key {} in Secret {}; create it: kubectl create secret generic {} --from-literal={}=...", reference.key, reference.name, reference.name, reference.key)]
    NoSecret {
        /// The field.
        field: String,
        /// The secret.
        reference: SecretRef,
    },
    /// A URL cannot be used. It is not shown.
    #[error("alerts.{field}: this is no URL: {problem}; write http://host/path or https://host/path")]
    Url {
        /// The field.
        field: String,
        /// What is wrong.
        problem: String,
    },
    /// An address of e-mail cannot be used.
    #[error("alerts.{field}: '{value}' is no address; write name@example.com")]
    Address {
        /// The field.
        field: String,
        /// The address.
        value: String,
    },
    /// A user without a password, or the other way round.
    #[error("alerts.{field}: a login is a user and a password; give both or neither")]
    HalfALogin {
        /// The field.
        field: String,
    },
    /// A password would be readable on its way.
    #[error(
        "alerts.{field}: a password is sent over protected connections only; set security to StartTls or Tls"
    )]
    PasswordInClear {
        /// The field.
        field: String,
    },
}

/// What can be used of a configuration, and what cannot.
#[derive(Debug, Clone, Default)]
pub struct Resolved {
    /// Channels to send to.
    pub channels: Vec<Channel>,
    /// Why others are missing.
    pub errors: Vec<Error>,
}

impl Config {
    /// Every secret that is named, so that they can be read before [`resolve`](Self::resolve).
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretRef> {
        let mut all = Vec::new();
        for webhook in &self.webhooks {
            all.push(&webhook.url);
            all.extend(&webhook.token);
        }
        all.extend(self.slack.iter().map(|slack| &slack.url));
        all.extend(self.pagerduty.iter().map(|pagerduty| &pagerduty.routing_key));
        if let Some(email) = &self.email {
            all.extend(&email.password);
            all.extend(&email.ca);
        }
        let mut all: Vec<SecretRef> = all.into_iter().cloned().collect();
        all.sort();
        all.dedup();
        all
    }

    /// Puts the secrets in. A channel that cannot be used is an error beside the others, not in their place.
    #[must_use]
    pub fn resolve(&self, lookup: impl Fn(&SecretRef) -> Option<Secret>) -> Resolved {
        let mut resolved = Resolved::default();
        let mut add = |name: String, at_least: Severity, target: Result<Target, Error>| match target {
            Ok(target) => resolved.channels.push(Channel {
                name,
                at_least,
                target,
            }),
            Err(error) => resolved.errors.push(error),
        };
        let secret = |field: &str, reference: &SecretRef| {
            lookup(reference).ok_or_else(|| Error::NoSecret {
                field: field.to_owned(),
                reference: reference.clone(),
            })
        };
        for (n, config) in self.webhooks.iter().enumerate() {
            let field = format!("webhooks[{n}]");
            let target = || {
                let address = format!("{field}.url");
                let url = url(&address, secret(&address, &config.url)?.expose())?;
                let token = config.token.as_ref();
                let token = token
                    .map(|token| secret(&format!("{field}.token"), token))
                    .transpose()?;
                Ok(Target::Webhook(Webhook {
                    url: SecretUrl(url),
                    token,
                }))
            };
            add(format!("webhook-{n}"), config.at_least, target());
        }
        for (n, config) in self.slack.iter().enumerate() {
            let field = format!("slack[{n}].url");
            let target = || {
                let url = SecretUrl(url(&field, secret(&field, &config.url)?.expose())?);
                Ok(Target::Slack(slack::Slack { url }))
            };
            add(format!("slack-{n}"), config.at_least, target());
        }
        for (n, config) in self.pagerduty.iter().enumerate() {
            let field = format!("pagerduty[{n}]");
            let target = || {
                let base = config.url.as_deref().unwrap_or(PAGERDUTY).trim_end_matches('/');
                Ok(Target::PagerDuty(pagerduty::PagerDuty {
                    url: url(&format!("{field}.url"), &format!("{base}/v2/enqueue"))?,
                    routing_key: secret(&format!("{field}.routingKey"), &config.routing_key)?,
                }))
            };
            add(format!("pagerduty-{n}"), config.at_least, target());
        }
        if let Some(config) = &self.email {
            for to in &config.to {
                add(
                    format!("email-{to}"),
                    config.at_least,
                    config.mailbox(to, &secret).map(Target::Email),
                );
            }
        }
        resolved
    }
}

impl EmailConfig {
    fn mailbox(
        &self,
        to: &str,
        secret: &impl Fn(&str, &SecretRef) -> Result<Secret, Error>,
    ) -> Result<email::Mailbox, Error> {
        let address = |field: &str, value: &str| {
            value.parse::<Address>().map_err(|_| Error::Address {
                field: field.to_owned(),
                value: value.to_owned(),
            })
        };
        let login = match (&self.user, &self.password) {
            (None, None) => None,
            (Some(user), Some(password)) => Some((user.clone(), secret("email.password", password)?)),
            _ => {
                return Err(Error::HalfALogin {
                    field: "email".to_owned(),
                });
            }
        };
        if login.is_some() && self.security == SmtpSecurity::None {
            return Err(Error::PasswordInClear {
                field: "email.security".to_owned(),
            });
        }
        let ca = self.ca.as_ref().map(|ca| secret("email.ca", ca)).transpose()?;
        let port = self.port.unwrap_or(match self.security {
            SmtpSecurity::None => 25,
            SmtpSecurity::StartTls => 587,
            SmtpSecurity::Tls => 465,
        });
        Ok(email::Mailbox {
            host: self.host.clone(),
            port,
            security: self.security,
            login,
            ca: ca.map(|ca| ca.expose().to_owned()),
            from: address("email.from", &self.from)?,
            to: address("email.to", to)?,
        })
    }
}

/// A URL over HTTP, with a host.
fn url(field: &str, text: &str) -> Result<Url, Error> {
    let problem = match Url::parse(text.trim()) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => return Ok(url),
        Ok(_) => "it has another scheme or no host".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Error::Url {
        field: field.to_owned(),
        problem,
    })
}

#[cfg(test)]
mod tests;
