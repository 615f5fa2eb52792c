//! What an ensemble has at some places, asked once.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::session::{bounded, open};
use crate::{Address, Error};

/// Of the session that asks; it ends with the answer.
const SESSION: Duration = Duration::from_secs(10);

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// The names right below each node that was to be listed and exists, in order.
    pub children: BTreeMap<String, Vec<String>>,
    /// Those that exist, of the nodes that were asked about.
    pub existing: Vec<String>,
    /// The session that asked: for those who count the clients of an ensemble.
    pub session: i64,
}

/// Lists some nodes, and asks whether others exist. The address's own path means nothing here.
///
/// # Errors
/// When no server of the ensemble answers within the limits of a call, or a node may not be read.
pub async fn survey(address: &Address, list: &[String], exist: &[String]) -> Result<Survey, Error> {
    let client = open(address, SESSION).await?;
    let mut found = Survey {
        session: client.session_id().0,
        ..Survey::default()
    };
    for path in list {
        if bounded("look for the node", client.check_stat(path))
            .await?
            .is_some()
        {
            let mut names = bounded("list the node", client.list_children(path)).await?;
            names.sort();
            found.children.insert(path.clone(), names);
        }
    }
    for path in exist {
        if bounded("look for the node", client.check_stat(path))
            .await?
            .is_some()
        {
            found.existing.push(path.clone());
        }
    }
    Ok(found)
}
