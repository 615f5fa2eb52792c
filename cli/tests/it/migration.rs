//! `mesos-migrate` against a real Kubernetes API: what it does to the object, what it shows of it, and its exit codes.
//!
//! Nobody reconciles here: the tests write the status that an operator would.

mod support;

use mesolith_testkit::kube_dev;
use serde_json::json;
use support::{Api, awaiting, spec};

const PRD: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../migration/tests/golden/prd-19.3.yaml"
);

#[test]
fn a_file_becomes_a_migration_with_its_secret() {
    let api = Api::shared();
    let config = format!("--config={PRD}");
    let dry = api.migrate(&["start", &config, "--name=dry", "--dry-run"]);
    assert_eq!(dry.code, 0, "{dry:?}");
    assert!(
        dry.out.contains("the API server takes it; nothing was made"),
        "{dry:?}"
    );
    let left = api.kubectl(&["get", "zkm,secret", "dry", "dry-alerts", "--ignore-not-found"]);
    assert_eq!(left, "", "a dry run keeps nothing");

    let started = api.migrate(&["start", &config]);
    assert_eq!(started.code, 0, "{started:?}");
    for line in [
        "metadata.name: prod-zk-migration-2024-q1",
        "spec.orchestration.phaseTimeouts.drainAgents: 720m",
        "! nothing: the engine never gives up",
    ] {
        assert!(started.out.contains(line), "{line}: {started:?}");
    }
    assert!(
        !started.out.contains("hooks.slack.com"),
        "a secret is shown: {started:?}"
    );
    let object = api.object("prod-zk-migration-2024-q1");
    assert_eq!(object["spec"]["target"]["masters"]["nodes"], "master[1-3]");
    assert_eq!(object["spec"]["sync"]["paths"], json!(["/mesos", "/marathon"]));
    let secret = api.json(&["get", "secret", "prod-zk-migration-2024-q1-alerts"]);
    // https://hooks.slack.com/services/XXX
    assert_eq!(
        secret["data"]["slack"],
        "aHR0cHM6Ly9ob29rcy5zbGFjay5jb20vc2VydmljZXMvWFhY"
    );
    assert_eq!(
        secret["metadata"]["ownerReferences"][0]["uid"],
        object["metadata"]["uid"]
    );

    let again = api.migrate(&["start", &config, "-o", "json"]);
    assert_eq!(again.code, 6, "{again:?}");
    assert_eq!(again.json()["error"]["reason"], "AlreadyExists");
}

#[test]
fn what_cannot_be_followed_is_told_before_anything_is_made() {
    let api = Api::shared();
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = format!("--config={}", file.path().display());
    let text = std::fs::read_to_string(PRD).unwrap();
    std::fs::write(file.path(), text.replace("lag_threshold_ms", "lag_treshold_ms")).unwrap();
    let misspelt = api.migrate(&["start", &config, "--name=slip"]);
    assert_eq!(misspelt.code, 2, "{misspelt:?}");
    assert!(misspelt.err.contains("lag_treshold_ms"), "{misspelt:?}");

    // The API server's own words: a lag of nothing.
    std::fs::write(
        file.path(),
        text.replace("lag_threshold_ms: 100", "lag_threshold_ms: 0"),
    )
    .unwrap();
    let refused = api.migrate(&["start", &config, "--name=slip"]);
    assert_eq!(refused.code, 6, "{refused:?}");
    assert!(
        refused.err.contains("sync.lagThreshold must be more than 0s"),
        "{refused:?}"
    );
    assert_eq!(api.migrate(&["status", "slip"]).code, 5, "nothing was made");
}

#[test]
fn an_approval_is_of_the_evidence_that_is_shown() {
    let api = Api::shared();
    api.create("evidence", spec(), awaiting("DeployZk", "9f2c1e"));
    let status = api.migrate(&["status", "--migration-id=evidence"]);
    assert_eq!(status.code, 3, "{status:?}");
    for line in [
        "waiting for approval: 1/6 DeployZk, AwaitingApproval",
        "EVIDENCE 9f2c1e (DeployZk",
        "quorum 3/3 · conflicts 0",
        "mesos-migrate advance --migration-id=evidence -n default --phase=2 --evidence=9f2c1e --confirm",
    ] {
        assert!(status.out.contains(line), "{line}: {}", status.out);
    }

    let annotation = |name: &str| api.object("evidence")["metadata"]["annotations"][name].clone();
    let asked = api.migrate(&["advance", "--migration-id=evidence", "--phase=2"]);
    assert_eq!(asked.code, 3, "{asked:?}");
    assert!(asked.out.contains("EVIDENCE 9f2c1e"), "{asked:?}");
    assert!(asked.err.contains("nothing was approved"), "{asked:?}");
    let skipped = api.migrate(&["advance", "--migration-id=evidence", "--phase=3", "--confirm"]);
    assert_eq!(skipped.code, 6, "{skipped:?}");
    let stale = api.migrate(&["advance", "evidence", "--evidence=000000", "--confirm", "-o=json"]);
    assert_eq!(stale.code, 6, "{stale:?}");
    assert_eq!(stale.json()["error"]["reason"], "StaleEvidence");
    assert!(
        annotation("mesolith.io/approve").is_null(),
        "nothing was approved so far"
    );

    let approved = api.migrate(&["advance", "--migration-id=evidence", "--phase=2", "--confirm"]);
    assert_eq!(approved.code, 0, "{approved:?}");
    let (evidence, said) = (
        approved.out.find("EVIDENCE 9f2c1e"),
        approved.out.find("approved DeployZk@9f2c1e"),
    );
    assert!(
        evidence.is_some() && evidence < said,
        "the evidence comes first: {approved:?}"
    );
    assert_eq!(annotation("mesolith.io/approve"), "DeployZk@9f2c1e");
    assert_eq!(annotation("mesolith.io/approved-by"), "admin");
    let again = api.migrate(&["advance", "evidence", "--confirm", "-o=json"]);
    assert_eq!(
        (again.code, again.json()["changed"].clone()),
        (0, json!(false)),
        "{again:?}"
    );

    api.status(
        "evidence",
        json!({"phase": "DeployMasters", "stage": "Acting", "direction": "Forward"}),
    );
    let early = api.migrate(&["advance", "evidence", "--confirm"]);
    assert_eq!(early.code, 6, "{early:?}");
    assert!(
        early
            .err
            .contains("waits for no approval: DeployMasters is in stage Acting"),
        "{early:?}"
    );
}

#[test]
fn what_kubectl_does_is_shown_and_the_other_way_round() {
    let api = Api::shared();
    let acting = json!({"phase": "RetireMasters", "stage": "Acting", "direction": "Forward"});
    api.create("both-ways", spec(), acting);
    let state = || api.migrate(&["status", "default/both-ways", "-o=json"]).json()["state"].clone();
    assert_eq!(state(), "running");
    api.kubectl(&[
        "patch",
        "zkm",
        "both-ways",
        "--type=merge",
        "-p",
        r#"{"spec":{"paused":true}}"#,
    ]);
    assert_eq!(state(), "paused");
    assert_eq!(api.migrate(&["resume", "both-ways"]).code, 0);
    assert_eq!(api.object("both-ways")["spec"]["paused"], false);
    assert_eq!(api.migrate(&["pause", "both-ways"]).code, 0);
    assert_eq!(api.object("both-ways")["spec"]["paused"], true);
    assert_eq!(api.migrate(&["resume", "both-ways"]).code, 0);

    let nowhere = api.migrate(&["rollback", "--migration-id=both-ways", "--to-phase=3"]);
    assert_eq!(nowhere.code, 6, "{nowhere:?}");
    let back = api.migrate(&[
        "rollback",
        "--migration-id=both-ways",
        "--to-phase=1",
        "--reason=slow disks",
    ]);
    assert_eq!(back.code, 0, "{back:?}");
    assert!(
        back.out
            .contains("going back from RetireMasters to DeployZk: start masters A"),
        "{back:?}"
    );
    assert_eq!(
        api.object("both-ways")["spec"]["rollback"],
        json!({"toPhase": "DeployZk", "reason": "slow disks"})
    );
    let other = api.migrate(&["rollback", "both-ways"]);
    assert_eq!(other.code, 6, "{other:?}");
    api.status(
        "both-ways",
        json!({"phase": "DeployMasters", "stage": "Done", "direction": "Back"}),
    );
    assert_eq!(state(), "rolled_back");
    assert_eq!(api.migrate(&["resume", "both-ways"]).code, 0);
    assert!(
        api.object("both-ways")["spec"]["rollback"].is_null(),
        "it goes forward again"
    );
}

#[test]
fn a_watch_follows_every_change_to_the_end() {
    let api = Api::shared();
    api.create("watched", spec(), awaiting("DrainAgents", "abc123"));
    let mut watch = api.follow(&["status", "watched", "--watch", "-o=json"]);
    assert_eq!(watch.line()["stage"], "AwaitingApproval");
    api.status(
        "watched",
        json!({"phase": "RemoveZk", "stage": "Acting", "direction": "Forward"}),
    );
    assert_eq!(watch.line()["phase"], "RemoveZk");
    api.status(
        "watched",
        json!({"phase": "RemoveZk", "stage": "Done", "direction": "Forward"}),
    );
    assert_eq!(watch.line()["state"], "succeeded");
    assert_eq!(watch.end(), 0);
}

#[test]
fn an_approval_is_followed_until_a_person_is_waited_for_again() {
    let api = Api::shared();
    api.create("followed", spec(), awaiting("DeployZk", "9f2c1e"));
    let mut watch = api.follow(&["advance", "followed", "--confirm", "--watch", "-o=json"]);
    assert_eq!(watch.line()["changed"], true);
    // The operator has not seen it yet.
    assert_eq!(watch.line()["state"], "waiting_for_approval");
    api.status(
        "followed",
        json!({"phase": "DeployMasters", "stage": "Acting", "direction": "Forward"}),
    );
    assert_eq!(watch.line()["state"], "running");
    api.status("followed", awaiting("DeployMasters", "abc123"));
    assert_eq!(watch.line()["evidence"]["hash"], "abc123");
    assert_eq!(watch.end(), 3);
}

#[test]
fn exit_codes_tell_who_has_to_act() {
    let api = Api::shared();
    let condition = json!([{
        "type": "Ready", "status": "False", "reason": "PreflightFailed", "message": "3 of 4 checks passed",
        "lastTransitionTime": "2026-03-01T14:02:11Z"
    }]);
    let checks = json!([
        {"name": "SourceQuorum", "status": "Passed", "message": "3 of 3"},
        {"name": "TargetNodes", "status": "Failed", "reason": "NodeUnreachable", "message": "0 of 3 nodes are ready"}
    ]);
    api.create(
        "stuck",
        spec(),
        json!({"phase": "DeployZk", "stage": "Preflight", "conditions": condition, "preflight": checks}),
    );
    assert_eq!(api.migrate(&["status", "stuck"]).code, 4);
    let checks = api.migrate(&["validate", "stuck"]);
    assert_eq!(checks.code, 4, "{checks:?}");
    assert!(checks.out.contains("NodeUnreachable"), "{checks:?}");
    assert_eq!(api.migrate(&["validate", "stuck", "--only=SourceQuorum"]).code, 0);
    assert_eq!(api.migrate(&["validate", "stuck", "--only=Weather"]).code, 2);
    assert_eq!(api.migrate(&["status", "nobody"]).code, 5);
    assert_eq!(api.migrate(&["advance", "--phase=9", "stuck"]).code, 2);
    assert_eq!(api.migrate(&["advance", "--confirm"]).code, 2, "no name");
    let stranger = api.migrate_as("stranger", &["status", "stuck", "-o=json"]);
    assert_eq!(stranger.code, 1, "{stranger:?}");
    assert_eq!(stranger.json()["error"]["reason"], "Forbidden");
    let listed = api.migrate(&["status"]);
    assert_eq!(listed.code, 0);
    assert!(
        listed.out.starts_with("NAME ") && listed.out.contains("\nstuck "),
        "{listed:?}"
    );
}

#[test]
fn kubectl_finds_it_as_its_plugin() {
    let api = Api::shared();
    api.create("plugged", spec(), awaiting("DeployZk", "9f2c1e"));
    let bin = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(
        env!("CARGO_BIN_EXE_mesolith"),
        bin.path().join("kubectl-mesolith"),
    )
    .unwrap();
    let output = std::process::Command::new(kube_dev().unwrap())
        .args(["kubectl", "mesolith", "status", "plugged", "--output=yaml"])
        .env("PATH", bin.path())
        .env("KUBECONFIG", api.kubeconfig())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(out.contains("state: waiting_for_approval"), "{output:?}");
}

#[test]
fn shells_complete_its_verbs() {
    let script = support::program("mesos-migrate", &["completion", "bash"]);
    assert_eq!(script.code, 0, "{script:?}");
    for word in ["mesos-migrate", "rollback", "--to-phase"] {
        assert!(script.out.contains(word), "{word}");
    }
}
