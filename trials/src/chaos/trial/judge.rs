//! Checks what must be true at the end of a trial.

use std::time::Duration;

use anyhow::Result;
use zookeeper_client::Client;

use super::claim::Claim;
use super::{Outcome, SIDES, Written};
use crate::chaos::plan::LEFT_OUT;
use crate::checker::{self, Difference, Expected, Tree};
use crate::faults::Fault;
use crate::world::World;
use crate::writers;

/// Prefix of nodes that both sides change on purpose.
pub(super) const FOUGHT: &str = "/fought-";

pub(super) async fn judge(
    observers: &[Client; 2],
    root: &str,
    records: &[Written],
    fault: Fault,
    claim: &Claim,
    outcome: &mut Outcome,
) -> Result<()> {
    let trees = trees(observers, root).await?;
    outcome.nodes = trees[0].len();
    let all = differences(&trees);
    outcome.lies = claim.lies(root, &all);
    let unnamed = |mut found: Vec<Difference>| {
        found.retain(|difference| !claim.names(root, &difference.path));
        found
    };
    outcome.refused = all.len();
    outcome.differences = unnamed(all);
    outcome.refused -= outcome.differences.len();
    if !outcome.differences.is_empty() {
        tokio::time::sleep(Duration::from_secs(5)).await;
        outcome.late = unnamed(differences(&self::trees(observers, root).await?)).is_empty();
    }
    for written in records {
        check(written, root, &trees[1 - written.at], fault, claim, outcome);
    }
    Ok(())
}

async fn trees(observers: &[Client; 2], root: &str) -> Result<[Tree; 2]> {
    let left_out: Vec<_> = SIDES
        .iter()
        .flat_map(|side| LEFT_OUT.map(|path| format!("/{side}{path}")))
        .collect();
    let left_out: Vec<_> = left_out.iter().map(String::as_str).collect();
    let (a, b) = tokio::try_join!(
        checker::read(&observers[0], root, &left_out),
        checker::read(&observers[1], root, &left_out)
    )?;
    Ok([a, b])
}

fn differences(trees: &[Tree; 2]) -> Vec<Difference> {
    let mut found = checker::compare(&trees[0], &trees[1]);
    // The loser of a conflict was written twice more, by its client and by the engine. A server cannot lower a
    // version, so only the version may differ.
    found.retain(|difference| !(difference.path.starts_with(FOUGHT) && difference.field == "version"));
    // Each child that only one side has is a difference of its own, and may be named as refused.
    found.retain(|difference| difference.field != "children");
    // A node that is refused counts in its parent at once, and once more if it is taken later.
    found.retain(|difference| !(difference.field == "cversion" && counted_twice(difference)));
    found
}

/// Whether the node has large children, and its counter is ahead on the side that may have refused one.
fn counted_twice(difference: &Difference) -> bool {
    let is_ahead = |counters: [&String; 2]| {
        let [less, more] = counters.map(|counter| counter.parse::<i64>().unwrap_or(0));
        more > less
    };
    let (_, name) = difference.path.rsplit_once('/').unwrap_or_default();
    let follower_is_ahead = if difference.path.starts_with("/A/") {
        is_ahead([&difference.a, &difference.b])
    } else {
        is_ahead([&difference.b, &difference.a])
    };
    name == writers::LARGE_PARENT && follower_is_ahead
}

/// Whether the other side has what a writer was promised.
fn check(written: &Written, root: &str, tree: &Tree, fault: Fault, claim: &Claim, outcome: &mut Outcome) {
    let record = &written.record;
    outcome.writes += record.done;
    outcome.unknown += record.unknown;
    let relative = |path: &str| path.strip_prefix(root).unwrap_or(path).to_owned();
    let expected: Expected = record
        .expected
        .iter()
        .map(|(path, values)| (relative(path), values.clone()))
        .filter(|(path, _)| !claim.names(root, path))
        .collect();
    outcome.lost.extend(checker::lost(&expected, tree));
    // No engine ran for longer than the session's timeout, so the other side had to let the session expire.
    if record.expired || fault == Fault::LongAway {
        return;
    }
    let anchor = &record.anchor;
    match tree.get(&relative(anchor)).map(|node| node.stat.czxid) {
        Some(made) if made == written.seen => {}
        None => outcome.expired.push(format!("{anchor} is gone")),
        Some(made) => outcome.expired.push(format!(
            "{anchor} was made again: {:#x}, now {made:#x}",
            written.seen
        )),
    }
}

/// Starts engines again that have ended by themselves, and reports them.
pub(super) fn revive(world: &mut World, outcome: &mut Outcome) -> Result<()> {
    for engine in &mut world.engines {
        if !engine.runs() {
            outcome.ended.push(engine.last_words());
            engine.start()?;
        }
    }
    Ok(())
}
