//! Asks a component whether it serves, and what it says about itself.

mod http;
pub(crate) mod sync_engine;

use std::collections::HashMap;
use std::time::Duration;

use mesolith_zk::four_letter;

use crate::component::{Component, Kind};
use crate::kinds;
use crate::layout::Home;
use crate::problem::Problem;

/// Servers answer these within milliseconds; more means that something is wrong.
const LIMIT: Duration = Duration::from_secs(3);

/// Facts for people and controllers, e.g. `mode=leader`.
pub(crate) type Facts = HashMap<String, String>;

/// What a component that serves says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) facts: Facts,
    /// What it waits for although it serves.
    pub(crate) waits: Option<Problem>,
    /// Whether it follows older settings than it is wanted to, and can be given the new ones as it runs.
    pub(crate) is_behind: bool,
}

impl From<Facts> for Answer {
    fn from(facts: Facts) -> Self {
        Self {
            facts,
            ..Self::default()
        }
    }
}

/// Serving, with what it says, or the reason why not.
pub(crate) async fn probe(
    component: &Component,
    home: &Home,
    http: &reqwest::Client,
) -> Result<Answer, Problem> {
    let facts = match &component.kind {
        Kind::ZooKeeper(server) => zookeeper(&host_port(&server.bind_address, server.client_port)).await,
        Kind::Master(master) => {
            let address = host_port(&master.bind_address, master.port);
            http::master(http, &address, component.live.generation).await
        }
        Kind::Agent(agent) => http::agent(http, &host_port(&agent.bind_address, agent.port)).await,
        Kind::SyncEngine(engine) => {
            return sync_engine::ask(engine, &kinds::sync_engine::socket(engine, home)).await;
        }
    };
    facts.map(Answer::from)
}

/// Gives a component that runs the settings that need no restart.
pub(crate) async fn configure(component: &Component, home: &Home) -> Result<(), Problem> {
    match &component.kind {
        Kind::SyncEngine(engine) => {
            sync_engine::configure(engine, &kinds::sync_engine::socket(engine, home)).await
        }
        Kind::ZooKeeper(_) | Kind::Master(_) | Kind::Agent(_) => Ok(()),
    }
}

/// A client that a component cannot hold up.
pub(crate) fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().timeout(LIMIT).no_proxy();
    client
        .redirect(reqwest::redirect::Policy::none())
        // Plain HTTP only; without this a machine that has no CA certificates makes it fail.
        .tls_certs_only([])
        .build()
        .unwrap_or_default()
}

fn host_port(address: &str, port: u16) -> String {
    match address {
        // All addresses include the loopback one.
        "0.0.0.0" => format!("127.0.0.1:{port}"),
        v6 if v6.contains(':') => format!("[{v6}]:{port}"),
        other => format!("{other}:{port}"),
    }
}

async fn zookeeper(address: &str) -> Result<Facts, Problem> {
    let silent = |e: mesolith_zk::Error| Problem::new("NotAnswering", e.to_string());
    let status = four_letter::srvr(address, LIMIT).await.map_err(silent)?;
    let Some(mode) = status.mode else {
        let message =
            format!("{address} runs but has no quorum; are the other ZooKeeper servers up and reachable?");
        return Err(Problem::new("WaitingForQuorum", message));
    };
    let facts = [
        ("mode", format!("{mode:?}").to_lowercase()),
        ("zxid", format!("{:#x}", status.zxid)),
        ("znodes", status.znodes.to_string()),
        ("version", status.version),
    ];
    Ok(facts.map(|(name, value)| (name.to_owned(), value)).into())
}
