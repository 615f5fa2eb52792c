//! The machine as a table: every phase, stage, direction and intent, in a world where everything is as the phase wants
//! it, and in one where nothing is known. `docs/migration/state-machine.md` is printed from here.

use super::intent::Hold;
use super::toy::Cluster;
use super::world::{Approved, Goal, World};
use super::{Cause, Decision, Effect, Intent, Record, decide};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::ClusterForm;
use mesolith_crds::v1alpha1::zk_migration::{AgentStrategy, Approval, Direction, Phase, Stage};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::collections::BTreeSet;
use std::fmt::Write as _;

const STAGES: [Stage; 5] = [
    Stage::Preflight,
    Stage::Acting,
    Stage::Verifying,
    Stage::AwaitingApproval,
    Stage::Done,
];
const DIRECTIONS: [Direction; 2] = [Direction::Forward, Direction::Back];
const INTENTS: [(&str, Intent); 5] = [
    ("go on", Intent::Advance),
    ("go back", Intent::GoBack { keep: None }),
    (
        "go back to DeployZk",
        Intent::GoBack {
            keep: Some(Phase::DeployZk),
        },
    ),
    ("time is up", Intent::GiveUp { keep: None }),
    ("stand still", Intent::Hold(Hold::Paused)),
];

/// A cluster for which a phase has just been done, in that direction.
fn settled(phase: Phase, direction: Direction) -> Cluster {
    let mut rng = StdRng::seed_from_u64(1);
    let mut cluster = Cluster::new(AgentStrategy::Drain);
    cluster.goal.approval = Approval::Automatic;
    let mut record = Record::START;
    let there = |record: &Record, direction: Direction| {
        (record.phase, record.direction) == (phase, direction)
            && matches!(record.stage, Stage::AwaitingApproval | Stage::Done)
    };
    for way in [Direction::Forward, direction] {
        let intent = match way {
            Direction::Forward => Intent::Advance,
            Direction::Back => Intent::GoBack {
                keep: phase.previous(),
            },
        };
        for _ in 0..4000 {
            if there(&record, way) {
                break;
            }
            cluster.tick(&mut rng);
            match decide(&record, intent, &cluster.goal, &cluster.world()) {
                Decision::Move { to, .. } => {
                    cluster.note(&record, &to);
                    record = to;
                }
                Decision::Act(effect) => cluster.act(effect),
                Decision::Wait(_) | Decision::Rest => {}
            }
        }
        assert!(there(&record, way), "{phase} {way:?}: {record:?}");
    }
    cluster
}

/// A decision in a few words.
fn words(from: &Record, decision: &Decision) -> String {
    match decision {
        Decision::Rest => "rests".to_owned(),
        Decision::Act(Effect::Shape(form)) => format!("acts: form {}", shape(form)),
        Decision::Act(Effect::Unshape) => "acts: the cluster is its spec again".to_owned(),
        Decision::Act(effect) => format!("acts: {effect:?}"),
        Decision::Wait(waits) => {
            let reasons: BTreeSet<&str> = waits.iter().map(|wait| wait.reason.as_str()).collect();
            format!("waits: {}", reasons.into_iter().collect::<Vec<_>>().join(", "))
        }
        Decision::Move { to, cause, .. } => {
            let phase = if to.phase == from.phase {
                String::new()
            } else {
                format!("{} ", to.phase)
            };
            format!("-> {phase}{:?} {:?} ({})", to.stage, to.direction, name(cause))
        }
    }
}

fn shape(form: &ClusterForm) -> String {
    let parts = |parts: mesolith_crds::v1alpha1::mesos_cluster::Parts| {
        [(parts.zookeeper, 'z'), (parts.masters, 'm'), (parts.agents, 'a')]
            .into_iter()
            .map(|(is, letter)| if is { letter } else { '-' })
            .collect::<String>()
    };
    let sync = form.sync.as_ref().map_or("no engine".to_owned(), |sync| {
        let roots = sync
            .roots
            .iter()
            .map(|root| format!("{} by {:?}", root.path, root.writes));
        roots.collect::<Vec<_>>().join(", ")
    });
    format!(
        "A {} B {}, {:?} leads, {} retired, {sync}",
        parts(form.source_parts),
        parts(form.target_parts),
        form.leads,
        form.retired_agents.len()
    )
}

fn name(cause: &Cause) -> String {
    cause.reason().to_string()
}

/// Compares a file that is printed from here with what it should be; `MESOLITH_WRITE=1` writes it instead.
fn is_printed(path: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("MESOLITH_WRITE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == text,
        "{} is not what the code prints: run this test with MESOLITH_WRITE=1 and look at the difference",
        path.display()
    );
}

#[test]
fn every_phase_stage_direction_and_intent() {
    let mut table = String::new();
    for phase in Phase::ALL {
        for direction in DIRECTIONS {
            let cluster = settled(phase, direction);
            let (ready, nothing) = (cluster.world(), World::default());
            for stage in STAGES {
                let evidence = (stage == Stage::AwaitingApproval).then(|| "000000".to_owned());
                let from = Record {
                    phase,
                    stage,
                    direction,
                    evidence,
                };
                for (said, intent) in INTENTS {
                    let in_world = |world: &World| words(&from, &decide(&from, intent, &cluster.goal, world));
                    let _ = writeln!(
                        table,
                        "{phase} {stage:?} {direction:?}, {said}: {} | nothing known: {}",
                        in_world(&ready),
                        in_world(&nothing)
                    );
                }
            }
        }
    }
    is_printed("src/zk_migration/machine/table.txt", &table);
}

/// Every move between stages that the machine makes, from the same worlds and from a cluster on its way.
#[test]
fn an_approval_of_an_earlier_attempt_opens_nothing() {
    let cluster = settled(Phase::DeployMasters, Direction::Forward);
    let goal = Goal {
        approval: Approval::Manual,
        ..cluster.goal.clone()
    };
    let at = Record {
        phase: Phase::DeployMasters,
        ..Record::START
    };
    let began = |second: i64| World {
        began: jiff::Timestamp::from_second(second).ok(),
        ..cluster.world()
    };
    let waits = |world: &World| match decide(&at.at(Stage::Verifying), Intent::Advance, &goal, world) {
        Decision::Move { to, .. } => to,
        other => panic!("{other:?}"),
    };
    let first = waits(&began(1));
    let approved = |world: World| World {
        approval: first.evidence.clone().map(|hash| Approved {
            phase: at.phase,
            hash,
            by: Some("ops".into()),
        }),
        ..world
    };
    let gate = |record: &Record, world: &World| decide(record, Intent::Advance, &goal, world);
    assert!(matches!(
        gate(&first, &approved(began(1))),
        Decision::Move { to, .. } if to.stage == Stage::Done
    ));
    // The same facts, gone back and begun again.
    let second = waits(&began(2));
    let Decision::Wait(said) = gate(&second, &approved(began(2))) else {
        panic!("the gate opened")
    };
    assert_eq!(said[0].reason, Reason::StaleApproval.as_str());
}

#[test]
fn the_state_diagram_is_the_machines() {
    let mut moves = BTreeSet::new();
    let state = |record: &Record| match record.direction {
        Direction::Forward => format!("{:?}", record.stage),
        Direction::Back => format!("Back{:?}", record.stage),
    };
    for phase in Phase::ALL {
        for direction in DIRECTIONS {
            let cluster = settled(phase, direction);
            for world in [
                cluster.world(),
                World::default(),
                Cluster::new(AgentStrategy::Drain).world(),
            ] {
                for stage in STAGES {
                    for (_, intent) in INTENTS {
                        let mut from = Record {
                            phase,
                            stage,
                            direction,
                            evidence: None,
                        };
                        if direction == Direction::Back
                            && matches!(stage, Stage::Preflight | Stage::AwaitingApproval)
                        {
                            continue; // never on record
                        }
                        for _ in 0..2 {
                            if let Decision::Move { to, cause, .. } =
                                decide(&from, intent, &cluster.goal, &world)
                            {
                                moves.insert(format!(
                                    "    {} --> {}: {}",
                                    state(&from),
                                    state(&to),
                                    name(&cause)
                                ));
                                // Once more with the evidence that was shown.
                                from.evidence = to.evidence;
                            }
                        }
                    }
                }
            }
        }
    }
    let moves: Vec<String> = moves.into_iter().collect();
    let text = format!(
        "# The stages of a phase\n\n\
         Printed from the code by a test of `controllers` and compared in every run; do not edit it by hand. A phase is\n\
         made forward and undone back; `spec.paused` stops every move, and the record is stored before anything is done.\n\n\
         ```mermaid\nstateDiagram-v2\n    [*] --> Preflight\n{}\n```\n\n\
         What each phase does in each stage, for each wish of a person: `controllers/src/zk_migration/machine/table.txt`.\n",
        moves.join("\n")
    );
    is_printed("../docs/migration/state-machine.md", &text);
}
