//! Tables: what a person sees in each situation.

use super::super::super::decide::{Decision, Rules, decide};
use super::super::super::fixtures::*;
use super::super::super::leader::LeaderFacts;
use super::super::super::model::{Desired, World};
use super::*;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use mesolith_crds::v1alpha1::MesosClusterStatus;
use std::collections::BTreeMap;

fn report(wanted: &Desired, world: &World) -> (Vec<Finding>, MesosClusterStatus) {
    looking(wanted, world, |seen| {
        let before = MesosClusterStatus::default();
        (findings(seen), super::super::status::status(&before, seen))
    })
}

fn looking<T>(wanted: &Desired, world: &World, look: impl FnOnce(&Seen<'_>) -> T) -> T {
    let decision: Decision = decide(wanted, world, &Rules::default());
    let sides = sides(&three_nodes());
    let ids = crate::nodes::Ids::default();
    let leader = LeaderFacts::default();
    let seen = Seen {
        adoption: None,
        sides: &sides,
        desired: wanted,
        world,
        decision: &decision,
        leader: &leader,
        ids: &ids,
        draining: &[],
        overdue: None,
        paused: false,
    };
    look(&seen)
}

fn of<'a>(findings: &'a [Finding], kind: &str) -> (&'static str, &'a str, &'a str) {
    let finding = findings.iter().find(|f| f.kind == kind).unwrap();
    let truth = match finding.truth {
        Truth::True => "True",
        Truth::False => "False",
        Truth::Unknown => "Unknown",
    };
    (truth, finding.reason.as_str(), &finding.message)
}

#[test]
fn everything_serves() {
    let wanted = desired(three_nodes());
    let (findings, status) = report(&wanted, &serving(&wanted));
    assert_eq!(
        of(&findings, "Ready"),
        (
            "True",
            "AllServing",
            "3 ZooKeeper servers, 3 masters, 2 agents serve"
        )
    );
    assert_eq!(of(&findings, "Reconciling").0, "False");
    assert_eq!(of(&findings, "Stalled").0, "False");
    assert_eq!(status.masters.unwrap().summary, "3/3");
    assert_eq!(status.agents.unwrap().summary, "2/2");
    assert!(status.nodes.iter().all(|n| n.ready) && status.nodes.len() == 5);
}

#[test]
fn an_unreachable_node_comes_with_its_remedy() {
    let wanted = desired(three_nodes());
    let mut world = serving(&wanted);
    cut_off(&mut world, "cp3");
    let (findings, status) = report(&wanted, &world);
    let (truth, reason, message) = of(&findings, "Ready");
    assert_eq!((truth, reason), ("False", "WaitingForQuorum"));
    assert_eq!(
        message,
        "2 of 3 ZooKeeper servers up; cp3 (192.0.2.1:7070): connection refused. Is the node agent running? systemctl status mesolith-agent"
    );
    assert_eq!(of(&findings, "NodesReachable").1, "NodeUnreachable");
    assert_eq!(
        (status.nodes[0].name.as_str(), status.nodes[0].ready),
        ("cp3", false),
        "attention first"
    );
}

#[test]
fn what_a_node_says_of_a_component_is_the_reason_unchanged() {
    let wanted = desired(three_nodes());
    let mut world = serving(&wanted);
    let message = "port 2181 is taken by pid 4711 (java); stop it or change spec.zookeeper.clientPort";
    set_phase(
        &mut world,
        "cp1",
        Kind::ZooKeeper,
        Phase::Failed,
        Reason::PortInUse,
        message,
    );
    let (findings, _) = report(&wanted, &world);
    assert_eq!(of(&findings, "ZooKeeperReady").1, "PortInUse");
    let (_, reason, text) = of(&findings, "Ready");
    assert_eq!(reason, "PortInUse");
    assert!(text.contains(message), "{text}");
    assert_eq!(of(&findings, "Stalled").1, "PortInUse");
}

#[test]
fn a_component_with_a_fault_hides_behind_none_that_waits() {
    let wanted = desired(three_nodes());
    let mut world = serving(&wanted);
    set_phase(
        &mut world,
        "w1",
        Kind::Agent,
        Phase::Starting,
        Reason::WaitingForQuorum,
        "no master found yet",
    );
    set_phase(
        &mut world,
        "w2",
        Kind::Agent,
        Phase::Failed,
        Reason::DockerUnavailable,
        "no Docker engine; apt install docker.io",
    );
    let (findings, _) = report(&wanted, &world);
    let (_, reason, message) = of(&findings, "AgentsReady");
    assert_eq!(
        (reason, message),
        (
            "DockerUnavailable",
            "0 of 2 agents up; agent of w2: no Docker engine; apt install docker.io"
        )
    );
}

#[test]
fn the_start_of_a_cluster_names_what_is_waited_for() {
    let wanted = desired(three_nodes());
    let mut world = empty_world(&wanted);
    let (findings, _) = report(&wanted, &world);
    assert_eq!(of(&findings, "Ready").1, "WaitingForQuorum");
    assert_eq!(of(&findings, "Reconciling").1, "Rolling");
    world = serving(&wanted);
    ledger(&mut world, "cp2")
        .parts
        .get_mut(&Kind::Master.into())
        .unwrap()
        .facts
        .clear();
    let (findings, _) = report(&wanted, &world);
    assert_eq!(of(&findings, "Ready").1, "WaitingForLeader");
}

#[test]
fn nodes_that_have_not_answered_yet_are_unknown_and_not_unreachable() {
    let wanted = desired(three_nodes());
    let mut world = serving(&wanted);
    world.nodes.insert("w1".into(), NodeView::Unknown);
    let (findings, _) = report(&wanted, &world);
    assert_eq!(
        of(&findings, "NodesReachable"),
        ("Unknown", "WaitingForAnswer", "w1: no answer yet")
    );
}

#[test]
fn what_was_written_holds_until_every_node_had_its_say() {
    let wanted = desired(three_nodes());
    let serving = serving(&wanted);
    let mut asking = serving.clone();
    asking.nodes.insert("w1".into(), NodeView::Unknown);
    let condition = Condition {
        type_: "Ready".into(),
        status: "True".into(),
        reason: "AllServing".into(),
        message: String::new(),
        observed_generation: Some(3),
        last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
    };
    let told = MesosClusterStatus {
        observed_generation: Some(3),
        conditions: vec![condition],
        ..MesosClusterStatus::default()
    };
    let holds = |world: &World, generation, before: &MesosClusterStatus| {
        looking(&wanted, world, |seen| {
            super::super::is_asking(Some(generation), before, seen)
        })
    };
    assert!(holds(&asking, 3, &told));
    assert!(!holds(&serving, 3, &told), "all have answered");
    assert!(!holds(&asking, 4, &told), "nothing was said of this spec");
    assert!(
        !holds(&asking, 3, &MesosClusterStatus::default()),
        "nothing was said at all"
    );
}

#[test]
fn a_deletion_counts_tasks_and_names_the_machine_that_cannot_be_reached() {
    let managed: BTreeMap<String, String> = ["w1", "w2"].map(|n| (n.to_owned(), "h:1".to_owned())).into();
    let tasks = Problem::new(Reason::StoppingTasks, "w1: 3 tasks are being stopped");
    let (reason, found) = deleting(&managed, std::slice::from_ref(&tasks));
    let progress = "w1: 3 tasks are being stopped; 2 nodes left to clean: w1, w2";
    assert_eq!(reason, Reason::StoppingTasks);
    assert_eq!(of(&found, "Ready"), ("False", "StoppingTasks", progress));
    assert_eq!(of(&found, "Reconciling"), ("True", "Deleting", progress));
    let (reason, found) = deleting(
        &managed,
        &[
            tasks,
            Problem::new(Reason::NodeUnreachable, "w2 (h:1): no answer"),
        ],
    );
    assert_eq!(reason, Reason::NodeUnreachable);
    assert_eq!(
        of(&found, "Stalled"),
        ("True", "NodeUnreachable", "w2 (h:1): no answer")
    );
    assert_eq!(of(&found, "Reconciling"), ("True", "Deleting", progress));
    let (reason, found) = deleting(&managed, &[]);
    assert_eq!((reason, of(&found, "Ready").1), (Reason::Deleting, "Deleting"));
}
