//! Asking both sides: ZooKeeper servers by four-letter word, masters by HTTP, node agents by `GetFacts`.

use super::Error;
use super::problem::Problem;
use super::resolve::Sides;
use super::target::TargetNode;
use crate::nodes::{self, Dial};
use futures::{FutureExt, StreamExt};
use mesolith_crds::Reason;
use mesolith_proto::node::v1::{Facts as NodeFacts, GetFactsRequest, Port};
use mesolith_zk::four_letter::{self, Mode, ServerStatus};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One server that does not answer must not hold the others up.
const PATIENCE: Duration = Duration::from_secs(5);
/// Asked at the same time.
const CONCURRENCY: usize = 64;

/// What the leading server says to `mntr`; `None` when no server leads.
pub(super) type LeaderMetrics = Option<Result<BTreeMap<String, String>, String>>;

/// Every node with what its agent says of the machine, or why it said nothing.
pub(super) type NodeAnswers = Vec<(TargetNode, Result<NodeFacts, Problem>)>;

/// What was seen; every address with its answer or why there was none.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) source_servers: Vec<(String, Result<ServerStatus, Problem>)>,
    /// Only of an ensemble that exists already.
    pub(super) target_servers: Vec<(String, Result<ServerStatus, Problem>)>,
    pub(super) source_leader: LeaderMetrics,
    pub(super) target_leader: LeaderMetrics,
    pub(super) source_masters: Vec<(String, Result<(), Problem>)>,
    /// Or why none of them could be asked.
    pub(super) target_nodes: Result<NodeAnswers, Problem>,
}

/// `dial` reaches the node agents of the target.
pub(super) async fn observe(sides: &Sides, dial: Result<Dial, Problem>) -> Result<Facts, Error> {
    let http = reqwest::Client::builder()
        .timeout(PATIENCE)
        .no_proxy()
        .build()
        .map_err(Error::StartChecks)?;
    let existing = if sides.target.external {
        sides.target.zookeeper.clone()
    } else {
        Vec::new()
    };
    // Owned values and boxed futures: what borrows here would not be Send for every lifetime.
    let masters = sides.source.masters.clone().into_iter().map(|master| {
        let http = http.clone();
        async move {
            let answer = health(&http, &master).await;
            (master, answer)
        }
        .boxed()
    });
    let (source_servers, target_servers, source_masters, target_nodes) = tokio::join!(
        servers(sides.source.zookeeper.clone(), "spec.source"),
        servers(existing, "spec.target.zookeeper.external"),
        futures::stream::iter(masters).buffered(CONCURRENCY).collect(),
        async {
            match dial {
                Ok(dial) => Ok(ask_nodes(sides.target.nodes.clone(), dial).await),
                Err(problem) => Err(problem),
            }
        },
    );
    let (source_leader, target_leader) = tokio::join!(leader(&source_servers), leader(&target_servers));
    Ok(Facts {
        source_leader,
        target_leader,
        source_servers,
        target_servers,
        source_masters,
        target_nodes,
    })
}

async fn servers(
    addresses: Vec<String>,
    field: &'static str,
) -> Vec<(String, Result<ServerStatus, Problem>)> {
    let ask = move |server: String| async move {
        let answer = four_letter::srvr(&server, PATIENCE).await;
        (server, answer.map_err(|error| silent(&error, field)))
    };
    futures::stream::iter(addresses.into_iter().map(ask))
        .buffered(CONCURRENCY)
        .collect()
        .await
}

/// Why a server does not tell its state; `field` is where its address stands.
fn silent(error: &mesolith_zk::Error, field: &str) -> Problem {
    let cause = cause(error);
    match cause.strip_prefix("it says: ") {
        Some(said) if said.contains("whitelist") => Problem::new(
            Reason::WordNotWhitelisted,
            "it does not answer srvr",
            "Add srvr to 4lw.commands.whitelist in its zoo.cfg; it is there by default",
        ),
        Some(_) => Problem::new(
            Reason::NotZooKeeper,
            "what listens there does not answer as ZooKeeper does",
            format!("Give its client port in {field}, usually 2181"),
        ),
        None => Problem::new(
            Reason::ServerUnreachable,
            cause,
            format!("Start ZooKeeper there, or correct {field}"),
        ),
    }
}

fn cause(error: &mesolith_zk::Error) -> String {
    match error {
        mesolith_zk::Error::FourLetter { cause, .. } => crate::outcome::plain(cause),
        other => crate::outcome::cause(other),
    }
}

async fn leader(servers: &[(String, Result<ServerStatus, Problem>)]) -> LeaderMetrics {
    let leads = |answer: &Result<ServerStatus, Problem>| {
        answer
            .as_ref()
            .is_ok_and(|status| matches!(status.mode, Some(Mode::Leader | Mode::Standalone)))
    };
    let (server, _) = servers.iter().find(|(_, answer)| leads(answer))?;
    let answer = four_letter::mntr(server, PATIENCE).await;
    Some(answer.map_err(|error| cause(&error)))
}

async fn health(http: &reqwest::Client, master: &str) -> Result<(), Problem> {
    let remedy = "Start it, or correct spec.source";
    match http.get(format!("http://{master}/health")).send().await {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(Problem::new(
            Reason::MasterUnhealthy,
            format!("/health answers {}", response.status()),
            remedy,
        )),
        Err(error) => {
            let what = if error.is_timeout() {
                format!("no answer within {} s", PATIENCE.as_secs())
            } else {
                crate::outcome::cause(&error)
            };
            Err(Problem::new(Reason::MasterUnreachable, what, remedy))
        }
    }
}

/// What each node agent says of its machine, and of the ports that its components are to listen on.
async fn ask_nodes(wanted: Vec<TargetNode>, dial: Dial) -> NodeAnswers {
    let dial = Arc::new(dial);
    let ask = wanted.into_iter().map(|node| {
        let dial = dial.clone();
        async move {
            let port = |(port, _): &(u16, &str)| Port {
                address: node.host.clone(),
                port: (*port).into(),
            };
            let request = GetFactsRequest {
                ports: node.ports.iter().map(port).collect(),
                ..GetFactsRequest::default()
            };
            let answer = nodes::facts(&dial, &node.name, &node.address, request).await;
            let answer =
                answer.map_err(|refusal| Problem::new(refusal.reason, refusal.cause, refusal.remedy));
            (node, answer)
        }
        .boxed()
    });
    futures::stream::iter(ask).buffered(CONCURRENCY).collect().await
}
