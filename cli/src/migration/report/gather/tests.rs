//! From statuses, as the operator writes them, to what the report says.

use super::*;
use mesolith_report::{Direction as Way, PhaseState};
use serde_json::{Value, json};

fn migration(spec: Value, status: Value) -> ZkMigration {
    let mut whole = json!({
        "apiVersion": "mesolith.io/v1alpha1", "kind": "ZkMigration",
        "metadata": {"name": "move", "namespace": "prod", "uid": "6f1c"},
        "spec": {"source": {"clusterRef": {"name": "a"}}, "target": {
            "zookeeper": {"nodes": "b[1-3]"}, "masters": {"nodes": "b[1-3]"}, "agents": {"nodes": "b[1-3]"}
        }},
        "status": status
    });
    for (name, value) in spec.as_object().unwrap() {
        whole["spec"][name] = value.clone();
    }
    serde_json::from_value(whole).unwrap()
}

fn entry(minute: u8, phase: &str, stage: &str, direction: &str, reason: &str) -> Value {
    json!({
        "time": format!("2026-03-01T10:{minute:02}:00Z"), "phase": phase, "stage": stage, "direction": direction,
        "reason": reason, "message": "so it is"
    })
}

fn approved(minute: u8, phase: &str) -> Value {
    let mut entry = entry(minute, phase, "Done", "Forward", "Approved");
    entry["by"] = json!("alice");
    entry["evidenceHash"] = json!("9f2c1e");
    entry
}

/// Name, direction, state and minutes of each time in a phase.
fn shown(report: &Report) -> Vec<(&str, Way, PhaseState, Option<i64>)> {
    let minutes = |from: Timestamp, to: Timestamp| to.duration_since(from).as_mins();
    let phases = report.phases.iter();
    phases
        .map(|phase| {
            let took = phase.ended_at.map(|ended| minutes(phase.started_at, ended));
            (phase.name.as_str(), phase.direction, phase.state, took)
        })
        .collect()
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

#[test]
fn every_time_in_a_phase_is_there_with_its_approval() {
    let object = migration(
        json!({"description": "to dc2", "rollback": {"reason": "latency of B"}}),
        json!({
            "phase": "DeployZk", "stage": "Done", "direction": "Back",
            "history": [
                entry(0, "DeployZk", "Acting", "Forward", "Started"),
                entry(5, "DeployZk", "Verifying", "Forward", "Acted"),
                entry(6, "DeployZk", "AwaitingApproval", "Forward", "Verified"),
                approved(10, "DeployZk"),
                entry(10, "DeployMasters", "Preflight", "Forward", "NextPhase"),
                entry(11, "DeployMasters", "Acting", "Forward", "Started"),
                entry(13, "DeployMasters", "Acting", "Back", "TurnedBack"),
                entry(14, "DeployMasters", "Verifying", "Back", "Acted"),
                entry(15, "DeployMasters", "Done", "Back", "Verified"),
                entry(15, "DeployZk", "Acting", "Back", "NextPhase"),
                entry(16, "DeployZk", "Verifying", "Back", "Acted"),
                entry(20, "DeployZk", "Done", "Back", "Verified")
            ],
            "phases": [{
                "id": 1, "name": "DeployZk", "startedAt": "2026-03-01T10:00:00Z", "healthChecks": {"quorum": "3/3"}
            }],
            "audit": {"head": "12:00ff"}
        }),
    );
    let report = report(&object, now());
    assert_eq!(
        shown(&report),
        [
            ("DeployZk", Way::Forward, PhaseState::Done, Some(10)),
            ("DeployMasters", Way::Forward, PhaseState::Abandoned, Some(2)),
            ("DeployMasters", Way::Back, PhaseState::Done, Some(2)),
            ("DeployZk", Way::Back, PhaseState::Done, Some(5)),
        ]
    );
    let first = &report.phases[0];
    assert_eq!(
        first.approval.as_ref().map(|given| given.by.as_str()),
        Some("alice")
    );
    assert_eq!(first.evidence.as_deref(), Some("quorum 3/3"));
    assert_eq!(report.outcome, Outcome::RolledBack);
    assert_eq!(report.ended_at, Some("2026-03-01T10:20:00Z".parse().unwrap()));
    assert_eq!(report.issues.len(), 1);
    assert_eq!(report.issues[0].message, "DeployMasters: latency of B");
    assert_eq!(
        (report.audit_head.as_deref(), report.tasks),
        (Some("12:00ff"), None)
    );
    assert!(report.markdown().contains("alice"), "{}", report.markdown());
}

#[test]
fn what_the_history_has_lost_comes_from_the_phases() {
    let object = migration(
        json!({"paused": true}),
        json!({
            "phase": "DeployMasters", "stage": "AwaitingApproval", "direction": "Forward",
            "history": [
                entry(30, "DeployMasters", "Acting", "Forward", "Started"),
                entry(40, "DeployMasters", "AwaitingApproval", "Forward", "Verified")
            ],
            "phases": [
                {
                    "id": 1, "name": "DeployZk", "startedAt": "2026-03-01T10:00:00Z",
                    "completedAt": "2026-03-01T10:20:00Z", "approvedBy": "bob"
                },
                {"id": 2, "name": "DeployMasters", "startedAt": "2026-03-01T10:30:00Z"},
                {"id": 3, "name": "RetireMasters"}
            ]
        }),
    );
    let report = report(&object, now());
    assert_eq!(
        shown(&report),
        [
            ("DeployZk", Way::Forward, PhaseState::Done, Some(20)),
            ("DeployMasters", Way::Forward, PhaseState::AwaitingApproval, None),
        ]
    );
    assert_eq!(report.phases[0].approval.as_ref().unwrap().by, "bob");
    assert_eq!((report.outcome, report.ended_at), (Outcome::Paused, None));
}

#[test]
fn figures_before_and_after_are_compared() {
    let object = migration(
        json!({}),
        json!({
            "phase": "RemoveZk", "stage": "Done", "direction": "Forward",
            "history": [entry(0, "DeployZk", "Acting", "Forward", "Started"), approved(50, "RemoveZk")],
            "before": {"tasks": 20, "agents": 3, "utilization": {"cpus": 40.0}, "leaderAnswerMs": 3.0},
            "tally": {
                "leader": "b1:5050", "total": {"tasks_killed": 20, "tasks_failed": 1, "tasks_lost": 1},
                "worstLag": {"p50Ms": 1.0, "p95Ms": 2.0, "p99Ms": 3.0, "maxMs": 9.5}
            },
            "sync": {"znodesSource": 1200, "conflicts": 0, "errors": 2},
            "phases": [{
                "id": 5, "name": "DrainAgents", "startedAt": "2026-03-01T10:30:00Z",
                "completedAt": "2026-03-01T10:40:00Z",
                "after": {"time": "2026-03-01T10:40:00Z", "tasks": 20, "agents": 4, "utilization": {"cpus": 30.0}}
            }],
            "preflight": [{"name": "SourceQuorum", "status": "Failed", "message": "2 of 3 serve"}]
        }),
    );
    let report = report(&object, now());
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(
        report.tasks,
        Some(Tasks {
            before: 20,
            after: 20,
            moved: Some(20),
            restarted: Some(20),
            failed: 2
        })
    );
    assert_eq!(
        report.sync,
        Some(Sync {
            znodes: 1200,
            changes: None,
            conflicts: 0,
            errors: 2
        })
    );
    assert_eq!(report.lag.unwrap().max_ms, 9.5);
    let cpus = &report.utilization[0];
    assert_eq!((cpus.before, cpus.after), (Some(40.0), Some(30.0)));
    let answer = report.metrics.last().unwrap();
    assert_eq!((answer.before, answer.after), (Some(3.0), None));
    assert_eq!(report.checks[0].result, CheckResult::Failed);
}

#[test]
fn one_that_has_not_begun_says_so() {
    let report = report(&migration(json!({}), json!({})), now());
    assert_eq!((report.outcome, report.phases.len()), (Outcome::InProgress, 0));
    assert!(report.markdown().contains("prod/move"));
}
