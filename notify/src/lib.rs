//! Tells people what needs them: webhook, Slack, PagerDuty, e-mail.
//!
//! ```text
//! Config ─► resolve (secrets) ─► Channels ─┐
//! alerts that fire, State, time ─► decide ─► sends ─► Notifier ─► record ─► State
//! ```
//!
//! What to send is a plain function over data; [`Notifier`] sends it. Channels do not wait for each other, and one that
//! fails is a fact in the [`State`] ([`State::failing`]). Escalation to further people, when nobody acknowledges, is
//! PagerDuty's own part.

mod alert;
mod channel;
mod config;
mod decide;
mod failure;
mod notifier;
mod policy;
mod route;
mod state;

pub use alert::{Alert, Lasts, Message, Severity, Source};
pub use channel::Channel;
pub use channel::email::SmtpSecurity;
pub use config::{
    Config, EmailConfig, Error as ConfigError, PagerDutyConfig, Resolved, SecretRef, SlackConfig,
    WebhookConfig,
};
pub use decide::{Decision, Send, decide, record};
pub use failure::Failure;
pub use notifier::{Notifier, Report, Round, SetUpError};
pub use policy::Policy;
pub use route::Route;
pub use state::{State, Trouble};
