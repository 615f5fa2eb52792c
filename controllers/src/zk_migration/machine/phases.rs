//! What each phase does, checks and undoes: six pure files, four questions each.

mod deploy_agents;
mod deploy_masters;
mod deploy_zk;
mod drain_agents;
mod form;
mod judge;
mod paths;
mod remove_zk;
mod retire_masters;

pub(crate) use paths::take_in;
pub(crate) use remove_zk::{DELETES, delete, finish, no_way_back};

use super::evidence::Evidence;
use super::world::{Goal, World};
use mesolith_crds::v1alpha1::mesos_cluster::ClusterForm;
use mesolith_crds::v1alpha1::zk_migration::{Direction, Phase, Waiting};

/// Something to do now. Each may be done twice, and may be lost.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Records what the cluster is to be; its controller makes it so.
    Shape(Box<ClusterForm>),
    /// Takes the record away: the cluster is its spec again.
    Unshape,
    /// Starts the probe task on one of these agents.
    StartProbe(Vec<String>),
    /// Ends the probe task.
    EndProbe,
}

/// What is next in a phase.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Next {
    /// This is missing.
    Do(Effect),
    /// It is under way.
    Wait(Vec<Waiting>),
    /// Nothing is missing.
    Nothing,
}

/// What is left to do when the last phase is done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Finish {
    /// The deletion of cluster A's data has to be approved.
    Ask,
    /// This is next; nothing: the form goes.
    Next(Next),
    /// The form is gone.
    Released,
}

/// Who opens the gate after a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// As the spec says.
    AsConfigured,
    /// A person, whatever the spec says: what comes next cannot be undone.
    Person,
}

/// One phase. Nothing here does anything.
pub(crate) trait PhaseLogic: Sync {
    /// What stands against its start.
    fn blockers(&self, goal: &Goal, world: &World) -> Vec<Waiting>;
    /// What is missing next.
    fn next(&self, goal: &Goal, world: &World, direction: Direction) -> Next;
    /// What an approval signs, or what is not so yet.
    fn verified(&self, goal: &Goal, world: &World, direction: Direction) -> Result<Evidence, Vec<Waiting>>;
    /// Who opens the gate after it.
    fn gate(&self, _goal: &Goal, _world: &World) -> Gate {
        Gate::AsConfigured
    }
}

/// The logic of a phase.
pub(crate) fn logic(phase: Phase) -> &'static dyn PhaseLogic {
    match phase {
        Phase::DeployZk => &deploy_zk::DeployZk,
        Phase::DeployMasters => &deploy_masters::DeployMasters,
        Phase::RetireMasters => &retire_masters::RetireMasters,
        Phase::DeployAgents => &deploy_agents::DeployAgents,
        Phase::DrainAgents => &drain_agents::DrainAgents,
        Phase::RemoveZk => &remove_zk::RemoveZk,
    }
}

/// Steps that follow each other: the first that is not through decides.
macro_rules! steps {
    ($($step:expr),+ $(,)?) => {{
        $(match $step {
            $crate::zk_migration::machine::phases::Next::Nothing => {}
            other => return other,
        })+
        $crate::zk_migration::machine::phases::Next::Nothing
    }};
}
use steps;
