//! Which entries there are, and that none is lost or written twice wherever an operator is killed.

use super::log::missing;
use super::*;
use crate::zk_migration::ABANDON_ANNOTATION;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use mesolith_audit::{end_of, verify};
use mesolith_crds::v1alpha1::ZkMigrationSpec;
use mesolith_crds::v1alpha1::zk_migration::{Direction, Rollback, Stage, Waiting};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_772_000_000 + second).unwrap()
}

fn migration(annotations: &[(&str, &str)]) -> ZkMigration {
    let mut object = ZkMigration::new("move", ZkMigrationSpec::default());
    object.metadata.uid = Some("6f1c".to_owned());
    let pairs = annotations
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()));
    object.metadata.annotations = Some(pairs.collect());
    object
}

fn status(stage: Stage, direction: Direction) -> ZkMigrationStatus {
    ZkMigrationStatus {
        phase: Some(Phase::DeployMasters),
        stage: Some(stage),
        direction: Some(direction),
        ..ZkMigrationStatus::default()
    }
}

/// After a move.
fn moved(reason: Reason, by: Option<&str>, direction: Direction) -> ZkMigrationStatus {
    let mut after = status(Stage::Acting, direction);
    after.history.push(HistoryEntry {
        phase: after.phase,
        stage: after.stage,
        direction: after.direction,
        reason: reason.to_string(),
        message: "so it is".to_owned(),
        by: by.map(str::to_owned),
        evidence_hash: by.map(|_| "9f2c1e".to_owned()),
        ..HistoryEntry::default()
    });
    after
}

fn waits(reason: Reason, message: &str) -> ZkMigrationStatus {
    ZkMigrationStatus {
        waiting_for: vec![Waiting {
            reason: reason.to_string(),
            message: message.to_owned(),
            command: None,
        }],
        ..status(Stage::AwaitingApproval, Direction::Forward)
    }
}

/// Cause and user of each.
fn said(entries: &[Entry]) -> Vec<(&str, &str)> {
    entries
        .iter()
        .map(|entry| (entry.cause.as_str(), entry.user.as_str()))
        .collect()
}

#[test]
fn every_move_names_who_it_was() {
    let object = migration(&[(ASKED_BY_ANNOTATION, "bob"), (APPROVED_BY_ANNOTATION, "alice")]);
    let before = status(Stage::AwaitingApproval, Direction::Forward);
    let of = |after: &ZkMigrationStatus| entries(&object, &before, after, &[], at(0));
    let approved = of(&moved(Reason::Approved, Some("alice"), Direction::Forward));
    assert_eq!(said(&approved), [("Approved", "alice")]);
    assert_eq!(
        approved[0].what,
        "DeployMasters AwaitingApproval Forward to DeployMasters Acting Forward: so it is; evidence 9f2c1e"
    );
    assert_eq!(approved[0].phase.as_deref(), Some("DeployMasters"));
    let back = moved(Reason::TurnedBack, None, Direction::Back);
    assert_eq!(said(&of(&back)), [("TurnedBack", "bob")]);
    let by_itself = moved(Reason::TimedOut, None, Direction::Back);
    assert_eq!(said(&of(&by_itself)), [("TimedOut", OPERATOR)]);
    assert_eq!(said(&entries(&object, &by_itself, &by_itself, &[], at(1))), []);
    let nameless = migration(&[]);
    let found = entries(&nameless, &before, &back, &[], at(0));
    assert_eq!(said(&found), [("TurnedBack", SOMEBODY)]);
    let mut why = migration(&[]);
    why.spec.rollback = Some(Rollback {
        reason: Some("latency\u{7}\nof B".to_owned()),
        ..Rollback::default()
    });
    let found = entries(&why, &before, &back, &[], at(0));
    assert!(
        found[0].what.ends_with("so it is; latency  of B"),
        "{}",
        found[0].what
    );
}

#[test]
fn a_pause_and_its_end_are_one_entry_each() {
    let mut object = migration(&[(ASKED_BY_ANNOTATION, "bob")]);
    let runs = status(Stage::Acting, Direction::Forward);
    let mut paused = runs.clone();
    paused.conditions.push(Condition {
        type_: "Paused".to_owned(),
        status: "True".to_owned(),
        reason: "Paused".to_owned(),
        message: String::new(),
        last_transition_time: Time(at(0)),
        observed_generation: None,
    });
    assert_eq!(
        said(&entries(&object, &paused, &runs, &[], at(1))),
        [("Resumed", "bob")]
    );
    object.spec.paused = true;
    assert_eq!(
        said(&entries(&object, &runs, &runs, &[], at(1))),
        [("Paused", "bob")]
    );
    assert_eq!(said(&entries(&object, &paused, &runs, &[], at(2))), []);
}

#[test]
fn what_is_refused_is_on_record_once() {
    let object = migration(&[(APPROVED_BY_ANNOTATION, "eve")]);
    let before = status(Stage::AwaitingApproval, Direction::Forward);
    let stale = waits(Reason::StaleApproval, "000000 is not the evidence");
    let found = entries(&object, &before, &stale, &[], at(0));
    assert_eq!(said(&found), [("StaleApproval", "eve")]);
    assert_eq!(found[0].what, "refused: 000000 is not the evidence");
    assert_eq!(said(&entries(&object, &stale, &stale, &[], at(1))), []);
    let usual = waits(Reason::WaitingForApproval, "approve DeployMasters@9f2c1e");
    assert_eq!(said(&entries(&object, &before, &usual, &[], at(0))), []);
    let invalid = waits(Reason::InvalidSpec, "spec.sync.paths: name the subtrees");
    let finding = Finding::no(
        "SpecValid",
        Reason::InvalidSpec,
        "spec.sync.paths: name the subtrees",
    );
    let found = entries(&object, &before, &invalid, std::slice::from_ref(&finding), at(0));
    assert_eq!(said(&found), [("InvalidSpec", SOMEBODY)]);
    assert_eq!(said(&entries(&object, &invalid, &invalid, &[finding], at(1))), []);
    let gone = abandoned(&object, &before, ABANDON_ANNOTATION, at(0));
    assert_eq!(
        gone.what,
        "deleted with the annotation mesolith.io/abandon in DeployMasters AwaitingApproval Forward: the cluster stays \
         as it is"
    );
}

#[test]
fn entries_fit_into_the_status_whatever_people_write() {
    let mut object = migration(&[(ASKED_BY_ANNOTATION, &"\"\u{1}".repeat(9000))]);
    object.spec.rollback = Some(Rollback {
        reason: Some("\u{1}\"\\\u{e9}".repeat(1000)),
        ..Rollback::default()
    });
    let before = status(Stage::Acting, Direction::Forward);
    let mut after = moved(Reason::TurnedBack, None, Direction::Back);
    let found = entries(&object, &before, &after, &[], at(0));
    put(&mut after, Head::start(), "ns/audit-6f1c".to_owned(), &found);
    let audit = after.audit.unwrap();
    assert!(
        audit.newest[0].chars().count() <= 4096,
        "{}",
        audit.newest[0].len()
    );
    assert_eq!(
        end_of(&format!("{}\n", audit.newest[0])).unwrap().to_string(),
        audit.head
    );
}

/// The API server: what is stored is there for the next operator.
#[derive(Default)]
struct Stored {
    status: ZkMigrationStatus,
    log: String,
    /// The sentences of the entries that a stored status tells of.
    facts: Vec<String>,
}

/// An operator that may be killed behind each write. `Err` is its end.
struct Operator<'a> {
    stored: &'a mut Stored,
    rng: &'a mut StdRng,
    /// What it knows of the log.
    end: Option<Head>,
}

impl Operator<'_> {
    fn killed(&mut self) -> Result<(), ()> {
        if self.rng.random_ratio(1, 6) {
            Err(())
        } else {
            Ok(())
        }
    }

    fn append(&mut self) -> Result<(), ()> {
        let newest = self.stored.status.audit.clone().unwrap_or_default().newest;
        let end = end_of(&self.stored.log).unwrap();
        let text = missing(&newest, &end);
        self.killed()?;
        self.stored.log += &text;
        self.end = Some(end_of(&self.stored.log).unwrap());
        self.killed()
    }

    fn reconcile(&mut self, time: i64) -> Result<(), ()> {
        self.append()?;
        let object = migration(&[]);
        let mut after = self.stored.status.clone();
        let mut entries = Vec::new();
        for n in 0..self.rng.random_range(0..3) {
            let mut entry = abandoned(&object, &after, "x", at(time));
            entry.what = format!("{time} {n}");
            entries.push(entry);
        }
        let log = self.end.clone().unwrap();
        let end = end(after.audit.as_ref(), &log);
        if !entries.is_empty() {
            put(&mut after, end, String::new(), &entries);
        }
        self.killed()?;
        if self.rng.random_ratio(1, 8) {
            return Ok(()); // a conflict: nothing was written, and it is tried again on what is stored
        }
        self.stored.status = after;
        self.stored
            .facts
            .extend(entries.into_iter().map(|entry| entry.what));
        self.killed()?;
        self.append()
    }
}

#[test]
fn no_entry_is_lost_or_written_twice_wherever_an_operator_is_killed() {
    let (mut facts, mut kills) = (0, 0);
    for seed in 0..300 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut stored = Stored::default();
        let mut time = 0;
        for _ in 0..20 {
            let mut operator = Operator {
                stored: &mut stored,
                rng: &mut rng,
                end: None,
            };
            while time < 200 && operator.reconcile(time).is_ok() {
                time += 1;
            }
            time += 1;
            kills += 1;
        }
        // One that is not killed brings the rest.
        let newest = stored.status.audit.clone().unwrap_or_default().newest;
        let text = missing(&newest, &end_of(&stored.log).unwrap());
        stored.log += &text;
        let head = stored
            .status
            .audit
            .clone()
            .map(|audit| audit.head.parse().unwrap());
        let summary = verify(stored.log.as_bytes(), Head::start(), head).unwrap();
        assert_eq!(summary.entries, stored.facts.len() as u64);
        let lines = stored
            .log
            .lines()
            .map(serde_json::from_str::<BTreeMap<String, serde_json::Value>>);
        let told: Vec<String> = lines
            .map(|line| line.unwrap()["what"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(told, stored.facts, "seed {seed}");
        facts += stored.facts.len();
    }
    assert!(facts > 1000 && kills > 1000, "{facts} facts, {kills} kills");
}

#[test]
fn a_status_that_was_lost_or_is_an_older_copy_goes_on_behind_the_log() {
    let object = migration(&[]);
    let mut now = status(Stage::Acting, Direction::Forward);
    let entry = abandoned(&object, &now, "x", at(0));
    put(
        &mut now,
        Head::start(),
        String::new(),
        &[entry.clone(), entry.clone()],
    );
    let older = now.clone();
    put(
        &mut now,
        end(older.audit.as_ref(), &Head::start()),
        String::new(),
        std::slice::from_ref(&entry),
    );
    let lines = now.audit.clone().unwrap().newest;
    let mut log = missing(&lines, &Head::start());
    assert_eq!(lines.len(), 3);
    for mut restored in [older, ZkMigrationStatus::default()] {
        let behind = end_of(&log).unwrap();
        let place = end(restored.audit.as_ref(), &behind);
        assert_eq!(place, behind);
        put(&mut restored, place, String::new(), std::slice::from_ref(&entry));
        log += &missing(&restored.audit.unwrap().newest, &behind);
    }
    assert_eq!(verify(log.as_bytes(), Head::start(), None).unwrap().entries, 5);
}
