//! Reads a tree as a client sees it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::stream::{FuturesUnordered, StreamExt};
use zookeeper_client::{Client, Error, Stat};

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its data.
    pub data: Vec<u8>,
    /// Its stat.
    pub stat: Stat,
    /// `permissions scheme:id`, in order.
    pub acl: Vec<String>,
    /// Names of its children, sorted.
    pub children: Vec<String>,
}

impl Seen {
    /// The counter that names sequential children: creates right below it, ever. Clients see creates and deletes in
    /// `cversion`.
    pub fn creates(&self) -> i32 {
        self.stat.cversion.wrapping_add(self.stat.num_children) / 2
    }
}

/// Nodes by their path from the root that was read; the root itself is "".
pub type Tree = BTreeMap<String, Seen>;

/// Most reads without an answer at a time.
const WINDOW: usize = 64;

/// Reads everything below `root`; "" is the whole tree. Subtrees in `without`, named relative to the root, are left
/// out.
///
/// # Errors
/// When the server does not answer. Nodes that are deleted meanwhile are left out.
pub async fn read(client: &Client, root: &str, without: &[&str]) -> Result<Tree> {
    let limit = Duration::from_secs(30);
    let sync = client.sync(if root.is_empty() { "/" } else { root });
    tokio::time::timeout(limit, sync)
        .await
        .context("sync: no answer")??;
    let mut tree = Tree::new();
    let mut waiting = vec![String::new()];
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < WINDOW
            && let Some(path) = waiting.pop()
        {
            running.push(tokio::time::timeout(limit, node(client, root, path)));
        }
        let Some(done) = running.next().await else { break };
        if let Some((path, mut seen)) = done.context("reading: no answer")?? {
            let below = |name: &String| format!("{path}/{name}");
            seen.children
                .retain(|name| !without.contains(&below(name).as_str()));
            waiting.extend(seen.children.iter().map(below));
            tree.insert(path, seen);
        }
    }
    Ok(tree)
}

async fn node(client: &Client, root: &str, path: String) -> Result<Option<(String, Seen)>> {
    let full = match format!("{root}{path}") {
        empty if empty.is_empty() => "/".to_owned(),
        full => full,
    };
    let all = async {
        let (data, _) = client.get_data(&full).await?;
        let (acl, _) = client.get_acl(&full).await?;
        let (children, stat) = client.get_children(&full).await?;
        Ok((data, acl, children, stat))
    };
    match all.await {
        Ok((data, acl, mut children, stat)) => {
            children.sort();
            let show = |entry: &zookeeper_client::Acl| {
                format!("{:?} {}:{}", entry.permission(), entry.scheme(), entry.id())
            };
            let acl = acl.iter().map(show).collect();
            Ok(Some((
                path,
                Seen {
                    data,
                    stat,
                    acl,
                    children,
                },
            )))
        }
        Err(Error::NoNode) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {full}")),
    }
}
