//! Asks the servers what [`super::choose`] needs to know.

use std::time::Duration;

use mesolith_zk::members::{Discovery, Origin, Server, discover};
use mesolith_zk::security::Security;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Facts;

/// Time limit to connect to the quorum port, and to open a session where no server tells its version.
const LIMIT: Duration = Duration::from_secs(5);

/// Nothing is known yet, and asking again may help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotYet(pub String);

/// Asks for the leader and tries its quorum port. The connection is closed at once, and the leader takes no notice of
/// it.
///
/// # Errors
/// When no server can be reached, or the ensemble has no leader just now.
pub async fn probe(servers: &[Server], security: &Security) -> Result<Facts, NotYet> {
    let found = discover(servers, security)
        .await
        .map_err(|error| NotYet(error.to_string()))?;
    if found.found.is_empty() {
        return without_words(servers, security, &found).await;
    }
    let mut facts = Facts {
        version: found.version().map(str::to_owned),
        standalone: found.is_standalone(),
        ..Facts::default()
    };
    if facts.standalone {
        return Ok(facts);
    }
    let Some(leader) = found.leader() else {
        if found.silent.is_empty() || found.found.iter().all(|found| found.mode.is_none()) {
            return Err(NotYet("no server leads just now".to_owned()));
        }
        let silent = silent(&found);
        facts.no_quorum_port = Some(format!("none of the servers that answer leads ({silent})"));
        return Ok(facts);
    };
    let quorum = leader.server.quorum.iter().chain(&leader.more);
    let mut causes = Vec::new();
    for address in quorum {
        match timeout(LIMIT, TcpStream::connect(address)).await {
            Ok(Ok(_)) => return Ok(facts),
            Ok(Err(error)) => causes.push(format!("{address}: {error}")),
            Err(_) => causes.push(format!("{address}: nothing within {} s", LIMIT.as_secs())),
        }
    }
    if let Origin::Guess(why) = &leader.origin {
        causes.push(format!("the address is a guess, since {why}"));
    }
    facts.no_quorum_port = Some(causes.join("; "));
    Ok(facts)
}

/// Servers that do not answer four-letter words may still serve clients.
async fn without_words(servers: &[Server], security: &Security, found: &Discovery) -> Result<Facts, NotYet> {
    let silent = silent(found);
    let each: Vec<_> = servers.iter().map(|server| server.client.as_str()).collect();
    match security.connect(&each.join(","), LIMIT, LIMIT).await {
        Ok(_) => Ok(Facts {
            no_quorum_port: Some(format!("no server says whether it leads ({silent})")),
            ..Facts::default()
        }),
        Err(error) => Err(NotYet(format!("{error}; {silent}"))),
    }
}

fn silent(found: &Discovery) -> String {
    let causes: Vec<_> = found.silent.iter().map(|silent| silent.cause.as_str()).collect();
    causes.join("; ")
}
