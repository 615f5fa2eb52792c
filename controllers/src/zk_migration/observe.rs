//! Asking both sides: ZooKeeper servers by four-letter word, masters by HTTP, node agents by a connection.

use super::Error;
use super::resolve::Sides;
use futures::{FutureExt, StreamExt};
use mesolith_zk::four_letter::{self, Mode, ServerStatus};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// One server that does not answer must not hold the others up.
const PATIENCE: Duration = Duration::from_secs(5);
/// Asked at the same time.
const CONCURRENCY: usize = 64;

/// What the leading server says to `mntr`; `None` when no server leads.
pub(super) type LeaderMetrics = Option<Result<BTreeMap<String, String>, String>>;

/// What was seen; every address with its answer or why there was none.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) source_servers: Vec<(String, Result<ServerStatus, String>)>,
    /// Only of an ensemble that exists already.
    pub(super) target_servers: Vec<(String, Result<ServerStatus, String>)>,
    pub(super) source_leader: LeaderMetrics,
    pub(super) target_leader: LeaderMetrics,
    pub(super) source_masters: Vec<(String, Result<(), String>)>,
    /// Node agents of the target by name.
    pub(super) target_nodes: Vec<(String, Result<(), String>)>,
}

pub(super) async fn observe(sides: &Sides) -> Result<Facts, Error> {
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
    let nodes = sides.target.nodes.clone().into_iter().map(|(name, address)| {
        async move {
            let answer = connect(&address).await;
            (format!("{name} ({address})"), answer)
        }
        .boxed()
    });
    let (source_servers, target_servers, source_masters, target_nodes) = tokio::join!(
        servers(sides.source.zookeeper.clone()),
        servers(existing),
        futures::stream::iter(masters).buffered(CONCURRENCY).collect(),
        futures::stream::iter(nodes).buffered(CONCURRENCY).collect(),
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

async fn servers(addresses: Vec<String>) -> Vec<(String, Result<ServerStatus, String>)> {
    let ask = |server: String| async move {
        let answer = four_letter::srvr(&server, PATIENCE)
            .await
            .map_err(|error| crate::outcome::chain(&error));
        (server, answer)
    };
    futures::stream::iter(addresses.into_iter().map(ask))
        .buffered(CONCURRENCY)
        .collect()
        .await
}

async fn leader(servers: &[(String, Result<ServerStatus, String>)]) -> LeaderMetrics {
    let leads = |answer: &Result<ServerStatus, String>| {
        answer
            .as_ref()
            .is_ok_and(|status| matches!(status.mode, Some(Mode::Leader | Mode::Standalone)))
    };
    let (server, _) = servers.iter().find(|(_, answer)| leads(answer))?;
    let answer = four_letter::mntr(server, PATIENCE).await;
    Some(answer.map_err(|error| crate::outcome::chain(&error)))
}

async fn health(http: &reqwest::Client, master: &str) -> Result<(), String> {
    match http.get(format!("http://{master}/health")).send().await {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(format!("/health answers {}", response.status())),
        Err(error) => Err(crate::outcome::chain(&error.without_url())),
    }
}

async fn connect(address: &str) -> Result<(), String> {
    match timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}
