//! Reads one node, with requests that are sent together.

use futures::future::OptionFuture;
use mesolith_zk::record::{Acl, NodeStat};
use zookeeper_client::{Client, Error, OneshotWatcher, Stat};

use super::convert::{our_list, stored};

/// Parts of a node to read. Its stat is always read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Want {
    pub(super) children: bool,
    pub(super) data: bool,
    pub(super) acl: bool,
}

impl Want {
    pub(super) const STAT: Self = Self::new(false, false, false);
    pub(super) const CHILDREN: Self = Self::new(true, false, false);
    pub(super) const DATA: Self = Self::new(false, true, false);
    pub(super) const ACL: Self = Self::new(false, false, true);
    pub(super) const NODE: Self = Self::new(false, true, true);
    pub(super) const ALL: Self = Self::new(true, true, true);

    const fn new(children: bool, data: bool, acl: bool) -> Self {
        Self { children, data, acl }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self::new(
            self.children || other.children,
            self.data || other.data,
            self.acl || other.acl,
        )
    }
}

/// A node as it was read.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) stat: NodeStat,
    pub(super) children_count: i32,
    pub(super) children: Option<Vec<String>>,
    pub(super) data: Option<Vec<u8>>,
    pub(super) acl: Option<Vec<Acl>>,
}

/// Why a node could not be read.
#[derive(Debug)]
pub(super) enum Failure {
    /// The node does not exist.
    Gone,
    /// The node was deleted and created again between the requests.
    Torn,
    /// The session may not read it. Carries the node's list if the server shows it.
    Denied(Option<Vec<Acl>>),
    /// The connection broke, or the server is overloaded.
    Lost,
}

/// The result of a read, with the watches that it set.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) path: Box<str>,
    pub(super) node: Result<Node, Failure>,
    pub(super) data_watch: Option<OneshotWatcher>,
    pub(super) children_watch: Option<OneshotWatcher>,
}

/// Which watches to set with the read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Arm {
    pub(super) data: bool,
    pub(super) children: bool,
}

pub(super) async fn read(client: Client, path: Box<str>, want: Want, arm: Arm) -> Reading {
    let exists = OptionFuture::from((want == Want::STAT).then(|| client.check_stat(&path)));
    let children = OptionFuture::from(want.children.then(|| children(&client, &path, arm.children)));
    let data = OptionFuture::from(want.data.then(|| data(&client, &path, arm.data)));
    let acl = OptionFuture::from(want.acl.then(|| client.get_acl(&path)));
    let (exists, children, data, acl) = futures::join!(exists, children, data, acl);
    let (children, children_watch) = split(children);
    let (data, data_watch) = split(data);
    let node = put_together(exists, children, data, acl);
    Reading {
        path,
        node,
        data_watch,
        children_watch,
    }
}

type Part<T> = Option<Result<(T, Stat), Error>>;
type Watched<T> = Result<(T, Stat, Option<OneshotWatcher>), Error>;

async fn children(client: &Client, path: &str, arm: bool) -> Watched<Vec<String>> {
    if arm {
        let (children, stat, watch) = client.get_and_watch_children(path).await?;
        return Ok((children, stat, Some(watch)));
    }
    let (children, stat) = client.get_children(path).await?;
    Ok((children, stat, None))
}

async fn data(client: &Client, path: &str, arm: bool) -> Watched<Vec<u8>> {
    if arm {
        let (data, stat, watch) = client.get_and_watch_data(path).await?;
        return Ok((data, stat, Some(watch)));
    }
    let (data, stat) = client.get_data(path).await?;
    Ok((data, stat, None))
}

fn split<T>(read: Option<Watched<T>>) -> (Part<T>, Option<OneshotWatcher>) {
    match read {
        Some(Ok((value, stat, watch))) => (Some(Ok((value, stat))), watch),
        Some(Err(error)) => (Some(Err(error)), None),
        None => (None, None),
    }
}

/// Puts the replies together, each with the stat fields that belong to it: the node may change between two replies.
fn put_together(
    exists: Option<Result<Option<Stat>, Error>>,
    children: Part<Vec<String>>,
    data: Part<Vec<u8>>,
    acl: Part<Vec<zookeeper_client::Acl>>,
) -> Result<Node, Failure> {
    let list = match &acl {
        Some(Ok((list, _))) => Some(our_list(list)),
        _ => None,
    };
    let exists = match exists {
        Some(Ok(Some(stat))) => Some(Ok(((), stat))),
        Some(Ok(None)) => Some(Err(Error::NoNode)),
        Some(Err(error)) => Some(Err(error)),
        None => None,
    };
    let errors = [failed(&exists), failed(&children), failed(&data), failed(&acl)];
    if let Some(error) = errors.into_iter().flatten().next() {
        return Err(match error {
            Error::NoNode => Failure::Gone,
            Error::NoAuth => Failure::Denied(list),
            _ => Failure::Lost,
        });
    }
    let (exists, children, data, acl) = (got(exists), got(children), got(data), got(acl));
    let stats = [
        exists.as_ref().map(|(_, stat)| stat),
        acl.as_ref().map(|(_, stat)| stat),
        data.as_ref().map(|(_, stat)| stat),
        children.as_ref().map(|(_, stat)| stat),
    ];
    let Some(base) = stats.iter().copied().flatten().next() else {
        return Err(Failure::Torn);
    };
    if stats
        .iter()
        .copied()
        .flatten()
        .any(|stat| stat.czxid != base.czxid)
    {
        return Err(Failure::Torn);
    }
    let mut stat = stored(base);
    let mut children_count = base.num_children;
    if let Some((_, of_data)) = &data {
        let of_data = stored(of_data);
        (stat.version, stat.mzxid, stat.mtime) = (of_data.version, of_data.mzxid, of_data.mtime);
    }
    if let Some((_, of_children)) = &children {
        children_count = of_children.num_children;
        let of_children = stored(of_children);
        (stat.cversion, stat.pzxid) = (of_children.cversion, of_children.pzxid);
    }
    Ok(Node {
        stat,
        children_count,
        children: children.map(|(children, _)| children),
        data: data.map(|(data, _)| data),
        acl: acl.map(|_| list.unwrap_or_default()),
    })
}

fn failed<T>(part: &Part<T>) -> Option<Error> {
    part.as_ref()?.as_ref().err().cloned()
}

fn got<T>(part: Part<T>) -> Option<(T, Stat)> {
    part.and_then(Result::ok)
}
