//! What a person sees.

use super::*;
use mesolith_crds::v1alpha1::ZkMigration;
use serde_json::{Value, json};

fn view(spec: Value, status: Value) -> View {
    let mut object = json!({
        "apiVersion": "mesolith.io/v1alpha1", "kind": "ZkMigration",
        "metadata": {"name": "to-dc2", "namespace": "prod"},
        "spec": {
            "source": {"clusterRef": {"name": "prod"}},
            "target": {"zookeeper": {"nodes": "zk1"}, "masters": {"nodes": "cp1"}, "agents": {"nodes": "w1"}}
        },
        "status": status
    });
    for (key, value) in spec.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    let object: ZkMigration = serde_json::from_value(object).unwrap();
    View::of(&object)
}

fn now() -> Timestamp {
    "2026-03-01T14:05:23Z".parse().unwrap()
}

#[test]
fn an_approval_that_waits_shows_what_it_signs_and_how() {
    let view = view(
        json!({"description": "to the new hall"}),
        json!({
            "phase": "DeployZk", "stage": "AwaitingApproval", "direction": "Forward", "since": "2026-03-01T14:02:11Z",
            "phases": [{"id": 1, "name": "DeployZk", "startedAt": "2026-03-01T13:52:00Z"}],
            "evidence": {
                "phase": "DeployZk", "hash": "9f2c1e", "summary": "quorum 3/3 · conflicts 0",
                "since": "2026-03-01T14:02:11Z", "facts": {"conflicts": "0", "quorum": "3/3"}
            },
            "waitingFor": [{
                "reason": "WaitingForApproval", "message": "approve DeployZk@9f2c1e",
                "command": "mesolith.io/approve=DeployZk@9f2c1e"
            }],
            "sync": {"state": "InSync", "lag": {"p95": "1.6ms"}, "znodesSource": 125_000, "diff": 0, "conflicts": 0},
            "tasks": {"source": 2113, "target": 0, "summary": "2113/0"},
            "leader": {"address": "10.0.1.12:5050", "since": "2026-03-01T14:05:00Z"},
            "alerts": [{
                "name": "SyncLagHigh", "severity": "Warning", "since": "2026-03-01T14:05:20Z", "message": "130 ms (P95)"
            }]
        }),
    );
    let expected = "\
to-dc2 (prod)  to the new hall
waiting for approval: 1/6 DeployZk, AwaitingApproval, for 3m12s

> 1 DeployZk       under way     13m
  2 DeployMasters
  3 RetireMasters
  4 DeployAgents
  5 DrainAgents
  6 RemoveZk

WAITING FOR
  approve DeployZk@9f2c1e (WaitingForApproval)
      mesolith.io/approve=DeployZk@9f2c1e

EVIDENCE 9f2c1e (DeployZk, since 2026-03-01T14:02:11Z)
  quorum 3/3 · conflicts 0
    conflicts                0
    quorum                   3/3
  approve it: mesos-migrate advance --migration-id=to-dc2 -n prod --phase=2 --evidence=9f2c1e --confirm

SYNC    InSync, lag P95 1.6ms, znodes A 125,000, diff 0, conflicts 0
TASKS   A 2,113, B 0
LEADER  10.0.1.12:5050, for 23s

ALERTS
  Warning SyncLagHigh for 3s: 130 ms (P95)
";
    assert_eq!(whole(&view, now()), expected);
}

#[test]
fn a_way_back_shows_where_it_ends() {
    let view = view(
        json!({"rollback": {"toPhase": "DeployZk"}}),
        json!({
            "phase": "DeployMasters", "stage": "Acting", "direction": "Back", "since": "2026-03-01T14:05:00Z",
            "phases": [
                {"id": 1, "name": "DeployZk", "startedAt": "2026-03-01T10:00:00Z", "completedAt": "2026-03-01T11:00:00Z",
                 "approvedBy": "alice@example.com"},
                {"id": 2, "name": "DeployMasters", "startedAt": "2026-03-01T11:00:00Z"},
                {"id": 3, "name": "RetireMasters", "startedAt": "2026-03-01T12:00:00Z",
                 "undoneAt": "2026-03-01T12:00:30Z"}
            ],
            "waitingFor": [{"reason": "WaitingForMasters", "message": "1 of 3 masters B is left"}]
        }),
    );
    let expected = "\
to-dc2 (prod)
going back: 2/6 DeployMasters, Acting, on the way back to phase 1, for 23s

  1 DeployZk       done          60m  approved by alice@example.com
> 2 DeployMasters  going back   3h5m
  3 RetireMasters  undone        30s
  4 DeployAgents
  5 DrainAgents
  6 RemoveZk

WAITING FOR
  1 of 3 masters B is left (WaitingForMasters)
";
    assert_eq!(whole(&view, now()), expected);
    assert_eq!(
        short(&view, now()),
        "2026-03-01T14:05:23Z going back  DeployMasters Acting back  1 of 3 masters B is left"
    );
}

#[test]
fn counted_work_has_an_end_only_when_its_speed_is_known() {
    let status = json!({
        "phase": "DrainAgents", "stage": "Acting", "direction": "Forward",
        "tasks": {"source": 1500, "target": 500, "summary": ""}
    });
    let view = view(json!({}), status);
    let line = |view: &View| {
        let text = whole(view, now());
        text.lines()
            .find(|line| line.starts_with("WORK"))
            .unwrap()
            .to_owned()
    };
    assert_eq!(line(&view), "WORK    500 of 2,000 tasks on agents B");
    let known = view.with_eta(Some(5400));
    assert_eq!(
        line(&known),
        "WORK    500 of 2,000 tasks on agents B, done in about 90m"
    );
}

#[test]
fn ages_are_short() {
    for (seconds, text) in [
        (-5, "0s"),
        (59, "59s"),
        (119, "119s"),
        (185, "3m5s"),
        (3600, "60m"),
        (4 * 3600 + 120, "4h2m"),
        (3 * 86_400, "3d"),
    ] {
        assert_eq!(span(SignedDuration::from_secs(seconds)), text);
    }
    assert_eq!(grouped(-1_234_567), "-1,234,567");
    assert_eq!(grouped(999), "999");
}
