//! E-mail over SMTP. One address is one channel, so that one which does not exist keeps nobody else from reading.

use std::time::Duration;

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox as Address, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{AsyncSmtpTransport, Error};
use lettre::{AsyncTransport, Tokio1Executor};
use mesolith_secret::Secret;
use serde::{Deserialize, Serialize};

use crate::alert::{Message, clip, short_hash};
use crate::failure::Failure;

/// A subject is one line of a mail reader.
const SUBJECT: usize = 200;

/// How a connection to an SMTP server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SmtpSecurity {
    /// Not at all.
    None,
    /// By TLS that begins after a greeting; a server without it is not used.
    #[default]
    StartTls,
    /// By TLS from the start.
    Tls,
}

/// One address, and the server that takes mail for it.
#[derive(Debug, Clone)]
pub(crate) struct Mailbox {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: SmtpSecurity,
    pub(crate) login: Option<(String, Secret)>,
    /// PEM of the authorities that sign the server's certificate, when the system does not know them.
    pub(crate) ca: Option<String>,
    pub(crate) from: Address,
    pub(crate) to: Address,
}

impl Mailbox {
    pub(super) async fn send(&self, limit: Duration, message: &Message) -> Result<(), Failure> {
        let mail = self.mail(message).map_err(|error| Failure::Unwritable {
            host: self.server(),
            problem: error.to_string(),
        })?;
        let transport = self.transport(limit).map_err(|error| self.judge(&error, limit))?;
        // The library's limit is for each command; a server that answers slowly must not hold us for minutes.
        match tokio::time::timeout(limit, transport.send(mail)).await {
            Ok(sent) => sent.map(drop).map_err(|error| self.judge(&error, limit)),
            Err(_) => Err(Failure::TimedOut {
                host: self.server(),
                seconds: limit.as_secs(),
            }),
        }
    }

    fn mail(&self, message: &Message) -> Result<lettre::Message, lettre::error::Error> {
        let alert = &message.alert;
        let domain = self.from.email.domain();
        // One conversation for each time that the alert came, one id for each message: a copy is known as one.
        let thread = short_hash(&format!("{} {}", alert.key, alert.since));
        let id = short_hash(&format!("{thread} {} {}", message.state.as_str(), message.at));
        let thread = format!("<{thread}@{domain}>");
        MessageBuilder::new()
            .from(self.from.clone())
            .to(self.to.clone())
            .subject(clip(&message.title(), SUBJECT))
            .message_id(Some(format!("<{id}@{domain}>")))
            .in_reply_to(thread.clone())
            .references(thread)
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(text(message))
    }

    fn transport(&self, limit: Duration) -> Result<AsyncSmtpTransport<Tokio1Executor>, Error> {
        let tls = match self.security {
            SmtpSecurity::None => Tls::None,
            SmtpSecurity::StartTls => Tls::Required(self.tls()?),
            SmtpSecurity::Tls => Tls::Wrapper(self.tls()?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.host)
            .port(self.port)
            .tls(tls)
            .timeout(Some(limit));
        if let Some((user, password)) = &self.login {
            builder = builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
        }
        Ok(builder.build())
    }

    fn tls(&self) -> Result<TlsParameters, Error> {
        let mut builder = TlsParameters::builder(self.host.clone());
        if let Some(ca) = &self.ca {
            builder = builder.add_root_certificate(Certificate::from_pem(ca.as_bytes())?);
        }
        builder.build()
    }

    fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn judge(&self, error: &Error, limit: Duration) -> Failure {
        let host = self.server();
        let said = self.redact(&super::http::root(error));
        let Some(code) = error.status().map(u16::from) else {
            return if error.is_timeout() {
                let seconds = limit.as_secs();
                Failure::TimedOut { host, seconds }
            } else {
                Failure::Unreachable { host, problem: said }
            };
        };
        match code {
            // Who we are is not good enough; the message may be.
            530 | 534 | 535 | 538 => Failure::Denied { host, code, said },
            500..=599 => Failure::Refused { host, code, said },
            _ => Failure::Broken { host, code, said },
        }
    }

    fn redact(&self, text: &str) -> String {
        let text = clip(text, SUBJECT);
        match &self.login {
            Some((_, password)) => password.redact(&text),
            None => text,
        }
    }
}

/// Tells programs that answer mail not to answer this one (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + std::marker::Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

fn text(message: &Message) -> String {
    let alert = &message.alert;
    let mut text = format!("{}\r\n\r\n", message.title());
    let facts = [
        ("Source", alert.source.to_string()),
        ("Reason", alert.reason.clone()),
        ("Since", alert.since.to_string()),
        ("At", message.at.to_string()),
    ];
    let details = alert
        .details
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()));
    for (name, value) in facts.into_iter().chain(details) {
        text += &format!("{name}: {value}\r\n");
    }
    // The library ends the body with a line end of its own.
    text.truncate(text.trim_end().len());
    text
}
