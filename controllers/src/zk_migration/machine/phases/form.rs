//! Changes of the cluster's form, and waits until the cluster has it.

use super::super::world::{Goal, SeenSides, World, wait};
use super::{Effect, Next};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::{
    ClusterForm, ClusterSide, ComponentKind, FormRoot, FormSync, Parts, Writes,
};
use mesolith_crds::v1alpha1::zk_migration::Waiting;

/// The form on record, or the one that leaves the cluster as its spec is.
pub(super) fn current(goal: &Goal, world: &World) -> ClusterForm {
    world.form.clone().unwrap_or_else(|| ClusterForm {
        migration: goal.migration.clone(),
        uid: goal.uid.clone(),
        target: goal.target.clone(),
        source_parts: Parts::ALL,
        paths: world.subtrees.clone().unwrap_or_default(),
        ..ClusterForm::default()
    })
}

/// Records a changed form; nothing is missing when it is that already.
pub(super) fn shape(goal: &Goal, world: &World, change: impl FnOnce(&mut ClusterForm)) -> Next {
    let mut wanted = current(goal, world);
    change(&mut wanted);
    if world.form.as_ref() == Some(&wanted) {
        return Next::Nothing;
    }
    wanted.generation += 1;
    Next::Do(Effect::Shape(Box::new(wanted)))
}

/// Waits until the cluster shows something of its sides.
pub(super) fn until(
    world: &World,
    reason: Reason,
    reached: impl FnOnce(&SeenSides) -> bool,
    message: impl FnOnce(&SeenSides) -> String,
) -> Next {
    match world.sides() {
        Err(waiting) => Next::Wait(vec![waiting]),
        Ok(sides) if reached(sides) => Next::Nothing,
        Ok(sides) => Next::Wait(vec![wait(reason, message(sides))]),
    }
}

/// What is seen of one kind on one side.
struct Members {
    ready: i32,
    desired: i32,
    left: i32,
    many: &'static str,
    /// Why one waits until all serve.
    serving: Reason,
}

fn members(sides: &SeenSides, side: ClusterSide, kind: ComponentKind) -> Members {
    let counts = match side {
        ClusterSide::Source => &sides.source,
        ClusterSide::Target => &sides.target,
    };
    let (members, left, many, serving) = match kind {
        ComponentKind::ZooKeeper => (
            &counts.zookeeper,
            counts.zookeeper_left,
            "ZooKeeper servers",
            Reason::WaitingForQuorum,
        ),
        ComponentKind::Master => (
            &counts.masters,
            counts.masters_left,
            "masters",
            Reason::WaitingForMasters,
        ),
        ComponentKind::Agent => (
            &counts.agents,
            counts.agents_left,
            "agents",
            Reason::WaitingForAgents,
        ),
    };
    Members {
        ready: members.ready,
        desired: members.desired,
        left,
        many,
        serving,
    }
}

/// Every member of a kind serves.
pub(super) fn all_serve(world: &World, side: ClusterSide, kind: ComponentKind) -> Next {
    match world.sides().map(|sides| members(sides, side, kind)) {
        Err(waiting) => Next::Wait(vec![waiting]),
        Ok(members) if members.ready >= members.desired => Next::Nothing,
        Ok(members) => Next::Wait(vec![wait(
            members.serving,
            format!(
                "{} of {} {} of cluster {} serve",
                members.ready,
                members.desired,
                members.many,
                letter(side)
            ),
        )]),
    }
}

/// Nothing of a kind is left on any node.
pub(super) fn none_left(world: &World, side: ClusterSide, kind: ComponentKind) -> Next {
    let reason = match kind {
        ComponentKind::ZooKeeper | ComponentKind::Master => Reason::WaitingForRemoval,
        // Agents go when their tasks have moved.
        ComponentKind::Agent => Reason::WaitingForDrain,
    };
    match world.sides().map(|sides| members(sides, side, kind)) {
        Err(waiting) => Next::Wait(vec![waiting]),
        Ok(members) if members.left == 0 => Next::Nothing,
        Ok(members) => Next::Wait(vec![wait(
            reason,
            format!(
                "{} {} of cluster {} are being stopped",
                members.left,
                members.many,
                letter(side)
            ),
        )]),
    }
}

/// The master has been told that agents stay that were to leave, and has forgotten those that left.
pub(super) fn returned(world: &World) -> Next {
    match world.retracting {
        0 => Next::Nothing,
        agents => Next::Wait(vec![wait(
            Reason::WaitingForReturn,
            format!("what the master was told about {agents} agents is being taken back"),
        )]),
    }
}

/// `A` or `B`.
pub(super) fn letter(side: ClusterSide) -> &'static str {
    match side {
        ClusterSide::Source => "A",
        ClusterSide::Target => "B",
    }
}

/// The engine with its roots: `election` says who writes the masters' subtree, `rest` who writes the others.
fn engine(goal: &Goal, paths: &[String], election: Writes, rest: Writes) -> FormSync {
    let root = |path: &String| FormRoot {
        path: path.clone(),
        writes: rest,
    };
    let mut roots: Vec<FormRoot> = paths.iter().map(root).collect();
    roots.push(FormRoot {
        path: goal.election.clone(),
        writes: election,
    });
    FormSync {
        roots,
        ..goal.sync.clone()
    }
}

/// Records who writes what, and waits until the engine has switched to it behind its fence.
pub(super) fn switch(goal: &Goal, world: &World, election: Writes, rest: Writes) -> Next {
    let wanted = engine(goal, &current(goal, world).paths, election, rest);
    match shape(goal, world, |form| set_engine(form, wanted)) {
        Next::Nothing => followed(world),
        other => other,
    }
}

/// The engine's settings get a generation of their own: it is told of a change, and of nothing else.
pub(super) fn set_engine(form: &mut ClusterForm, wanted: FormSync) {
    let before = form.sync.as_ref().map_or(0, |sync| sync.generation);
    let same = FormSync {
        generation: before,
        ..wanted
    };
    if form.sync.as_ref() != Some(&same) {
        form.sync = Some(FormSync {
            generation: form.generation + 1,
            ..same
        });
    }
}

/// Starts the engine if there is none on record; where there is one, it keeps its roots.
pub(super) fn start_engine(goal: &Goal, world: &World, writes: Writes) -> Next {
    match current(goal, world).sync {
        Some(_) => followed(world),
        None => switch(goal, world, writes, writes),
    }
}

/// The engine has taken over the roots on record.
pub(super) fn followed(world: &World) -> Next {
    let wanted = world.form.as_ref().and_then(|form| form.sync.as_ref());
    match &world.sync {
        Some(sync) if wanted.is_some_and(|wanted| wanted.roots == sync.roots) => Next::Nothing,
        Some(sync) => Next::Wait(vec![wait(Reason::WaitingForSwitch, sync.doing.clone())]),
        None => Next::Wait(vec![no_engine()]),
    }
}

/// The engine says that the side that follows has everything.
pub(super) fn caught_up(world: &World) -> Next {
    match &world.sync {
        Some(sync) if sync.in_sync => Next::Nothing,
        Some(sync) => Next::Wait(vec![wait(Reason::WaitingForSync, sync.doing.clone())]),
        None => Next::Wait(vec![no_engine()]),
    }
}

/// No engine answers.
pub(super) fn no_engine() -> Waiting {
    wait(Reason::WaitingForSync, "no sync engine answers yet")
}
