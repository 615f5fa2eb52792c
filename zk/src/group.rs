//! The whole election group, asked once: who stands for election, as one ensemble shows it.

use std::time::Duration;

use crate::election::{STANDBY, sequence_of};
use crate::session::{bounded, open};
use crate::{Address, Error};

/// Of the session that asks; it ends with the answer.
const SESSION: Duration = Duration::from_secs(10);

/// Names of all who take part under the address's path: candidates, the leader first, then those who may not lead. A path
/// that does not exist has none.
///
/// # Errors
/// When no server of the ensemble answers within the limits of a call.
pub async fn candidates(address: &Address) -> Result<Vec<String>, Error> {
    let client = open(address, SESSION).await?;
    let listed = bounded("list the election group", client.list_children(&address.path)).await;
    let mut names = match listed {
        Ok(names) => names,
        Err(error) => {
            let there = bounded("look for the election group", client.check_stat(&address.path)).await?;
            return if there.is_none() {
                Ok(Vec::new())
            } else {
                Err(error)
            };
        }
    };
    names.retain(|name| sequence_of(name).is_some() || name.starts_with(STANDBY));
    names.sort_by_key(|name| (name.starts_with(STANDBY), sequence_of(name)));
    Ok(names)
}
