//! One generic driver for all phases.

use super::evidence::Evidence;
use super::intent::{Hold, Intent};
use super::phases::{self, Effect, Finish, Gate, Next, logic};
use super::record::Record;
use super::world::{Goal, World, wait};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::zk_migration::{Approval, Direction, Phase, Stage, Waiting};

/// What to do now: the record moves, or something is done, never both.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Decision {
    /// The record moves; nothing else happens in this round.
    Move {
        /// Where to.
        to: Record,
        /// Why, for the history.
        cause: Cause,
        /// What was verified, when the move shows it.
        evidence: Option<Evidence>,
    },
    /// This is missing.
    Act(Effect),
    /// Something has to happen first.
    Wait(Vec<Waiting>),
    /// There is nothing left to do.
    Rest,
}

/// Why the record moved.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cause {
    /// Nothing stood against the start of the phase.
    Started,
    /// Nothing is missing any more.
    Acted,
    /// Everything is as the phase wants it.
    Verified,
    /// A person approved.
    Approved {
        /// Who.
        by: Option<String>,
    },
    /// The spec lets the gate open by itself.
    OpenedByItself,
    /// The next phase begins, or the one before it is undone next.
    NextPhase,
    /// What was done is not there any more.
    FellBack(Vec<Waiting>),
    /// What was verified has changed, so an approval has to be given anew.
    EvidenceChanged,
    /// Cluster A's data was kept for as long as the spec says; its deletion has to be approved.
    RetentionOver,
    /// A person wants to go back.
    TurnedBack,
    /// The phase took longer than it may, and the spec says that it goes back then.
    TimedOut,
    /// The status of the migration was lost; the form of the cluster says where it was.
    RecordLost,
    /// A person wants to go on again after the way back.
    TurnedForward,
}

impl Cause {
    /// As history, events and the audit log have it.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Cause::Started => Reason::Started,
            Cause::Acted => Reason::Acted,
            Cause::Verified => Reason::Verified,
            Cause::Approved { .. } => Reason::Approved,
            Cause::OpenedByItself => Reason::OpenedByItself,
            Cause::NextPhase => Reason::NextPhase,
            Cause::FellBack(_) => Reason::FellBack,
            Cause::EvidenceChanged => Reason::EvidenceChanged,
            Cause::RetentionOver => Reason::RetentionOver,
            Cause::TurnedBack => Reason::TurnedBack,
            Cause::TimedOut => Reason::TimedOut,
            Cause::RecordLost => Reason::RecordLost,
            Cause::TurnedForward => Reason::TurnedForward,
        }
    }

    /// For people.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Cause::Started => "nothing stands against the start of the phase".into(),
            Cause::Acted => "nothing is missing any more".into(),
            Cause::Verified => "everything is as the phase wants it".into(),
            Cause::Approved { by: Some(by) } => format!("{by} approved"),
            Cause::Approved { by: None } => "the evidence was approved".into(),
            Cause::OpenedByItself => "spec.orchestration.approval is Automatic".into(),
            Cause::NextPhase => "the phase is through".into(),
            Cause::FellBack(waits) => match waits.first() {
                Some(wait) => format!("what was done is not there any more: {}", wait.message),
                None => "what was done is not there any more".into(),
            },
            Cause::EvidenceChanged => "the evidence has changed, so it has to be approved anew".into(),
            Cause::RetentionOver => {
                "cluster A's data was kept for long enough; its deletion has to be approved".into()
            }
            Cause::TurnedBack => "spec.rollback was set".into(),
            Cause::TimedOut => "its time was up, and spec.orchestration.onTimeout is RollBack".into(),
            Cause::RecordLost => "the status was lost; the form of the cluster says where it was".into(),
            Cause::TurnedForward => "spec.rollback was taken away after the way back".into(),
        }
    }
}

/// Decides the next step.
pub(crate) fn decide(at: &Record, intent: Intent, goal: &Goal, world: &World) -> Decision {
    if let Some(first) = reconcile_records(at, goal, world) {
        return first;
    }
    match (intent, at.direction) {
        (Intent::Hold(Hold::Paused), _) => Decision::Wait(vec![wait(
            Reason::Paused,
            "spec.paused is set; take it away to go on",
        )]),
        (Intent::GoBack { keep }, Direction::Forward) => match phases::no_way_back(at.phase, world) {
            Some(refusal) => Decision::Wait(vec![refusal]),
            None => turn_back(at, keep, Cause::TurnedBack),
        },
        // What is done takes no time any more, and what is deleted does not come back.
        (Intent::GiveUp { .. }, Direction::Forward)
            if at.stage == Stage::Done || phases::no_way_back(at.phase, world).is_some() =>
        {
            forward(at, goal, world)
        }
        // An operator that was away for longer than the timeout finds that the phase is through.
        (Intent::GiveUp { keep }, Direction::Forward) => match forward(at, goal, world) {
            Decision::Act(_) | Decision::Wait(_) => turn_back(at, keep, Cause::TimedOut),
            goes_on @ (Decision::Move { .. } | Decision::Rest) => goes_on,
        },
        (Intent::GoBack { keep } | Intent::GiveUp { keep }, Direction::Back) => back(at, keep, goal, world),
        // Begun ways back are gone to their end: half a phase is nothing that anybody wants.
        (Intent::Advance, Direction::Back) if at.stage != Stage::Done => back(at, None, goal, world),
        (Intent::Advance, Direction::Back) => turn_forward(at),
        (Intent::Advance, Direction::Forward) => forward(at, goal, world),
    }
}

/// The record of the migration and the form of the cluster are two objects: either may be lost, or be restored from an
/// older copy. Nothing is done to a cluster on the word of one of them alone.
fn reconcile_records(at: &Record, goal: &Goal, world: &World) -> Option<Decision> {
    match &world.form {
        Some(form) if form.uid != goal.uid => (*at != Record::START).then(|| {
            Decision::Wait(vec![wait(
                Reason::ClusterMoves,
                format!("ZkMigration {} has taken over this cluster", form.migration),
            )])
        }),
        Some(form) if *at == Record::START => {
            let to = Record {
                phase: form.phase,
                direction: form.direction,
                ..Record::START
            };
            Some(moved(to.at(Stage::Acting), Cause::RecordLost))
        }
        None if at.phase > Phase::DeployZk && !at.is_complete() => Some(Decision::Wait(vec![wait(
            Reason::FormLost,
            "the status of the MesosCluster does not say any more what this migration has made of it: restore its \
             status.form, or leave the cluster as it is (mesolith.io/abandon) and begin again",
        )])),
        Some(_) | None => None,
    }
}

/// An effect, stamped with the record that it is done for.
fn act(at: &Record, effect: Effect) -> Decision {
    Decision::Act(match effect {
        Effect::Shape(mut form) => {
            form.phase = at.phase;
            form.direction = at.direction;
            Effect::Shape(form)
        }
        Effect::Unshape | Effect::StartProbe(_) | Effect::EndProbe => effect,
    })
}

fn forward(at: &Record, goal: &Goal, world: &World) -> Decision {
    if let Next::Do(effect) = phases::take_in(goal, world) {
        return act(at, effect);
    }
    let phase = logic(at.phase);
    match at.stage {
        Stage::Preflight => match phase.blockers(goal, world) {
            blockers if blockers.is_empty() => moved(at.at(Stage::Acting), Cause::Started),
            blockers => Decision::Wait(blockers),
        },
        Stage::Acting => match phase.next(goal, world, Direction::Forward) {
            Next::Do(effect) => act(at, effect),
            Next::Wait(waits) => Decision::Wait(waits),
            Next::Nothing => moved(at.at(Stage::Verifying), Cause::Acted),
        },
        Stage::Verifying => match missing(at, goal, world) {
            Some(fallen) => fallen,
            None => match verified(at, goal, world) {
                Ok(evidence) => shown(at, evidence, Cause::Verified),
                Err(waits) => Decision::Wait(waits),
            },
        },
        Stage::AwaitingApproval => match missing(at, goal, world) {
            Some(fallen) => fallen,
            None => match verified(at, goal, world) {
                Err(waits) => moved(at.at(Stage::Verifying), Cause::FellBack(waits)),
                Ok(evidence) if at.evidence.as_ref() != Some(&evidence.hash()) => {
                    shown(at, evidence, Cause::EvidenceChanged)
                }
                Ok(evidence) => open(at, phase.gate(goal, world), &evidence.hash(), goal, world),
            },
        },
        Stage::Done => match at.phase.next() {
            Some(next) => moved(
                Record {
                    phase: next,
                    ..Record::START
                },
                Cause::NextPhase,
            ),
            None => last(at, goal, world),
        },
    }
}

/// The last phase is done: cluster A is kept for a while, then its deletion is asked for, and in the end the form goes.
fn last(at: &Record, goal: &Goal, world: &World) -> Decision {
    match phases::finish(goal, world) {
        Finish::Released => Decision::Rest,
        Finish::Next(Next::Nothing) => Decision::Act(Effect::Unshape),
        Finish::Next(Next::Wait(waits)) => Decision::Wait(waits),
        Finish::Next(Next::Do(effect)) => act(at, effect),
        Finish::Ask => match verified(at, goal, world) {
            Err(waits) => Decision::Wait(waits),
            // This is the evidence that was approved, with the deletion in it.
            Ok(evidence) if at.evidence.as_ref() == Some(&evidence.hash()) => {
                match phases::delete(goal, world) {
                    Next::Do(effect) => act(at, effect),
                    Next::Wait(waits) => Decision::Wait(waits),
                    Next::Nothing => Decision::Rest,
                }
            }
            Ok(evidence) => shown(at, evidence, Cause::RetentionOver),
        },
    }
}

/// What an approval signs. When the phase began is part of it: an approval of an earlier attempt opens nothing.
fn verified(at: &Record, goal: &Goal, world: &World) -> Result<Evidence, Vec<Waiting>> {
    let evidence = logic(at.phase).verified(goal, world, Direction::Forward)?;
    Ok(match world.began {
        Some(began) => evidence.with("began", began),
        None => evidence,
    })
}

/// What was done is not there any more: the phase acts again.
fn missing(at: &Record, goal: &Goal, world: &World) -> Option<Decision> {
    let waits = match logic(at.phase).next(goal, world, Direction::Forward) {
        Next::Nothing => return None,
        Next::Wait(waits) => waits,
        Next::Do(_) => Vec::new(),
    };
    Some(moved(at.at(Stage::Acting), Cause::FellBack(waits)))
}

/// The gate opens for the evidence that is shown and for no other.
fn open(at: &Record, gate: Gate, hash: &str, goal: &Goal, world: &World) -> Decision {
    if gate == Gate::AsConfigured && goal.approval == Approval::Automatic {
        return moved(done(at), Cause::OpenedByItself);
    }
    let wanted = format!("{}@{hash}", at.phase);
    let waiting = match &world.approval {
        Some(given) if given.phase == at.phase && given.hash == hash => {
            let by = given.by.clone();
            return moved(done(at), Cause::Approved { by });
        }
        Some(given) if given.phase == at.phase => wait(
            Reason::StaleApproval,
            format!(
                "{} is not the evidence of phase {}: it is {hash} now. Look at it, then approve {wanted}",
                given.hash, at.phase
            ),
        ),
        // An approval of an earlier phase has done its work; one of a later phase comes too early.
        Some(given) if given.phase > at.phase => wait(
            Reason::ApprovalOfAnotherPhase,
            format!("{} is not reached yet: approve {wanted} first", given.phase),
        ),
        Some(_) | None => wait(Reason::WaitingForApproval, format!("approve {wanted}")),
    };
    Decision::Wait(vec![Waiting {
        command: Some(format!("mesolith.io/approve={wanted}")),
        ..waiting
    }])
}

fn done(at: &Record) -> Record {
    Record {
        stage: Stage::Done,
        ..at.clone()
    }
}

/// Legal in every stage of every phase.
fn turn_back(at: &Record, keep: Option<Phase>, cause: Cause) -> Decision {
    // A phase that has not begun leaves nothing to undo.
    let begun = match at.stage {
        Stage::Preflight => at.phase.previous(),
        Stage::Acting | Stage::Verifying | Stage::AwaitingApproval | Stage::Done => Some(at.phase),
    };
    match begun {
        Some(phase) if keep.is_some_and(|keep| phase <= keep) => Decision::Wait(vec![wait(
            Reason::NothingToGoBack,
            format!(
                "{} is not past {}: there is nothing to take back",
                at.phase,
                keep.unwrap_or(phase)
            ),
        )]),
        begun => {
            let stage = if begun.is_some() {
                Stage::Acting
            } else {
                Stage::Done
            };
            let to = Record {
                phase: begun.unwrap_or_default(),
                stage,
                direction: Direction::Back,
                evidence: None,
            };
            moved(to, cause)
        }
    }
}

fn back(at: &Record, keep: Option<Phase>, goal: &Goal, world: &World) -> Decision {
    let phase = logic(at.phase);
    match at.stage {
        Stage::Preflight | Stage::Acting | Stage::AwaitingApproval => {
            match phase.next(goal, world, Direction::Back) {
                Next::Do(effect) => act(at, effect),
                Next::Wait(waits) => Decision::Wait(waits),
                Next::Nothing => moved(at.at(Stage::Verifying), Cause::Acted),
            }
        }
        Stage::Verifying => match phase.next(goal, world, Direction::Back) {
            Next::Do(_) => moved(at.at(Stage::Acting), Cause::FellBack(Vec::new())),
            Next::Wait(waits) => moved(at.at(Stage::Acting), Cause::FellBack(waits)),
            Next::Nothing => match phase.verified(goal, world, Direction::Back) {
                Ok(_) => moved(at.at(Stage::Done), Cause::Verified),
                Err(waits) => Decision::Wait(waits),
            },
        },
        Stage::Done => match at.phase.previous() {
            Some(previous) if keep != Some(previous) => moved(
                Record {
                    phase: previous,
                    stage: Stage::Acting,
                    direction: Direction::Back,
                    evidence: None,
                },
                Cause::NextPhase,
            ),
            Some(_) | None => Decision::Rest,
        },
    }
}

/// The way back has ended at `at.phase`, which is undone: what is before it is looked at again.
fn turn_forward(at: &Record) -> Decision {
    let to = match at.phase.previous() {
        Some(kept) => Record {
            phase: kept,
            stage: Stage::Verifying,
            ..Record::START
        },
        None => Record::START,
    };
    moved(to, Cause::TurnedForward)
}

fn moved(to: Record, cause: Cause) -> Decision {
    Decision::Move {
        to,
        cause,
        evidence: None,
    }
}

fn shown(at: &Record, evidence: Evidence, cause: Cause) -> Decision {
    Decision::Move {
        to: Record {
            evidence: Some(evidence.hash()),
            ..at.at(Stage::AwaitingApproval)
        },
        cause,
        evidence: Some(evidence),
    }
}
