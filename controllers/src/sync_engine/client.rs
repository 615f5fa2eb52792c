//! Asks the engines of one name, wherever they run. A command goes to the one that is active.

use super::error::SyncError;
use super::facts::{Role, SyncDiff, SyncFacts};
use super::settings::{Settings, Writer};
use crate::nodes::Dial;
use futures::future::join_all;
use mesolith_proto::zksync::v1 as pb;
use pb::sync_client::SyncClient;
use std::collections::BTreeMap;
use std::time::Duration;
use tonic::transport::Channel;
use tonic::{Response, Status};

/// An engine that works answers at once.
const STATUS_LIMIT: Duration = Duration::from_secs(5);
/// Metadata with the reason of a refusal.
const REASON: &str = "mesolith-reason";

/// The engines of one name. Cheap to clone; connections are made when they are needed, and again when they break.
#[derive(Debug, Clone, Default)]
pub struct SyncEngine {
    members: BTreeMap<String, Result<SyncClient<Channel>, String>>,
}

/// What each node's engine says, by the name of the node.
pub type Seen = BTreeMap<String, Result<SyncFacts, SyncError>>;

impl SyncEngine {
    /// Engines by the names of their nodes; a node that cannot be dialled has the reason.
    #[must_use]
    pub fn new(channels: impl IntoIterator<Item = (String, Result<Channel, String>)>) -> Self {
        let member =
            |(node, channel): (String, Result<Channel, String>)| (node, channel.map(SyncClient::new));
        Self {
            members: channels.into_iter().map(member).collect(),
        }
    }

    /// The engines on these nodes (name to `host:port` of its API), with the certificates that reach their node agents.
    #[allow(dead_code, reason = "the phases of a migration ask with it")]
    pub(crate) fn dial<'a>(dial: &Dial, nodes: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        Self::new(
            nodes
                .into_iter()
                .map(|(node, address)| (node.clone(), dial.channel(node, address))),
        )
    }

    /// What each engine says now.
    pub async fn facts(&self) -> Seen {
        let asked = self
            .members
            .iter()
            .map(|(node, client)| async move { (node.clone(), status(node, client).await) });
        join_all(asked).await.into_iter().collect()
    }

    /// What the active engine says now.
    ///
    /// # Errors
    /// When none answers, or none is active.
    pub async fn active(&self) -> Result<SyncFacts, SyncError> {
        Ok(self.find().await?.2)
    }

    /// Waits until everything that was committed before on a side that writes is on the other; the position of A, or of
    /// B where only B writes.
    ///
    /// # Errors
    /// When a side does not take some of it (`NodesRefused`), or that took longer than the limit.
    pub async fn barrier(&self, limit: Duration) -> Result<String, SyncError> {
        let (node, mut client, _) = self.find().await?;
        let answer = client.barrier(within(pb::BarrierRequest {}, limit)).await;
        Ok(taken(&node, limit, answer)?.zxid)
    }

    /// Compares both sides field by field and names at most `most` differences.
    ///
    /// # Errors
    /// When they could not be compared within the limit.
    pub async fn diff(&self, most: u64, limit: Duration) -> Result<SyncDiff, SyncError> {
        let (node, mut client, _) = self.find().await?;
        let request = pb::DiffRequest { limit: most };
        let answer = client.diff(within(request, limit)).await;
        Ok(taken(&node, limit, answer)?.into())
    }

    /// Gives the active engine settings as a whole; returns once they are stored in B.
    ///
    /// # Errors
    /// When they are refused: `OlderGeneration`, `ChangedContent`, `InvalidSettings`, `NodesRefused`.
    pub async fn configure(&self, settings: &Settings, limit: Duration) -> Result<u64, SyncError> {
        let (node, client, _) = self.find().await?;
        apply(&node, client, settings, limit).await
    }

    /// Lets another side write a root, behind the engine's own fence: what the side that gives up has written before is
    /// on the other. Returns the settings that are followed from now on; nothing happens where it is so already.
    ///
    /// # Errors
    /// When there is no such root (`NoSuchRoute`), or the other side does not take everything (`NodesRefused`).
    pub async fn switch(&self, root: &str, writer: Writer, limit: Duration) -> Result<Settings, SyncError> {
        let (node, client, facts) = self.find().await?;
        let current = facts.settings.ok_or_else(|| SyncError::Answer {
            node: node.clone(),
            what: "without settings".to_owned(),
        })?;
        if current.roots.iter().any(|r| r.path == root && r.writer == writer) {
            return Ok(current);
        }
        let switched = current.switched(root, writer).ok_or_else(|| SyncError::Refused {
            word: "NoSuchRoute".to_owned(),
            message: format!("{root} is none of the roots that are kept equal"),
        })?;
        apply(&node, client, &switched, limit).await?;
        Ok(switched)
    }

    /// The active engine.
    async fn find(&self) -> Result<(String, SyncClient<Channel>, SyncFacts), SyncError> {
        let mut seen = self.facts().await;
        let is_active = |facts: &SyncFacts| facts.role == Some(Role::Active);
        let active = seen
            .iter()
            .find(|(_, found)| found.as_ref().is_ok_and(is_active))
            .map(|(node, _)| node.clone());
        let Some(node) = active else {
            return Err(none_active(&seen));
        };
        match (seen.remove(&node), self.members.get(&node)) {
            (Some(Ok(facts)), Some(Ok(client))) => Ok((node, client.clone(), facts)),
            _ => Err(none_active(&seen)),
        }
    }
}

/// Each engine with what it says.
fn none_active(seen: &Seen) -> SyncError {
    if seen.is_empty() {
        return SyncError::Unreachable("no node is to run one".to_owned());
    }
    let say = |(node, found): (&String, &Result<SyncFacts, SyncError>)| match found {
        Ok(facts) => format!("{node}: {}", facts.doing()),
        Err(error) => error.to_string(),
    };
    let all = seen.iter().map(say).collect::<Vec<_>>().join("; ");
    match seen.values().any(Result::is_ok) {
        true => SyncError::NoneActive(all),
        false => SyncError::Unreachable(all),
    }
}

async fn status(node: &str, client: &Result<SyncClient<Channel>, String>) -> Result<SyncFacts, SyncError> {
    let unreachable = |why: &str| SyncError::Unreachable(format!("{node}: {why}"));
    let mut client = client.clone().map_err(|why| unreachable(&why))?;
    // A network that drops packets must not hold up a connect.
    let asked = client.get(within(pb::GetRequest {}, STATUS_LIMIT));
    match tokio::time::timeout(STATUS_LIMIT, asked).await {
        Ok(answer) => Ok(taken(node, STATUS_LIMIT, answer)?.into()),
        Err(_) => Err(unreachable("no answer")),
    }
}

async fn apply(
    node: &str,
    mut client: SyncClient<Channel>,
    settings: &Settings,
    limit: Duration,
) -> Result<u64, SyncError> {
    let answer = client.apply(within(pb::Settings::from(settings), limit)).await;
    Ok(taken(node, limit, answer)?.generation)
}

/// A request with its time limit and the trace it belongs to.
fn within<T>(message: T, limit: Duration) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(limit);
    mesolith_telemetry::inject_metadata(request.metadata_mut());
    request
}

/// The answer, or what its status means.
fn taken<T>(node: &str, limit: Duration, answer: Result<Response<T>, Status>) -> Result<T, SyncError> {
    let status = match answer {
        Ok(answer) => return Ok(answer.into_inner()),
        Err(status) => status,
    };
    let word = status
        .metadata()
        .get(REASON)
        .and_then(|value| value.to_str().ok());
    Err(match (word, status.code()) {
        (Some(word), _) => SyncError::Refused {
            word: word.to_owned(),
            message: status.message().to_owned(),
        },
        (None, tonic::Code::InvalidArgument) => SyncError::Refused {
            word: "InvalidSettings".to_owned(),
            message: status.message().to_owned(),
        },
        (None, tonic::Code::DeadlineExceeded | tonic::Code::Cancelled) => SyncError::TimedOut {
            node: node.to_owned(),
            seconds: limit.as_secs(),
        },
        (None, _) => {
            let cause = std::error::Error::source(&status).map(crate::outcome::cause);
            let why = mesolith_pki::trust_problem(&status).or(cause);
            SyncError::Unreachable(format!(
                "{node}: {}",
                why.unwrap_or_else(|| status.message().to_owned())
            ))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesolith_crds::Reason;

    fn engine(status: pb::Status) -> Result<SyncFacts, SyncError> {
        Ok(status.into())
    }

    #[test]
    fn where_none_is_active_each_engine_says_why() {
        assert_eq!(none_active(&Seen::new()).reason(), Reason::SyncEngineUnreachable);
        let gone = || Err(SyncError::Unreachable("n2: connection refused".into()));
        let waits = pb::Status {
            waiting_for: Some(pb::Waiting {
                reason: "NoLeader".into(),
                message: "B has no leader".into(),
            }),
            ..Default::default()
        };
        let seen: Seen = [("n1".to_owned(), engine(waits)), ("n2".to_owned(), gone())].into();
        let error = none_active(&seen);
        assert_eq!(error.reason(), Reason::WaitingForSyncEngine);
        assert_eq!(
            error.to_string(),
            "no sync engine is active yet: n1: B has no leader; no sync engine answers: n2: connection refused"
        );
        let seen: Seen = [("n2".to_owned(), gone())].into();
        assert_eq!(none_active(&seen).reason(), Reason::SyncEngineUnreachable);
    }

    #[test]
    fn refusals_keep_the_engines_own_reason() {
        let refused = |status: Status| taken::<()>("n1", STATUS_LIMIT, Err(status)).unwrap_err();
        let mut status = Status::failed_precondition("generation 2 is older");
        status
            .metadata_mut()
            .insert(REASON, "OlderGeneration".parse().unwrap());
        let found = refused(status);
        assert_eq!(
            (found.reason(), found.word(), found.to_string().as_str()),
            (
                Reason::SyncEngineRefused,
                Some("OlderGeneration"),
                "OlderGeneration: generation 2 is older"
            )
        );
        assert_eq!(
            refused(Status::deadline_exceeded("late")).reason(),
            Reason::SyncEngineTimedOut
        );
        assert_eq!(
            refused(Status::unavailable("gone")).reason(),
            Reason::SyncEngineUnreachable
        );
    }
}
