//! Whether the servers of one ensemble agree with each other: where they do not, a change of leader takes back what
//! clients and engines have seen.

use std::time::Duration;

use anyhow::Result;
use mesolith_testkit_zookeeper::Ensemble;

use super::{Seen, Tree, read};
use crate::client::connect;
use crate::version::Version;

/// Nodes that servers and engines write all the time.
const BUSY: [&str; 2] = ["/zookeeper", "/mesolith"];

/// A line for each node that a server has otherwise than the first one, with every field of its stat.
///
/// # Errors
/// When a server does not answer.
pub async fn disagreements(ensemble: &Ensemble, version: Version) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut first: Option<Tree> = None;
    for id in 1..=ensemble.len() {
        let client = connect(&ensemble.server(id), version, Duration::from_secs(30)).await?;
        let tree = read(&client, "", &BUSY).await?;
        match &first {
            Some(first) => lines.extend(compare(first, id, &tree)),
            None => first = Some(tree),
        }
    }
    Ok(lines)
}

fn compare(first: &Tree, id: usize, tree: &Tree) -> Vec<String> {
    let paths = first
        .keys()
        .chain(tree.keys().filter(|path| !first.contains_key(*path)));
    // The root's list and counter change with each engine's node.
    let paths = paths.filter(|path| !path.is_empty() && first.get(*path) != tree.get(*path));
    let show = |seen: Option<&Seen>| seen.map_or("nothing".to_owned(), |seen| format!("{seen:?}"));
    let line = |path: &String| {
        let (one, other) = (show(first.get(path)), show(tree.get(path)));
        format!("{path}: server 1 has {one}, server {id} has {other}")
    };
    paths.map(line).collect()
}
