//! Going back, and what that will do.

use crate::action::{Change, Refused, alive, name, place};
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_crds::v1alpha1::zk_migration::{AgentStrategy, Direction, Phase, SideStatus, Stage};
use serde_json::json;

/// Goes back until only what `keep` and the phases before it have made is left; without it, all the way.
///
/// # Errors
/// When the migration is not past that phase, or goes back elsewhere already.
pub fn roll_back(object: &ZkMigration, keep: Option<Phase>, reason: Option<&str>) -> Result<Change, Refused> {
    alive(object)?;
    let name = name(object);
    let status = object.status.clone().unwrap_or_default();
    let (phase, stage) = (status.phase.unwrap_or_default(), status.stage.unwrap_or_default());
    let back = status.direction == Some(Direction::Back);
    if let Some(asked) = &object.spec.rollback {
        if asked.to_phase == keep {
            return Ok(Change {
                patch: None,
                says: format!("{name} goes back to {} already", place(keep)),
            });
        }
        // The API server takes no other goal in place of this one: it has to be taken away first.
        let ended = back && stage == Stage::Done && phase.previous() == asked.to_phase;
        let to = asked.to_phase;
        return Err(if ended {
            Refused::RollbackEnded { name, to }
        } else {
            Refused::OtherRollback { name, to }
        });
    }
    let begun = match (back, stage) {
        // Undone already, or nothing was done yet.
        (true, Stage::Done) | (false, Stage::Preflight) => phase.previous(),
        _ => Some(phase),
    };
    if let Some(keep) = keep.filter(|keep| begun.is_none_or(|begun| begun <= *keep)) {
        let so = match keep.previous() {
            Some(earlier) => format!("; --to-phase={} goes further back", earlier.number()),
            None => "; leave --to-phase out to go back to the start".to_owned(),
        };
        return Err(Refused::NothingToGoBack { name, keep, so });
    }
    let steps: Vec<String> = Phase::ALL
        .into_iter()
        .rev()
        .filter(|phase| Some(*phase) <= begun && Some(*phase) > keep)
        .map(|phase| undo(phase, object))
        .collect();
    let says = if steps.is_empty() {
        format!("{name}: nothing was done yet, and nothing begins")
    } else {
        let tasks = tasks(object, begun, keep);
        format!(
            "{name}: going back from {phase} to {}: {}. {tasks} --watch to follow",
            place(keep),
            steps.join(", then ")
        )
    };
    Ok(Change {
        // What is null is not written; the field itself always is.
        patch: Some(json!({"spec": {"rollback": {"toPhase": keep, "reason": reason}}})),
        says,
    })
}

/// What undoing a phase does.
fn undo(phase: Phase, object: &ZkMigration) -> String {
    let status = object.status.clone().unwrap_or_default();
    let masters = |side: &Option<SideStatus>| match side.as_ref().map_or(0, |side| side.mesos_masters.len()) {
        0 => String::new(),
        count => format!(" ({count})"),
    };
    let repoint = object.spec.agent_strategy == AgentStrategy::Repoint;
    match phase {
        Phase::RemoveZk => "start ensemble A again and fill it from B".to_owned(),
        Phase::DrainAgents if repoint => "point the agents to the masters in ensemble A again".to_owned(),
        Phase::DrainAgents => "let agents A take tasks again".to_owned(),
        Phase::DeployAgents if repoint => "leave the agents as they are".to_owned(),
        Phase::DeployAgents => "drain and stop agents B".to_owned(),
        Phase::RetireMasters => format!("start masters A{}, verify leader", masters(&status.source)),
        Phase::DeployMasters => format!("stop masters B{}", masters(&status.target)),
        Phase::DeployZk => "stop the sync engine, archive and stop ensemble B".to_owned(),
    }
}

/// Whether tasks have to move.
fn tasks(object: &ZkMigration, begun: Option<Phase>, keep: Option<Phase>) -> String {
    let agents_of_b_leave = begun >= Some(Phase::DeployAgents)
        && keep < Some(Phase::DeployAgents)
        && object.spec.agent_strategy == AgentStrategy::Drain;
    let on_b = object.status.as_ref().and_then(|status| status.tasks.as_ref());
    match on_b.map(|tasks| tasks.target) {
        _ if !agents_of_b_leave => "No task is touched.".to_owned(),
        Some(0) => "No task is on agents B.".to_owned(),
        Some(1) => "1 task moves back to agents A.".to_owned(),
        Some(count) => format!("{count} tasks move back to agents A."),
        None => "Tasks on agents B move back to agents A.".to_owned(),
    }
}
