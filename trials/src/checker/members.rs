//! Checks that the servers of one ensemble agree. ZooKeeper up to 3.9 has faults (ZOOKEEPER-4646, ZOOKEEPER-4785) by
//! which a follower may lose what it was sent when it joined, if it is killed soon after. From then on its data
//! differs from that of the other servers. When it becomes the leader, it takes back what clients were promised and
//! engines have carried.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use mesolith_testkit_zookeeper::Ensemble;

use super::{Seen, Tree, read};
use crate::client::connect;
use crate::version::Version;

/// Nodes that servers and engines write all the time, which are not compared.
const BUSY: [&str; 2] = ["/zookeeper", "/mesolith"];
/// After this time, every change that was on its way has reached all servers.
const PAUSE: Duration = Duration::from_secs(5);

/// A line for each node in which a server differs from the first one, now and again five seconds later.
///
/// # Errors
/// When a server does not answer.
pub async fn disagreements(ensemble: &Ensemble, version: Version) -> Result<BTreeSet<String>> {
    let mut lines = look(ensemble, version).await?;
    if !lines.is_empty() {
        tokio::time::sleep(PAUSE).await;
        let later = look(ensemble, version).await?;
        lines.retain(|line| later.contains(line));
    }
    Ok(lines)
}

async fn look(ensemble: &Ensemble, version: Version) -> Result<BTreeSet<String>> {
    let mut lines = BTreeSet::new();
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
    let line = |path: &String| {
        let [one, other] = [first, tree].map(|tree| tree.get(path).map_or("nothing".to_owned(), text));
        (one != other).then(|| format!("{path}: server 1 has {one}; server {id} has {other}"))
    };
    paths.filter_map(line).collect()
}

/// All fields except the counter of children, which servers of 3.5 forget when they are started again.
fn text(seen: &Seen) -> String {
    let Seen {
        data,
        stat,
        acl,
        children,
    } = seen;
    format!(
        "{:?}, version {} of {:#x}, made by {:#x}, owner {:#x}, acl {} {}, children {}",
        String::from_utf8_lossy(data),
        stat.version,
        stat.mzxid,
        stat.czxid,
        stat.ephemeral_owner,
        stat.aversion,
        acl.join(" "),
        children.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(data: &[u8], cversion: i32) -> Seen {
        let stat = zookeeper_client::Stat {
            czxid: 1,
            mzxid: 2,
            pzxid: 3,
            ctime: 0,
            mtime: 0,
            version: 0,
            cversion,
            aversion: 0,
            ephemeral_owner: 0,
            data_length: 1,
            num_children: 0,
        };
        Seen {
            data: data.to_vec(),
            stat,
            acl: vec!["all world:anyone".to_owned()],
            children: Vec::new(),
        }
    }

    #[test]
    fn names_nodes_that_differ_but_for_their_counters() {
        let tree = |nodes: &[(&str, Seen)]| -> Tree {
            nodes
                .iter()
                .map(|(path, seen)| ((*path).to_owned(), seen.clone()))
                .collect()
        };
        let first = tree(&[
            ("/a", node(b"x", 1)),
            ("/b", node(b"x", 1)),
            ("/c", node(b"x", 1)),
        ]);
        let other = tree(&[
            ("/a", node(b"x", 2)),
            ("/b", node(b"y", 1)),
            ("/d", node(b"x", 1)),
        ]);
        let lines = compare(&first, 3, &other);
        let named: Vec<_> = lines.iter().map(|line| &line[..2]).collect();
        assert_eq!(named, ["/b", "/c", "/d"]);
        assert!(lines[1].ends_with("server 3 has nothing"), "{}", lines[1]);
    }
}
