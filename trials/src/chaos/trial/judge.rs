//! What must be true at the end.

use std::time::Duration;

use anyhow::Result;
use zookeeper_client::Client;

use super::{Outcome, Written};
use crate::checker::{self, Difference, Expected, Tree};
use crate::faults::Fault;
use crate::world::World;

/// Nodes that both sides change on purpose.
pub(super) const FOUGHT: &str = "/fought-";

pub(super) async fn judge(
    observers: &[Client; 2],
    root: &str,
    records: &[Written],
    fault: Fault,
    outcome: &mut Outcome,
) -> Result<()> {
    let trees = trees(observers, root).await?;
    outcome.nodes = trees[0].len();
    outcome.differences = differences(&trees);
    if !outcome.differences.is_empty() {
        tokio::time::sleep(Duration::from_secs(5)).await;
        outcome.late = differences(&self::trees(observers, root).await?).is_empty();
    }
    for written in records {
        check(written, root, &trees[1 - written.at], fault, outcome);
    }
    Ok(())
}

async fn trees(observers: &[Client; 2], root: &str) -> Result<[Tree; 2]> {
    let (a, b) = tokio::try_join!(
        checker::read(&observers[0], root, &[]),
        checker::read(&observers[1], root, &[])
    )?;
    Ok([a, b])
}

fn differences(trees: &[Tree; 2]) -> Vec<Difference> {
    let mut found = checker::compare(&trees[0], &trees[1]);
    // The loser of a conflict was written twice more: by its client and by the engine. No server counts versions back.
    found.retain(|difference| !(difference.path.starts_with(FOUGHT) && difference.field == "version"));
    found
}

/// Whether the other side has what a writer was promised.
fn check(written: &Written, root: &str, tree: &Tree, fault: Fault, outcome: &mut Outcome) {
    let record = &written.record;
    outcome.writes += record.done;
    outcome.unknown += record.unknown;
    let relative = |path: &str| path.strip_prefix(root).unwrap_or(path).to_owned();
    let expected: Expected = record
        .expected
        .iter()
        .map(|(path, values)| (relative(path), values.clone()))
        .collect();
    outcome.lost.extend(checker::lost(&expected, tree));
    // No engine for longer than the session's timeout: the other side had to let it expire.
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

/// Starts what ended by itself again, and says so.
pub(super) fn revive(world: &mut World, outcome: &mut Outcome) -> Result<()> {
    for engine in &mut world.engines {
        if !engine.runs() {
            outcome.ended.push(engine.last_words());
            engine.start()?;
        }
    }
    Ok(())
}
