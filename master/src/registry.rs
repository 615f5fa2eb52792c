//! Where what operators decided is kept for the leaders to come: in ZooKeeper, beside the election.
//!
//! ```text
//! <path of the election>/registry/agent.<agent id>
//!                                /maintenance
//! ```
//!
//! A leader reads all of it before it acts. A master without ZooKeeper keeps it in memory, as Mesos with
//! `--registry=in_memory`.

use std::time::Duration;

use mesolith_mesos::AgentId;
use mesolith_proto::mesos::v1;
use mesolith_proto::registry::v1 as record;
use mesolith_zk::{Address, Error as ZkError, Records};
use prost::Message;
use tokio::sync::{mpsc, watch};

use crate::event_loop::{Envelope, Handle};
use crate::gate::Standing;
use crate::input::{Input, Registry};
use crate::leadership::Leadership;
use crate::operation::Change;
use crate::state::{Decision, Drain, Machine, Maintenance};
use crate::time::Time;

/// Name of the node that holds the records.
const NODE: &str = "registry";
const AGENT: &str = "agent.";
const MAINTENANCE: &str = "maintenance";
/// Pause before a change is tried again that ZooKeeper has not confirmed.
const PAUSE: Duration = Duration::from_millis(500);

/// A record that cannot be understood. A leader must not act as if there were none.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot read {path} in ZooKeeper: {why}. A newer version may have written it: run that one. If it is damaged, delete \
     the node; what operators decided about {what} is lost then"
)]
pub(crate) struct Unreadable {
    path: String,
    what: String,
    why: String,
}

/// The registry of this master.
pub(crate) enum Store {
    /// Nothing outlives the process.
    Memory,
    /// In ZooKeeper, as long as this master is a candidate.
    ZooKeeper {
        /// The records.
        records: Box<Records>,
        /// Whether this master leads, and by which node.
        standing: watch::Receiver<Standing>,
    },
}

impl Store {
    pub(crate) fn new(
        address: Option<Address>,
        standing: watch::Receiver<Standing>,
        timeout: Duration,
    ) -> Self {
        match address {
            None => Self::Memory,
            Some(address) => Self::ZooKeeper {
                records: Box::new(Records::new(address, NODE, timeout)),
                standing,
            },
        }
    }

    /// Reads what the leaders before left; asks until ZooKeeper answers.
    pub(crate) async fn load(&mut self) -> Result<Registry, Unreadable> {
        let Self::ZooKeeper { records, .. } = self else {
            return Ok(Registry::default());
        };
        let found = loop {
            match records.read().await {
                Ok(found) => break found,
                Err(problem) => tracing::warn!("not acting before the registry is read: {problem}"),
            }
            tokio::time::sleep(PAUSE).await;
        };
        let mut registry = Registry::default();
        for (name, content) in found {
            take(&mut registry, &name, &content).map_err(|why| Unreadable {
                path: format!("{}/{name}", records.path()),
                what: name
                    .strip_prefix(AGENT)
                    .map_or_else(|| name.clone(), |id| format!("agent {id}")),
                why,
            })?;
        }
        Ok(registry)
    }

    /// Writes changes as they come, and says so; ends when another master may lead.
    pub(crate) async fn serve(mut self, mut changes: mpsc::Receiver<Change>, handle: Handle) {
        while let Some(change) = changes.recv().await {
            let Some(outcome) = self.write(&change).await else {
                return;
            };
            if !handle.send(Envelope::bare(Input::Stored(outcome))).await {
                return;
            }
        }
    }

    /// Writes a change; `None` when this master does not lead any more.
    async fn write(&mut self, change: &Change) -> Option<Result<(), String>> {
        let Self::ZooKeeper { records, standing } = self else {
            return Some(Ok(()));
        };
        let (name, content) = encode(change);
        loop {
            let node = {
                let suspended = |standing: &Standing| matches!(standing.leadership, Leadership::Suspended(_));
                let standing = standing.wait_for(|standing| !suspended(standing)).await.ok()?;
                match standing.leadership {
                    Leadership::Ours => standing.node.clone()?,
                    _ => return None,
                }
            };
            match records.write(&node, &name, content.as_deref()).await {
                Ok(()) => return Some(Ok(())),
                Err(ZkError::CandidateGone { path }) => {
                    tracing::warn!("nothing is written to the registry any more: {path} is gone");
                    return None;
                }
                Err(refused @ ZkError::Call { .. }) => return Some(Err(refused.to_string())),
                // ZooKeeper may have written it or not: writing again changes nothing.
                Err(problem) => tracing::warn!("not in the registry yet: {problem}"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Name and content of the record that a change writes; no content removes it.
fn encode(change: &Change) -> (String, Option<Vec<u8>>) {
    match change {
        Change::Decision(agent, decision) => {
            let record = decision.as_ref().map(|decision| record::Agent {
                decision: Some(to_record(decision)),
            });
            (format!("{AGENT}{agent}"), record.map(|r| r.encode_to_vec()))
        }
        Change::Maintenance(maintenance) => {
            let schedule = maintenance.schedule();
            let ids = schedule.windows.iter().flat_map(|window| &window.machine_ids);
            let down = ids.filter(|id| maintenance.is_down(&Machine::of(id)));
            let record = record::Maintenance {
                down: down.cloned().collect(),
                schedule: Some(schedule.clone()),
            };
            let content = (!maintenance.is_empty()).then(|| record.encode_to_vec());
            (MAINTENANCE.to_owned(), content)
        }
    }
}

fn to_record(decision: &Decision) -> record::agent::Decision {
    let at = |time: Time| {
        Some(v1::TimeInfo {
            nanoseconds: time.nanoseconds(),
        })
    };
    match decision {
        Decision::Deactivated => record::agent::Decision::Deactivated(record::Deactivated {}),
        Decision::Draining(drain) => record::agent::Decision::Draining(record::Draining {
            config: Some(drain.config),
            since: at(drain.since),
        }),
        Decision::Gone(since) => record::agent::Decision::Gone(record::Gone { since: at(*since) }),
    }
}

/// Takes one record in.
fn take(registry: &mut Registry, name: &str, content: &[u8]) -> Result<(), String> {
    if name == MAINTENANCE {
        let record = record::Maintenance::decode(content).map_err(|problem| problem.to_string())?;
        let down = record.down.iter().map(Machine::of).collect();
        registry.maintenance = Maintenance::new(record.schedule.unwrap_or_default(), down);
        return Ok(());
    }
    let Some(agent) = name.strip_prefix(AGENT) else {
        return Err("this version has no such record".into());
    };
    let record = record::Agent::decode(content).map_err(|problem| problem.to_string())?;
    let decision = match record.decision {
        Some(record::agent::Decision::Deactivated(_)) => Decision::Deactivated,
        Some(record::agent::Decision::Draining(draining)) => Decision::Draining(Drain {
            config: draining.config.unwrap_or_default(),
            since: time(draining.since),
        }),
        Some(record::agent::Decision::Gone(gone)) => Decision::Gone(time(gone.since)),
        None => return Err("it says nothing that this version understands".into()),
    };
    registry.decisions.insert(AgentId::from(agent), decision);
    Ok(())
}

fn time(at: Option<v1::TimeInfo>) -> Time {
    let nanoseconds = at.map_or(0, |at| at.nanoseconds.max(0));
    Time(Duration::from_nanos(nanoseconds.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let config = v1::DrainConfig {
            max_grace_period: Some(v1::DurationInfo { nanoseconds: 5 }),
            mark_gone: Some(true),
        };
        let drain = Drain {
            config,
            since: Time(Duration::from_nanos(123_456_789_012_345_678)),
        };
        let decisions = [
            Decision::Deactivated,
            Decision::Draining(drain),
            Decision::Gone(Time::from_secs(7)),
        ];
        let mut registry = Registry::default();
        for (n, decision) in decisions.iter().enumerate() {
            let agent = AgentId::from(format!("m-S{n}"));
            let (name, content) = encode(&Change::Decision(agent.clone(), Some(decision.clone())));
            take(&mut registry, &name, &content.unwrap()).unwrap();
            assert_eq!(registry.decisions[&agent], *decision);
            assert_eq!(encode(&Change::Decision(agent, None)), (name, None));
        }
    }

    #[test]
    fn the_schedule_is_read_with_what_is_down() {
        let id = |name: &str| v1::MachineId {
            hostname: Some(name.into()),
            ip: Some("10.0.0.1".into()),
        };
        let window = v1::maintenance::Window {
            machine_ids: vec![id("A"), id("b")],
            ..Default::default()
        };
        let schedule = v1::maintenance::Schedule {
            windows: vec![window],
        };
        let maintenance = Maintenance::new(schedule, Default::default()).with_down(&[id("a")]);
        let mut registry = Registry::default();
        let (name, content) = encode(&Change::Maintenance(maintenance.clone()));
        take(&mut registry, &name, &content.unwrap()).unwrap();
        assert_eq!(registry.maintenance, maintenance);
        let nothing = maintenance.without(&[id("a"), id("B")]);
        assert_eq!(encode(&Change::Maintenance(nothing)), (name, None));
    }

    #[test]
    fn what_is_not_understood_is_no_empty_record() {
        let mut registry = Registry::default();
        for (name, content) in [("agent.a", &b"\xff"[..]), ("agent.a", b""), ("quota", b"")] {
            assert!(take(&mut registry, name, content).is_err(), "{name}");
        }
        assert_eq!(registry, Registry::default());
    }
}
