//! Random runs of the machine over a cluster that takes its time, with lost effects, lost records and repeated effects.
//! Whatever happens on the way, a run ends on cluster B, or exactly as it began.

use super::intent::Hold;
use super::toy::Cluster;
use super::world::Approved;
use super::{Decision, Effect, Intent, Record, decide};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::zk_migration::{AgentStrategy, Direction, Phase, Stage};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Rounds after which a run must have ended.
const ROUNDS: usize = 4000;

/// A run until it rests; effects and records are lost now and then, and a person approves what is shown.
fn run(
    cluster: &mut Cluster,
    record: &mut Record,
    rng: &mut StdRng,
    intent: Intent,
    until: impl Fn(&Record) -> bool,
) {
    for _ in 0..ROUNDS {
        if until(record) {
            return;
        }
        for _ in 0..rng.random_range(0..3) {
            cluster.tick(rng);
        }
        if rng.random_ratio(1, 100) {
            cluster.somebody_writes(["/kafka", "/chronos"][rng.random_range(0..2)]);
        }
        let mut world = cluster.world();
        world.approval = record.evidence.as_ref().map(|hash| Approved {
            phase: record.phase,
            hash: hash.clone(),
            by: None,
        });
        let intent = if rng.random_ratio(1, 20) {
            Intent::Hold(Hold::Paused)
        } else {
            intent
        };
        match decide(record, intent, &cluster.goal, &world) {
            // Once in a while all of the status is lost.
            _ if cluster.form.is_some() && rng.random_ratio(1, 200) => {
                *record = Record::START;
                cluster.forget();
            }
            // What happened is lost: an effect that did not arrive, a record that was not stored.
            _ if rng.random_ratio(1, 5) => {}
            Decision::Move { to, .. } => {
                cluster.note(record, &to);
                *record = to;
            }
            Decision::Act(effect) => {
                let again = rng.random_ratio(1, 5);
                cluster.act(effect.clone());
                if again && !matches!(effect, Effect::Shape(_)) {
                    cluster.act(effect);
                }
            }
            Decision::Wait(_) | Decision::Rest => {}
        }
    }
    panic!(
        "no end: {record:?} {:?}",
        decide(record, intent, &cluster.goal, &cluster.world())
    );
}

/// More are made with `MESOLITH_RUNS`.
const RUNS: u64 = 500;

#[test]
fn random_runs_end_on_cluster_b_or_as_they_began() {
    let runs = std::env::var("MESOLITH_RUNS")
        .ok()
        .and_then(|runs| runs.parse().ok());
    let mut released = 0;
    for seed in 0..runs.unwrap_or(RUNS) {
        let mut rng = StdRng::seed_from_u64(seed);
        let strategy = [AgentStrategy::Drain, AgentStrategy::Repoint][rng.random_range(0..2)];
        let mut cluster = Cluster::new(strategy);
        let mut record = Record::START;
        // As far as some phase and stage, then all the way back, unless cluster A was deleted meanwhile.
        let rounds = rng.random_range(0..600);
        let turn = std::cell::Cell::new(rounds);
        run(&mut cluster, &mut record, &mut rng, Intent::Advance, |_| {
            turn.set(turn.get() - 1);
            turn.get() < 0
        });
        if cluster.is_deleted() {
            let back = Intent::GoBack { keep: None };
            let refused = decide(&record, back, &cluster.goal, &cluster.world());
            let Decision::Wait(waits) = refused else {
                panic!("{record:?}: {refused:?}")
            };
            assert_eq!(waits[0].reason, Reason::SourceDeleted.as_str());
            to_the_end(&mut cluster, &mut record, &mut rng);
            released += 1;
            continue;
        }
        run(
            &mut cluster,
            &mut record,
            &mut rng,
            Intent::GoBack { keep: None },
            |record| record.is_clean() && record.direction == Direction::Back,
        );
        cluster.assert_untouched();
        // And once more from the start, to the end.
        if seed % 10 == 0 {
            run(
                &mut cluster,
                &mut record,
                &mut rng,
                Intent::Advance,
                Record::is_complete,
            );
            cluster.assert_moved();
            to_the_end(&mut cluster, &mut record, &mut rng);
        }
    }
    assert!(released > 0, "some went past the deletion");
}

/// Until the form is gone.
fn to_the_end(cluster: &mut Cluster, record: &mut Record, rng: &mut StdRng) {
    for _ in 0..20 {
        if record.is_complete() && cluster.form.is_none() {
            break;
        }
        let turn = std::cell::Cell::new(200);
        run(cluster, record, rng, Intent::Advance, |_| {
            turn.set(turn.get() - 1);
            turn.get() < 0
        });
    }
    cluster.assert_released();
    assert_eq!(
        decide(record, Intent::Advance, &cluster.goal, &cluster.world()),
        Decision::Rest
    );
}

#[test]
fn what_is_to_stay_stays() {
    for (seed, keep) in (0..).zip(&Phase::ALL[..5]) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut cluster = Cluster::new(AgentStrategy::Drain);
        let mut record = Record::START;
        run(
            &mut cluster,
            &mut record,
            &mut rng,
            Intent::Advance,
            Record::is_complete,
        );
        let undone = keep.next();
        let back = Intent::GoBack { keep: Some(*keep) };
        run(&mut cluster, &mut record, &mut rng, back, |record| {
            Some(record.phase) == undone
                && *record == record.at(Stage::Done)
                && record.direction == Direction::Back
        });
        run(
            &mut cluster,
            &mut record,
            &mut rng,
            Intent::Advance,
            Record::is_complete,
        );
        cluster.assert_moved();
    }
}
