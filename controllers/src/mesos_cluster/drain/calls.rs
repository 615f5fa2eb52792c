//! What the leading master is to be told about agents that leave, in Mesos's own way. Pure.
//!
//! ```text
//! on record ─► no offers (DEACTIVATE_AGENT), maintenance of its machine: frameworks get inverse offers and move by themselves
//!     └► notice over, tasks left, none of our apps ─► DRAIN_AGENT with a maximum grace
//! gone, or wanted again ─► maintenance taken away, REACTIVATE_AGENT ─► off record
//! ```
//!
//! Instances of our apps are moved by the scheduler, which knows the record: DRAIN_AGENT would kill them before their
//! replacement is healthy.

use super::super::maintenance::{self, Machine};
use super::super::model::Told;
use jiff::Timestamp;
use mesolith_crds::v1alpha1::mesos_cluster::{AgentDrain, DrainingAgent};
use mesolith_proto::mesos::v1::maintenance::Schedule;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Something to tell the master. Each may be told twice.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Call {
    /// Replace the maintenance schedule.
    Schedule(Schedule),
    /// Offer nothing of the agent.
    Deactivate(String),
    /// End the agent's tasks, each within its own grace and this one.
    Drain(String, Duration),
    /// Offer the agent again.
    Reactivate(String),
}

/// What is missing. `host` is the host name of a node; `apps` is the framework that runs our apps.
pub(in super::super) fn calls(
    record: &[DrainingAgent],
    told: &Told,
    policy: Option<&AgentDrain>,
    host: impl Fn(&str) -> Option<String>,
    apps: Option<&str>,
    now: Timestamp,
) -> Vec<Call> {
    let announced: Vec<&DrainingAgent> = record.iter().filter(|entry| entry.announced).collect();
    let wanted = scheduled(&announced, told, policy, host);
    let mut calls: Vec<Call> = maintenance::with(&told.schedule, &wanted)
        .map(Call::Schedule)
        .into_iter()
        .collect();
    calls.extend(
        announced
            .into_iter()
            .filter_map(|entry| about(entry, told, policy, apps, now)),
    );
    calls
}

/// Whether the master has nothing of an entry any more, so that it may go off record.
pub(super) fn forgotten(
    entry: &DrainingAgent,
    told: Option<&Told>,
    host: Option<String>,
    returns: bool,
) -> bool {
    let Some(told) = told else {
        return false;
    };
    let agent = entry.agent_id.as_ref().and_then(|id| told.fleet.agents.get(id));
    let out = match agent {
        Some(agent) => agent.deactivated,
        // It has not registered with this leader yet, which may know what was decided about it.
        None => returns,
    };
    let host = host.map(|host| host.to_lowercase());
    let scheduled = maintenance::ours(&told.schedule)
        .keys()
        .any(|machine| Some(&machine.hostname) == host.as_ref());
    !out && !scheduled
}

fn about(
    entry: &DrainingAgent,
    told: &Told,
    policy: Option<&AgentDrain>,
    apps: Option<&str>,
    now: Timestamp,
) -> Option<Call> {
    let id = entry.agent_id.as_ref()?;
    let agent = told.fleet.agents.get(id)?;
    if entry.retracting {
        // An agent that still ends its tasks cannot be taken back before it has: the master would refuse.
        let busy = agent.drain_state.as_deref() == Some("DRAINING");
        return (agent.deactivated && !busy).then(|| Call::Reactivate(id.clone()));
    }
    if !agent.deactivated {
        return Some(Call::Deactivate(id.clone()));
    }
    let policy = policy?;
    let over = now.as_second() >= since(entry).saturating_add(seconds(policy.notice()));
    let of_apps = agent.frameworks.iter().any(|id| Some(id.as_str()) == apps);
    let due = over && agent.tasks > 0 && !of_apps && agent.drain_state.is_none();
    due.then(|| Call::Drain(id.clone(), policy.max_grace_period()))
}

/// Machines that are to be in the schedule. One that another agent stays on is not: maintenance is of machines, and
/// frameworks would leave that agent too.
fn scheduled(
    announced: &[&DrainingAgent],
    told: &Told,
    policy: Option<&AgentDrain>,
    host: impl Fn(&str) -> Option<String>,
) -> BTreeMap<Machine, i64> {
    let notice = seconds(policy.cloned().unwrap_or_default().notice());
    let leaving: Vec<&&DrainingAgent> = announced.iter().filter(|entry| !entry.retracting).collect();
    let ids: BTreeSet<&str> = leaving
        .iter()
        .filter_map(|entry| entry.agent_id.as_deref())
        .collect();
    let stay = told
        .fleet
        .agents
        .iter()
        .filter(|(id, _)| !ids.contains(id.as_str()));
    let shared: BTreeSet<Machine> = stay.map(|(_, agent)| Machine::of(agent)).collect();
    let known = maintenance::ours(&told.schedule);
    let mut wanted = BTreeMap::new();
    for entry in leaving {
        let listed = entry.agent_id.as_ref().and_then(|id| told.fleet.agents.get(id));
        match listed {
            Some(agent) if !agent.hostname.is_empty() => {
                let machine = Machine::of(agent);
                if !shared.contains(&machine) {
                    wanted.insert(machine, since(entry).saturating_add(notice));
                }
            }
            // Away for a moment, such as after a change of leader: its window stays.
            _ => {
                let host = host(&entry.node).map(|host| host.to_lowercase());
                let own = known
                    .iter()
                    .filter(|(machine, _)| Some(&machine.hostname) == host.as_ref());
                wanted.extend(own.map(|(machine, start)| (machine.clone(), *start)));
            }
        }
    }
    wanted
}

fn since(entry: &DrainingAgent) -> i64 {
    entry.since.as_ref().map_or(0, |since| since.0.as_second())
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{Fleet, FleetAgent};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use rstest::rstest;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn entry(node: &str, retracting: bool) -> DrainingAgent {
        DrainingAgent {
            node: node.to_owned(),
            agent_id: Some(format!("S-{node}")),
            since: Some(Time(at(1000))),
            announced: true,
            retracting,
            ..DrainingAgent::default()
        }
    }

    fn agent(host: &str, tasks: usize, of: &[&str]) -> FleetAgent {
        FleetAgent {
            hostname: host.to_owned(),
            ip: "192.0.2.1".to_owned(),
            active: true,
            tasks,
            frameworks: of.iter().map(|id| (*id).to_owned()).collect(),
            ..FleetAgent::default()
        }
    }

    fn out(agent: FleetAgent, state: Option<&str>) -> FleetAgent {
        FleetAgent {
            deactivated: true,
            active: false,
            drain_state: state.map(str::to_owned),
            ..agent
        }
    }

    fn told(agents: &[(&str, FleetAgent)]) -> Told {
        Told {
            fleet: Fleet {
                agents: agents
                    .iter()
                    .map(|(node, agent)| (format!("S-{node}"), agent.clone()))
                    .collect(),
                ..Fleet::default()
            },
            ..Told::default()
        }
    }

    fn host(node: &str) -> Option<String> {
        Some(node.to_owned())
    }

    fn decided(record: &[DrainingAgent], told: &Told, now: i64) -> Vec<Call> {
        calls(
            record,
            told,
            Some(&AgentDrain::default()),
            host,
            Some("apps"),
            at(now),
        )
    }

    fn named(calls: &[Call]) -> Vec<String> {
        let name = |call: &Call| match call {
            Call::Schedule(schedule) => format!("schedule {}", maintenance::ours(schedule).len()),
            Call::Deactivate(id) => format!("deactivate {id}"),
            Call::Drain(id, grace) => format!("drain {id} {}", grace.as_secs()),
            Call::Reactivate(id) => format!("reactivate {id}"),
        };
        calls.iter().map(name).collect()
    }

    #[rstest]
    #[case::first(agent("w1", 2, &["other"]), false, 1001, &["schedule 1", "deactivate S-w1"])]
    #[case::in_the_notice(out(agent("w1", 2, &["other"]), None), false, 1299, &["schedule 1"])]
    #[case::notice_over(out(agent("w1", 2, &["other"]), None), false, 1300, &["schedule 1", "drain S-w1 60"])]
    #[case::our_apps_are_not_killed(out(agent("w1", 2, &["other", "apps"]), None), false, 9999, &["schedule 1"])]
    #[case::told_already(out(agent("w1", 2, &["other"]), Some("DRAINING")), false, 9999, &["schedule 1"])]
    #[case::empty(out(agent("w1", 0, &[]), None), false, 9999, &["schedule 1"])]
    #[case::stays_after_all(out(agent("w1", 0, &[]), Some("DRAINED")), true, 1001, &["reactivate S-w1"])]
    #[case::ends_its_drain_first(out(agent("w1", 1, &["other"]), Some("DRAINING")), true, 1001, &[])]
    #[case::is_back(agent("w1", 1, &["other"]), true, 1001, &[])]
    fn one_agent(
        #[case] seen: FleetAgent,
        #[case] retracting: bool,
        #[case] now: i64,
        #[case] expect: &[&str],
    ) {
        let calls = decided(&[entry("w1", retracting)], &told(&[("w1", seen)]), now);
        assert_eq!(named(&calls), expect);
    }

    #[test]
    fn what_was_done_is_not_said_again_and_is_taken_back() {
        let record = [entry("w1", false)];
        let mut told = told(&[
            ("w1", agent("w1", 1, &["other"])),
            ("w2", agent("w2", 1, &["other"])),
        ]);
        let first = decided(&record, &told, 1001);
        let Call::Schedule(schedule) = &first[0] else {
            panic!("{first:?}")
        };
        let start = schedule.windows[0].unavailability.start.nanoseconds / 1_000_000_000;
        assert_eq!(start, 1300, "frameworks are told until when they may take");
        told.schedule = schedule.clone();
        told.fleet.agents.get_mut("S-w1").unwrap().deactivated = true;
        assert_eq!(decided(&record, &told, 1002), []);
        // After a change of leader the agent is away for a moment.
        let away = Told {
            fleet: Fleet::default(),
            ..told.clone()
        };
        assert_eq!(decided(&record, &away, 1003), []);
        let back = [entry("w1", true)];
        assert_eq!(
            named(&decided(&back, &told, 1004)),
            ["schedule 0", "reactivate S-w1"]
        );
        assert!(!forgotten(&back[0], Some(&told), host("w1"), true));
        told.schedule = Schedule::default();
        told.fleet.agents.get_mut("S-w1").unwrap().deactivated = false;
        assert!(forgotten(&back[0], Some(&told), host("w1"), true));
        assert!(!forgotten(&back[0], None, host("w1"), true), "nobody says so");
        assert!(!forgotten(&back[0], Some(&away), host("w1"), true));
        assert!(!forgotten(&back[0], Some(&Told::default()), host("w1"), true));
        assert!(
            forgotten(&back[0], Some(&Told::default()), host("w1"), false),
            "it has left"
        );
    }

    #[test]
    fn a_machine_that_another_agent_stays_on_is_not_scheduled() {
        let told = told(&[("w1", agent("w1", 1, &["other"])), ("b1", agent("W1", 0, &[]))]);
        let calls = decided(&[entry("w1", false)], &told, 1001);
        assert_eq!(named(&calls), ["deactivate S-w1"]);
    }

    #[test]
    fn without_a_migration_nothing_is_announced() {
        let quiet = DrainingAgent {
            announced: false,
            ..entry("w1", false)
        };
        let told = told(&[("w1", agent("w1", 1, &["other"]))]);
        assert_eq!(calls(&[quiet], &told, None, host, None, at(9999)), []);
    }
}
