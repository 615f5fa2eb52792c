//! Asks servers about themselves, through their client ports only.
//!
//! ```text
//! srvr  -> mode, version                     answers everywhere
//! conf  -> own number, ports, members (3.5+) where the word is allowed: always on 3.4
//! a session -> /zookeeper/config (3.5+), and the number of the server in the top byte of the session's id
//! else 2888
//! ```

use std::time::Duration;

use futures::future::join_all;

use super::{Conf, DEFAULT_QUORUM_PORT, Endpoint, Membership, Server};
use crate::four_letter::{Mode, Words};
use crate::security::{self, Security};

/// Time limit for one answer, and for a session.
const LIMIT: Duration = Duration::from_secs(2);
const SESSION_LIMIT: Duration = Duration::from_secs(5);

/// How an address for learners is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The user named it.
    Given,
    /// The ensemble's member list.
    Members,
    /// From the server's answer to `conf`.
    Conf,
    /// Nobody has told it, so it is port 2888. The text says why nothing better is known.
    Guess(String),
    /// There is none, since the server is standalone.
    Standalone,
}

/// A server that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its addresses.
    pub server: Server,
    /// Further addresses for learners of this server.
    pub more: Vec<String>,
    /// How the address for learners is known.
    pub origin: Origin,
    /// Its id, if it is known.
    pub id: Option<i64>,
    /// Its role; `None` while it has no quorum.
    pub mode: Option<Mode>,
    /// Such as `3.4.14`; empty while it has no quorum.
    pub version: String,
}

/// A server that did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent {
    /// The server.
    pub server: Server,
    /// Why it did not answer.
    pub cause: String,
}

/// The answers of all servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Discovery {
    /// Those that answered, in the order that they were named.
    pub found: Vec<Found>,
    /// The servers that did not answer.
    pub silent: Vec<Silent>,
    /// The member list; the leader's if it has told one.
    pub membership: Option<Membership>,
}

impl Discovery {
    /// All servers with everything that is known: first those that the user has named, then the other members.
    pub fn servers(&self) -> Vec<Server> {
        let mut servers: Vec<_> = self.found.iter().map(|f| f.server.clone()).collect();
        servers.extend(self.silent.iter().map(|s| s.server.clone()));
        for member in self.membership.iter().flat_map(|m| &m.members) {
            let known = self.found.iter().any(|f| f.id == Some(member.id));
            let Some(client) = member.client_address().filter(|_| !known) else {
                continue;
            };
            let quorum = member.quorum_at(&client.host).into_iter().next();
            let client = client.to_string();
            if servers.iter().all(|s| s.client != client) {
                servers.push(Server { client, quorum });
            }
        }
        servers
    }

    /// The server that leads.
    pub fn leader(&self) -> Option<&Found> {
        self.found.iter().find(|f| f.mode == Some(Mode::Leader))
    }

    /// Standalone servers. They have no quorum port, so they cannot be followed.
    pub fn standalone(&self) -> impl Iterator<Item = &Found> {
        self.found.iter().filter(|f| f.mode == Some(Mode::Standalone))
    }

    /// Whether every server that has answered is standalone.
    pub fn is_standalone(&self) -> bool {
        !self.found.is_empty() && self.standalone().count() == self.found.len()
    }

    /// The leader's version, or else the first that is known.
    pub fn version(&self) -> Option<&str> {
        let versions = self.leader().into_iter().chain(&self.found);
        versions.map(|f| f.version.as_str()).find(|v| !v.is_empty())
    }

    /// If the leader's address for learners is a guess: a sentence that says so, with the remedy.
    pub fn guess(&self) -> Option<String> {
        let leader = self.leader()?;
        let Origin::Guess(cause) = &leader.origin else {
            return None;
        };
        let quorum = leader.server.quorum.as_deref().unwrap_or_default();
        Some(guess(&leader.server.client, quorum, cause))
    }
}

/// Why an address for learners may be wrong, and what to do about it.
pub(crate) fn guess(client: &str, quorum: &str, cause: &str) -> String {
    format!(
        "{quorum} is a guess for the quorum port of {client} ({cause}); name it as host:client:quorum, or allow the word \
         conf (4lw.commands.whitelist)"
    )
}

/// Asks every server at once.
///
/// # Errors
/// When a file that [`Security`] names cannot be used; that a server does not answer is no error.
pub async fn discover(servers: &[Server], security: &Security) -> Result<Discovery, security::Error> {
    let words = Words::new(security, LIMIT)?;
    let looks = join_all(servers.iter().map(|server| look(server, &words, security))).await;
    let mut discovery = Discovery::default();
    for (server, look) in servers.iter().zip(looks) {
        match look {
            Ok((found, membership)) => {
                if membership.is_some()
                    && (discovery.membership.is_none() || found.mode == Some(Mode::Leader))
                {
                    discovery.membership = membership;
                }
                discovery.found.push(found);
            }
            Err(cause) => discovery.silent.push(Silent {
                server: server.clone(),
                cause,
            }),
        }
    }
    Ok(discovery)
}

async fn look(
    server: &Server,
    words: &Words,
    security: &Security,
) -> Result<(Found, Option<Membership>), String> {
    let client = &server.client;
    let status = words.srvr(client).await.map_err(|error| error.to_string())?;
    let mut found = Found {
        server: server.clone(),
        more: Vec::new(),
        origin: Origin::Given,
        id: None,
        mode: status.mode,
        version: status.version,
    };
    if found.mode == Some(Mode::Standalone) {
        found.origin = Origin::Standalone;
        return Ok((found, None));
    }
    let (said, refused) = match words.conf(client).await {
        Ok(conf) => (conf, None),
        Err(error) => (Conf::default(), Some(error.to_string())),
    };
    let Some(endpoint) = server.endpoint() else {
        return Err(format!("{client} is not host:port"));
    };
    found.id = said.id;
    let mut membership = said.membership;
    let mut member = membership.as_ref().and_then(|m| m.find(&endpoint, found.id));
    let mut causes: Vec<String> = refused.into_iter().collect();
    let listed = found.mode.is_some() && !found.version.starts_with("3.4.");
    if membership.is_none() && listed {
        match read_config(client, security).await {
            Ok((list, session)) => {
                let list = membership.insert(list);
                member = list
                    .find_by_session(session)
                    .or_else(|| list.find(&endpoint, None));
                if member.is_none() {
                    causes.push("none of /zookeeper/config's lines is known to be its own".to_owned());
                }
            }
            Err(error) => causes.push(error),
        }
    }
    found.id = found.id.or(member.map(|m| m.id));
    if server.quorum.is_none() {
        let mut listed = member.map(|m| m.quorum_at(&endpoint.host)).unwrap_or_default();
        let port = |port| Endpoint::new(endpoint.host.clone(), port).to_string();
        (found.server.quorum, found.origin) = match said.quorum_port {
            _ if !listed.is_empty() => (Some(listed.remove(0)), Origin::Members),
            Some(own) => (Some(port(own)), Origin::Conf),
            None => {
                let cause = match causes.is_empty() {
                    true => "it said nothing of it".to_owned(),
                    false => causes.join("; "),
                };
                (Some(port(DEFAULT_QUORUM_PORT)), Origin::Guess(cause))
            }
        };
        found.more = listed;
    }
    Ok((found, membership))
}

/// The member list as clients read it, and the session that has read it.
async fn read_config(client: &str, security: &Security) -> Result<(Membership, i64), String> {
    let session = security.connect(client, SESSION_LIMIT, SESSION_LIMIT);
    let session = session.await.map_err(|error| error.to_string())?;
    let (data, _) = tokio::time::timeout(LIMIT, session.get_config())
        .await
        .map_err(|_| format!("/zookeeper/config was not read within {} s", LIMIT.as_secs()))?
        .map_err(|error| format!("/zookeeper/config cannot be read: {error}"))?;
    let list = Membership::parse(&String::from_utf8_lossy(&data)).map_err(|error| error.to_string())?;
    Ok((list, session.session_id().0))
}
