//! What is shown of a migration.

use super::object::{at, awaiting, migration, waits};
use mesolith_migration::{PhaseState, State, View};
use rstest::rstest;
use serde_json::{Value, json};

#[test]
fn it_has_the_fields_of_the_data_model() {
    let mut status = waits("DeployMasters");
    status["phases"] = json!([
        {"id": 1, "name": "DeployZk", "startedAt": "2026-03-01T14:00:00Z", "completedAt": "2026-03-01T14:02:11Z",
         "approvedBy": "alice"},
        {"id": 2, "name": "DeployMasters", "startedAt": "2026-03-01T14:02:11Z", "healthChecks": {"masters": "3/3"}}
    ]);
    status["sync"] = json!({
        "state": "InSync", "lag": {"p95": "1.6ms", "p50": "400ms"}, "znodesSource": 125000, "znodesSynced": 125000,
        "conflicts": 0, "lastSync": "2026-03-01T14:02:10Z"
    });
    let view = serde_json::to_value(View::of(&migration(json!({}), status))).unwrap();
    assert_eq!(view["migration_id"], "to-dc2");
    assert_eq!(view["current_phase"], 2);
    assert_eq!(view["state"], "waiting_for_approval");
    assert_eq!(view["phases"][0]["status"], "completed");
    assert_eq!(view["phases"][1]["status"], "in_progress");
    assert_eq!(view["phases"][1]["health_checks"]["masters"], "3/3");
    assert_eq!(view["phases"][5]["status"], "pending");
    assert_eq!(view["source_cluster"]["mesos_masters"][0], "a1:5050");
    assert_eq!(view["sync_metrics"]["lag_ms"], 1.6);
    assert_eq!(view["sync_metrics"]["lag_p50_ms"], 400.0);
    assert_eq!(view["sync_metrics"]["znodes_synced"], 125_000);
    assert_eq!(
        view["sync_metrics"].get("lag_p99_ms"),
        None,
        "what is not known is absent"
    );
    assert_eq!(view.get("progress"), None, "nothing is counted while it waits");
}

#[rstest]
#[case::new(json!({}), json!({}), State::New)]
#[case::runs(json!({}), at("DeployMasters", "Acting", "Forward"), State::Running)]
#[case::back(json!({"rollback": {}}), at("DeployMasters", "Acting", "Back"), State::GoingBack)]
#[case::between_two_ways_back(json!({"rollback": {}}), at("DeployMasters", "Done", "Back"), State::GoingBack)]
#[case::paused(json!({"paused": true}), at("DeployMasters", "Acting", "Forward"), State::Paused)]
#[case::waits(json!({}), waits("DeployZk"), State::WaitingForApproval)]
#[case::succeeded(json!({}), at("RemoveZk", "Done", "Forward"), State::Succeeded)]
#[case::gone_back(json!({"rollback": {}}), at("DeployZk", "Done", "Back"), State::RolledBack)]
#[case::gone_back_to(json!({"rollback": {"toPhase": "DeployZk"}}), at("DeployMasters", "Done", "Back"), State::RolledBack)]
#[case::a_person(
    json!({}),
    json!({"phase": "DeployMasters", "stage": "Acting", "waitingFor": [
        {"reason": "WaitingForMasters", "message": "2 of 3", "command": "systemctl start mesos-master"}]}),
    State::WaitingForPerson
)]
#[case::not_ready(
    json!({}),
    json!({"phase": "DeployZk", "stage": "Preflight", "conditions": [
        {"type": "Ready", "status": "False", "reason": "PreflightFailed", "message": "3 of 4",
         "lastTransitionTime": "2026-03-01T14:02:11Z"}]}),
    State::Stuck
)]
#[case::stalled(
    json!({}),
    json!({"phase": "DrainAgents", "stage": "Acting", "conditions": [
        {"type": "Stalled", "status": "True", "reason": "PhaseTimeout", "message": "for longer than 3600 s",
         "lastTransitionTime": "2026-03-01T14:02:11Z"}]}),
    State::Stuck
)]
fn one_word_says_who_has_to_act(#[case] spec: Value, #[case] status: Value, #[case] expected: State) {
    assert_eq!(View::of(&migration(spec, status)).state, expected);
}

#[test]
fn only_counted_work_is_progress() {
    let mut status = at("DrainAgents", "Acting", "Forward");
    status["tasks"] = json!({"source": 15, "target": 5});
    let progress = View::of(&migration(json!({}), status.clone())).progress.unwrap();
    assert_eq!((progress.done, progress.total), (5, 20));
    let repoint = migration(json!({"agentStrategy": "Repoint"}), status);
    assert_eq!(View::of(&repoint).progress, None, "no task moves");
    assert_eq!(View::of(&awaiting()).progress, None);
}

#[test]
fn a_phase_that_is_undone_says_so() {
    let mut status = at("DeployMasters", "Acting", "Back");
    status["phases"] = json!([
        {"id": 1, "name": "DeployZk", "startedAt": "2026-03-01T14:00:00Z", "completedAt": "2026-03-01T14:02:11Z"},
        {"id": 2, "name": "DeployMasters", "startedAt": "2026-03-01T14:02:11Z"},
        {"id": 3, "name": "RetireMasters", "startedAt": "2026-03-01T14:03:11Z", "undoneAt": "2026-03-01T14:04:11Z"}
    ]);
    let view = View::of(&migration(json!({"rollback": {}}), status));
    let states: Vec<PhaseState> = view.phases.iter().take(4).map(|phase| phase.status).collect();
    use PhaseState::{Completed, GoingBack, Pending, Undone};
    assert_eq!(states, [Completed, GoingBack, Undone, Pending]);
}
