//! Every agent as the leading master counts it: `/mesolith/agents` (docs/operator-api.md). It costs the master nothing,
//! however many tasks there are.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The leader answers from memory; a slow one is a sick one, and the next look comes soon.
const PATIENCE: Duration = Duration::from_secs(5);

/// All agents that are registered with the leading master. One that is not here has not registered with this leader, so
/// that its tasks are not known, which is not the same as none.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(crate) struct Fleet {
    /// By agent id.
    pub(crate) agents: BTreeMap<String, FleetAgent>,
    /// Names of frameworks by id.
    #[serde(default)]
    pub(crate) frameworks: BTreeMap<String, String>,
}

/// One agent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct FleetAgent {
    /// Host name as the agent reports it; empty from a master that does not say where agents are.
    pub(crate) hostname: String,
    /// Address that it listens on.
    pub(crate) ip: String,
    /// Port that it listens on.
    pub(crate) port: u16,
    /// Whether it is connected and offered.
    pub(crate) active: bool,
    /// Whether an operator has taken it out, drained it or not.
    pub(crate) deactivated: bool,
    /// Tasks that have not ended.
    pub(crate) tasks: usize,
    /// Ids of the frameworks that use something of it.
    pub(crate) frameworks: Vec<String>,
    /// What it has.
    pub(crate) resources: Amounts,
    /// What is used of it.
    pub(crate) used: Amounts,
    /// `DRAINING` or `DRAINED`, after DRAIN_AGENT.
    pub(crate) drain_state: Option<String>,
}

/// What can be added up. Memory and disk are in MiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Amounts {
    pub(crate) cpus: f64,
    pub(crate) mem: f64,
    pub(crate) disk: f64,
    pub(crate) gpus: f64,
}

impl Fleet {
    /// For people: the names of the frameworks that use something of an agent.
    pub(crate) fn names(&self, agent: &FleetAgent) -> Vec<String> {
        let name = |id: &String| self.frameworks.get(id).unwrap_or(id).clone();
        agent.frameworks.iter().map(name).collect()
    }
}

/// Asks the leading master at `host:port`; `None` while it does not answer.
pub(crate) async fn ask(http: &reqwest::Client, master: &str) -> Option<Fleet> {
    let url = format!("http://{master}/mesolith/agents");
    let answer = http.get(url).timeout(PATIENCE).send().await.ok()?;
    answer.error_for_status().ok()?.json().await.ok()
}
