//! Which subtrees are kept equal: those that the spec names and ensemble A has; for `/` all that it has. They are on record
//! in the form, and one that comes later is taken in.

use super::super::world::{Goal, World, wait};
use super::Next;
use super::form::{set_engine, shape};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::{FormRoot, FormSync, Writes};
use mesolith_crds::v1alpha1::zk_migration::Waiting;

/// As many as a form lists.
const MOST: usize = 1024;
/// Subtrees that are named in a wait.
const NAMED: usize = 4;

/// Why the migration cannot begin: it is not known what there is, or there is too much.
pub(super) fn unknown(world: &World) -> Option<Waiting> {
    match &world.subtrees {
        None => Some(wait(
            Reason::WaitingForSubtrees,
            "ensemble A does not tell which subtrees it has",
        )),
        Some(found) if found.len() > MOST => Some(wait(
            Reason::TooManySubtrees,
            format!(
                "ensemble A has {} top-level nodes, and at most {MOST} are kept equal one by one: name subtrees in \
                 spec.sync.paths",
                found.len()
            ),
        )),
        Some(_) => None,
    }
}

/// Subtrees of ensemble A that are not on record.
fn new(world: &World) -> Vec<String> {
    match (&world.subtrees, &world.form) {
        (Some(found), Some(form)) => {
            let is_new = |path: &&String| !form.paths.contains(path);
            found.iter().filter(is_new).cloned().collect()
        }
        _ => Vec::new(),
    }
}

/// Takes in what came to ensemble A since, while A's clients write it.
pub(crate) fn take_in(goal: &Goal, world: &World) -> Next {
    let new = new(world);
    let engine = world.form.as_ref().and_then(|form| form.sync.clone());
    let rest = |sync: &FormSync| {
        let others = sync.roots.iter().filter(|root| root.path != goal.election);
        others.map(|root| root.writes).next().unwrap_or(Writes::Source)
    };
    let room = |known: usize| new.len() + known <= MOST;
    match (engine, &world.form) {
        (Some(mut sync), Some(form))
            if !new.is_empty() && rest(&sync) != Writes::Target && room(form.paths.len()) =>
        {
            let writes = rest(&sync);
            let root = |path: &String| FormRoot {
                path: path.clone(),
                writes,
            };
            sync.roots.splice(0..0, new.iter().map(root));
            shape(goal, world, |form| {
                form.paths.extend(new);
                set_engine(form, sync);
            })
        }
        _ => Next::Nothing,
    }
}

/// Nothing is on ensemble A that was never kept equal.
pub(super) fn nothing_left_out(world: &World) -> Next {
    if world.subtrees.is_none() {
        return Next::Wait(unknown(world).into_iter().collect());
    }
    let new = new(world);
    if new.is_empty() {
        return Next::Nothing;
    }
    let some = new.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = match new.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Next::Wait(vec![wait(
        Reason::SubtreeNotSynced,
        format!("{some}{more} came to ensemble A after it was fenced, and are not on ensemble B"),
    )])
}
