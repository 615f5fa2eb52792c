//! The session with the leading master: find it, dial it, say who we are, keep one stream.
//!
//! Silence for longer than the master's ping timeout, another leader or a broken stream all mean the same: start
//! over, with a back-off that spreads the agents of a cluster.

use std::sync::Arc;
use std::time::Duration;

use mesolith_proto::mesolith::session::v1::agent_session_client::AgentSessionClient;
use mesolith_proto::mesolith::session::v1::{FromAgent, FromMaster, from_agent, from_master};
use mesolith_zk::{Detector, MasterInfo};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use crate::state::Input;

/// The longest back-off, as in Mesos.
const BACKOFF_LONGEST: Duration = Duration::from_secs(60);
/// How long a master may take to answer the call, and then to confirm the registration.
const REGISTRATION: Duration = Duration::from_secs(10);
/// Ping timeout of a master that tells none: 5 times Mesos' 15 s.
const PING_TIMEOUT: Duration = Duration::from_secs(75);
/// In bytes: an agent with thousands of tasks sends long messages.
const LARGEST_MESSAGE: usize = 256 * 1024 * 1024;
const QUEUE: usize = 1024;

/// Where the leading master is.
pub(crate) enum Leader {
    /// One master, always.
    Fixed(String),
    /// Whoever ZooKeeper says.
    Detected(Detector),
}

impl Leader {
    /// From `--master`.
    pub(crate) fn from_flag(flag: &str, session_timeout: Duration) -> anyhow::Result<Self> {
        if flag.starts_with("zk://") {
            return Ok(Self::Detected(Detector::start(flag.parse()?, session_timeout)));
        }
        let valid = flag
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        anyhow::ensure!(
            valid,
            "--master '{flag}' is neither zk://host:port,.../path nor host:port"
        );
        Ok(Self::Fixed(flag.to_owned()))
    }

    fn now(&self) -> Option<String> {
        match self {
            Self::Fixed(address) => Some(address.clone()),
            Self::Detected(detector) => detector.leader().map(|l| l.endpoint()),
        }
    }

    fn changes(&self) -> Option<watch::Receiver<Option<Arc<MasterInfo>>>> {
        match self {
            Self::Fixed(_) => None,
            Self::Detected(detector) => Some(detector.watch()),
        }
    }

    fn problem(&self) -> String {
        let problem = match self {
            Self::Fixed(_) => None,
            Self::Detected(detector) => detector.problem().map(|e| e.to_string()),
        };
        problem.unwrap_or_else(|| "no master is elected".into())
    }
}

/// What the session tells the agent's loop.
#[derive(Debug)]
pub(crate) enum News {
    /// A stream is open; messages go in here.
    Opened(mpsc::Sender<FromAgent>),
    Input(Input),
}

/// How a master is dialled.
pub(crate) enum Dial {
    Plain,
    Tls(Box<mesolith_pki::ClientTls>),
}

impl Dial {
    fn channel(&self, address: &str) -> Result<Channel, mesolith_pki::TlsError> {
        match self {
            Self::Plain => mesolith_pki::plain_channel(address),
            Self::Tls(tls) => tls.channel(address),
        }
    }
}

pub(crate) struct Session {
    pub(crate) leader: Leader,
    pub(crate) dial: Dial,
    pub(crate) backoff: Duration,
    pub(crate) news: mpsc::UnboundedSender<News>,
    pub(crate) health: mesolith_telemetry::Health,
}

/// Readiness check that says whether a master knows us.
pub(crate) const CHECK: &str = "registered";

impl Session {
    /// Runs for ever.
    pub(crate) async fn run(self) {
        let mut failures = 0_u32;
        loop {
            let Some(address) = self.leader.now() else {
                self.wait_for_leader().await;
                continue;
            };
            let changes = self.leader.changes();
            let ended = tokio::select! {
                ended = self.one(&address) => ended,
                () = left(changes, address.clone()) => Ended { registered: true, why: "another master leads".into() },
            };
            tracing::warn!(master = address, "the session ended: {}", ended.why);
            self.health.set(
                CHECK,
                Err(format!("no session with master {address}: {}", ended.why)),
            );
            let _ = self.news.send(News::Input(Input::SessionClosed));
            failures = if ended.registered {
                0
            } else {
                failures.saturating_add(1)
            };
            // A new leader is no failure: only the pause that spreads the agents remains.
            let changed = left(self.leader.changes(), address);
            if tokio::time::timeout(jittered(self.backoff, failures), changed)
                .await
                .is_ok()
                && failures > 0
            {
                failures = 0;
                tokio::time::sleep(jittered(self.backoff, 0)).await;
            }
        }
    }

    async fn wait_for_leader(&self) {
        let problem = self.leader.problem();
        tracing::info!("waiting for a leading master: {problem}");
        self.health
            .set(CHECK, Err(format!("waiting for a leading master: {problem}")));
        if let Some(mut changes) = self.leader.changes() {
            // Gives up from time to time only to report the problem that there is now.
            let found = async { changes.wait_for(Option::is_some).await.is_ok() };
            let _ = tokio::time::timeout(Duration::from_secs(10), found).await;
        }
    }

    async fn one(&self, address: &str) -> Ended {
        let mut registered = false;
        let why = match self.stream(address, &mut registered).await {
            Ok(()) => "the master closed it".to_owned(),
            Err(why) => why,
        };
        Ended { registered, why }
    }

    async fn stream(&self, address: &str, registered: &mut bool) -> Result<(), String> {
        let channel = self.dial.channel(address).map_err(|e| e.to_string())?;
        let mut client = AgentSessionClient::new(channel)
            .max_decoding_message_size(LARGEST_MESSAGE)
            .max_encoding_message_size(LARGEST_MESSAGE);
        let (sender, receiver) = mpsc::channel(QUEUE);
        // The hello has to be in the queue before the call: a server may wait for it before it answers.
        let _ = self.news.send(News::Opened(sender));
        let opened = tokio::time::timeout(REGISTRATION, client.open(ReceiverStream::new(receiver))).await;
        let opened = opened.map_err(|_| "no answer within 10 s".to_owned())?;
        let mut stream = opened.map_err(|status| refused(&status))?.into_inner();
        let mut patience = REGISTRATION;
        loop {
            let next = tokio::time::timeout(patience, stream.message()).await;
            let next = next.map_err(|_| format!("silence for {} s", patience.as_secs()))?;
            let Some(FromMaster {
                message: Some(message),
            }) = next.map_err(|status| refused(&status))?
            else {
                return Ok(());
            };
            if let from_master::Message::Registered(ok) = &message {
                *registered = true;
                let told = Duration::try_from_secs_f64(ok.ping_timeout_seconds).unwrap_or_default();
                patience = if told.is_zero() { PING_TIMEOUT } else { told };
                self.health.set(CHECK, Ok(()));
                tracing::info!(
                    master = address,
                    agent = ok.agent_id.as_ref().map_or("", |id| &id.value),
                    "registered"
                );
            }
            let _ = self.news.send(News::Input(Input::Master(Box::new(message))));
        }
    }
}

struct Ended {
    registered: bool,
    why: String,
}

/// Resolves when another master leads. While no leader is known, this one still counts.
async fn left(changes: Option<watch::Receiver<Option<Arc<MasterInfo>>>>, address: String) {
    let Some(mut changes) = changes else {
        return std::future::pending().await;
    };
    let gone = changes
        .wait_for(|leader| leader.as_ref().is_some_and(|l| l.endpoint() != address))
        .await
        .is_err();
    if gone {
        std::future::pending::<()>().await;
    }
}

/// Wraps a message for the stream.
pub(crate) fn envelope(message: from_agent::Message) -> FromAgent {
    FromAgent {
        message: Some(message),
    }
}

fn refused(status: &tonic::Status) -> String {
    if let Some(trust) = mesolith_pki::trust_problem(status) {
        return trust;
    }
    match status.metadata().get("leader").and_then(|l| l.to_str().ok()) {
        Some(leader) => format!("this master does not lead, {leader} does"),
        None => match std::error::Error::source(status) {
            Some(source) => format!("{}: {source}", status.message()),
            None => status.message().to_owned(),
        },
    }
}

/// Somewhere in `(0, backoff * 2^failures]`, at most a minute.
fn jittered(backoff: Duration, failures: u32) -> Duration {
    let longest = backoff.saturating_mul(1 << failures.min(10)).min(BACKOFF_LONGEST);
    // A v4 uuid is where this crate gets its randomness from.
    let random = (uuid::Uuid::new_v4().as_u128() % 1_000 + 1) as u32;
    longest * random / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_back_off_grows_and_is_bounded() {
        for failures in 0..40 {
            let wait = jittered(Duration::from_secs(1), failures);
            assert!(wait > Duration::ZERO && wait <= BACKOFF_LONGEST, "{wait:?}");
        }
        assert!(jittered(Duration::from_millis(100), 0) <= Duration::from_millis(100));
    }

    #[test]
    fn a_master_flag_is_one_of_two_forms() {
        let timeout = Duration::from_secs(10);
        assert!(matches!(
            Leader::from_flag("192.0.2.1:5050", timeout),
            Ok(Leader::Fixed(_))
        ));
        assert!(Leader::from_flag("192.0.2.1", timeout).is_err());
    }
}
