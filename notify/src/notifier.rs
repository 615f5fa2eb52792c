//! The driver: sends what was decided and records how it ended.

use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;

use crate::alert::Alert;
use crate::channel::Channel;
use crate::decide::{Send, decide, record};
use crate::failure::Failure;
use crate::policy::Policy;
use crate::route::Route;
use crate::state::State;

/// How long one message may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Sends messages; cheap to clone.
#[derive(Debug, Clone)]
pub struct Notifier {
    client: reqwest::Client,
    limit: Duration,
}

/// The HTTP client cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("failed to set up the HTTP client for alerts")]
pub struct SetUpError(#[source] reqwest::Error);

/// How one send ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What was sent.
    pub send: Send,
    /// Why it did not arrive.
    pub result: Result<(), Failure>,
}

/// What one round did.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// What to remember until the next one.
    pub state: State,
    /// When to make the next one although no alert has changed.
    pub next: Option<Timestamp>,
    /// Every message that was sent, in the order of each channel.
    pub reports: Vec<Report>,
    /// Alerts that nobody is told about because there are too many.
    pub left_out: usize,
}

impl Notifier {
    /// A notifier that gives each message 10 s.
    ///
    /// # Errors
    /// When the system's certificates cannot be read.
    pub fn new() -> Result<Self, SetUpError> {
        Self::with_limit(LIMIT)
    }

    /// A notifier with another limit for each message.
    ///
    /// # Errors
    /// When the system's certificates cannot be read.
    pub fn with_limit(limit: Duration) -> Result<Self, SetUpError> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("mesolith/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(SetUpError)?;
        Ok(Self { client, limit })
    }

    /// One round: decides, sends, records. Channels do not wait for each other, but the round ends with the slowest:
    /// at most the limit, times the messages for one channel.
    pub async fn round(
        &self,
        state: State,
        policy: &Policy,
        channels: &[Channel],
        alerts: &[Alert],
        now: Timestamp,
    ) -> Round {
        let routes: Vec<Route> = channels.iter().map(Channel::route).collect();
        let mut decision = decide(state, policy, &routes, alerts, now);
        let turns = channels.iter().map(|channel| {
            let (turn, rest): (Vec<Send>, Vec<Send>) = std::mem::take(&mut decision.sends)
                .into_iter()
                .partition(|send| send.channel == channel.name);
            decision.sends = rest;
            self.turn(channel, turn)
        });
        let turns: Vec<_> = turns.collect();
        let reports: Vec<Report> = join_all(turns).await.into_iter().flatten().collect();
        for report in &reports {
            let Report { send, result } = report;
            if let Err(failure) = result {
                tracing::warn!(
                    channel = send.channel,
                    alert = send.message.alert.key,
                    reason = failure.reason(),
                    error = %failure,
                    "an alert was not delivered"
                );
            }
            record(&mut decision.state, policy, send, result.clone(), now);
        }
        Round {
            state: decision.state,
            next: decision.next,
            reports,
            left_out: decision.left_out,
        }
    }

    /// A channel's messages one after another. A failure that concerns every message ends its turn.
    async fn turn(&self, channel: &Channel, sends: Vec<Send>) -> Vec<Report> {
        let mut reports = Vec::new();
        for send in sends {
            let result = channel.send(&self.client, self.limit, &send.message).await;
            let ends = result.as_ref().is_err_and(|failure| !failure.is_of_the_message());
            reports.push(Report { send, result });
            if ends {
                break;
            }
        }
        reports
    }
}
