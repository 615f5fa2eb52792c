//! What each action writes in each situation, and when it is refused.

use super::object::{at, awaiting, migration, waits};
use mesolith_crds::v1alpha1::zk_migration::Phase;
use mesolith_migration::{Refused, advance, pause, resume, roll_back};
use rstest::rstest;
use serde_json::{Value, json};

#[test]
fn an_approval_signs_the_evidence_that_is_shown() {
    let approval = advance(&awaiting(), Some(Phase::DeployMasters), Some("9f2c1e")).unwrap();
    assert_eq!(approval.signed(), "DeployZk@9f2c1e");
    let change = approval.change(Some("alice"));
    assert_eq!(
        change.patch,
        Some(json!({"metadata": {"annotations": {
            "mesolith.io/approve": "DeployZk@9f2c1e", "mesolith.io/approved-by": "alice"
        }}}))
    );
    assert_eq!(
        change.says,
        "to-dc2: approved DeployZk@9f2c1e; DeployMasters (2) begins"
    );
    let mut given = awaiting();
    let annotation = ("mesolith.io/approve".to_owned(), "DeployZk@9f2c1e".to_owned());
    given.metadata.annotations = Some([annotation].into());
    let again = advance(&given, None, None).unwrap().change(Some("bob"));
    assert_eq!(
        again.patch, None,
        "an approval is not given twice, nor by another"
    );
}

#[rstest]
#[case::acting(at("DeployMasters", "Acting", "Forward"), None, None, "NothingWaits")]
#[case::back(at("DeployMasters", "Acting", "Back"), None, None, "GoesBack")]
#[case::no_status(json!({}), None, None, "NotSeen")]
#[case::its_own_number(waits("DeployZk"), Some(1), None, "NotNext")]
#[case::too_far(waits("DeployZk"), Some(3), None, "NotNext")]
#[case::nothing_after_the_last(waits("RemoveZk"), Some(6), None, "NotNext")]
#[case::old_evidence(waits("DeployZk"), Some(2), Some("000000"), "StaleEvidence")]
fn what_opens_nothing_is_refused(
    #[case] status: Value,
    #[case] next: Option<u8>,
    #[case] evidence: Option<&str>,
    #[case] reason: &str,
) {
    let object = migration(json!({}), status);
    let error = advance(&object, next.and_then(Phase::from_number), evidence).unwrap_err();
    assert_eq!(error.reason(), reason);
}

#[test]
fn a_refusal_says_where_it_is() {
    let mut status = at("DeployMasters", "Acting", "Forward");
    status["waitingForSummary"] = "2 of 3 masters in the group".into();
    let said = |error: Refused| error.to_string();
    assert_eq!(
        said(advance(&migration(json!({}), status), None, None).unwrap_err()),
        "to-dc2 waits for no approval: DeployMasters is in stage Acting: 2 of 3 masters in the group"
    );
    assert_eq!(
        said(advance(&awaiting(), Some(Phase::RetireMasters), None).unwrap_err()),
        "to-dc2 cannot begin RetireMasters (3) now: DeployZk waits for its approval, and DeployMasters (2) comes after it"
    );
}

#[rstest]
#[case::one_back(
    at("RetireMasters", "Acting", "Forward"),
    Some(Phase::DeployZk),
    "to-dc2: going back from RetireMasters to DeployZk: start masters A (3), verify leader, then stop masters B (3). \
     No task is touched. --watch to follow"
)]
#[case::a_phase_that_has_not_begun(
    at("RetireMasters", "Preflight", "Forward"),
    Some(Phase::DeployZk),
    "to-dc2: going back from RetireMasters to DeployZk: stop masters B (3). No task is touched. --watch to follow"
)]
#[case::with_tasks(
    json!({"phase": "DrainAgents", "stage": "Acting", "tasks": {"source": 1, "target": 20}}), Some(Phase::RetireMasters),
    "to-dc2: going back from DrainAgents to RetireMasters: let agents A take tasks again, then drain and stop agents B. \
     20 tasks move back to agents A. --watch to follow"
)]
#[case::all_the_way(
    waits("DeployZk"),
    None,
    "to-dc2: going back from DeployZk to the start: stop the sync engine, archive and stop ensemble B. No task is \
     touched. --watch to follow"
)]
#[case::before_the_start(
    at("DeployZk", "Preflight", "Forward"),
    None,
    "to-dc2: nothing was done yet, and nothing begins"
)]
#[case::from_the_end(
    at("RemoveZk", "Done", "Forward"),
    Some(Phase::DrainAgents),
    "to-dc2: going back from RemoveZk to DrainAgents: start ensemble A again and fill it from B. No task is touched. \
     --watch to follow"
)]
fn going_back_says_what_it_does(#[case] status: Value, #[case] keep: Option<Phase>, #[case] says: &str) {
    let change = roll_back(&migration(json!({}), status), keep, Some("slow disks")).unwrap();
    assert_eq!(change.says, says);
    let keep = keep.map(|phase| phase.to_string());
    assert_eq!(
        change.patch,
        Some(json!({"spec": {"rollback": {"toPhase": keep, "reason": "slow disks"}}}))
    );
}

#[rstest]
#[case::not_reached(json!({}), at("DeployMasters", "Acting", "Forward"), 2, "NothingToGoBack")]
#[case::not_begun(json!({}), at("DeployMasters", "Preflight", "Forward"), 1, "NothingToGoBack")]
#[case::elsewhere(json!({"rollback": {"toPhase": "DeployZk"}}), at("RetireMasters", "Acting", "Back"), 2, "OtherRollback")]
#[case::ended(json!({"rollback": {"toPhase": "DeployMasters"}}), at("RetireMasters", "Done", "Back"), 1, "RollbackEnded")]
fn a_way_back_that_makes_no_sense_is_refused(
    #[case] spec: Value,
    #[case] status: Value,
    #[case] keep: u8,
    #[case] reason: &str,
) {
    let object = migration(spec, status);
    let error = roll_back(&object, Phase::from_number(keep), None).unwrap_err();
    assert_eq!(error.reason(), reason);
}

#[test]
fn pausing_and_going_on() {
    let runs = migration(json!({}), at("DeployMasters", "Acting", "Forward"));
    let paused = migration(json!({"paused": true}), at("DeployMasters", "Acting", "Forward"));
    assert_eq!(
        pause(&runs).unwrap().patch,
        Some(json!({"spec": {"paused": true}}))
    );
    assert_eq!(pause(&paused).unwrap().patch, None);
    assert_eq!(
        resume(&paused).unwrap().patch,
        Some(json!({"spec": {"paused": false}}))
    );
    assert_eq!(resume(&runs).unwrap().patch, None);
    let rollback = json!({"rollback": {"toPhase": "DeployZk"}});
    let under_way = migration(rollback.clone(), at("DeployMasters", "Acting", "Back"));
    assert_eq!(
        resume(&under_way).unwrap().patch,
        None,
        "a way back is gone to its end"
    );
    let ended = migration(rollback, at("DeployMasters", "Done", "Back"));
    assert_eq!(
        resume(&ended).unwrap().patch,
        Some(json!({"spec": {"rollback": null, "paused": false}}))
    );
}

#[test]
fn an_object_that_is_being_deleted_takes_no_wishes() {
    let mut object = awaiting();
    object.metadata.deletion_timestamp = Some(serde_json::from_value(json!("2026-03-01T14:02:11Z")).unwrap());
    let refused = [
        advance(&object, None, None).map(drop),
        roll_back(&object, None, None).map(drop),
        pause(&object).map(drop),
        resume(&object).map(drop),
    ];
    for refusal in refused {
        assert_eq!(refusal.unwrap_err().reason(), "Deleted");
    }
}

#[test]
fn a_phase_is_named_by_number_or_name() {
    assert_eq!(mesolith_migration::phase("3"), Ok(Phase::RetireMasters));
    assert_eq!(
        mesolith_migration::phase("retiremasters"),
        Ok(Phase::RetireMasters)
    );
    let error = mesolith_migration::phase("7").unwrap_err();
    assert!(
        error.starts_with("\"7\" is no phase; they are 1 DeployZk, 2 "),
        "{error}"
    );
}
