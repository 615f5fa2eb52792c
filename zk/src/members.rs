//! Parses what servers say about the members of an ensemble, and about the ports they listen on for learners. Pure.
//!
//! Servers from 3.5 on keep the list in `/zookeeper/config`, send it to learners when they join, and print it after
//! `membership:` in the answer to `conf`. A line is `server.ID=HOST:QUORUM:ELECTION[:ROLE][;[HOST:]CLIENT]`, with more
//! addresses of the same server after `|`. Weights and groups are of no interest here. Older servers only say their own
//! id and ports.

mod discover;
mod endpoint;
mod server;

pub(crate) use discover::guess;
pub use discover::{Discovery, Found, Origin, Silent, discover};
pub use endpoint::Endpoint;
pub use server::{InvalidServer, Server};

/// Port for learners in every example configuration; used when nothing better is known.
pub const DEFAULT_QUORUM_PORT: u16 = 2888;

/// A member list that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot read '{line}' in the ensemble's member list: {problem}; name the quorum ports yourself, as host:client:quorum"
)]
pub struct Error {
    /// The line.
    pub line: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl Error {
    /// Short name for conditions, events and metric labels.
    pub fn reason(&self) -> &'static str {
        "MemberListInvalid"
    }
}

/// Whether a member votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It votes and may lead.
    Participant,
    /// It follows without a vote.
    Observer,
}

/// A server in the ensemble's member list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its number.
    pub id: i64,
    /// Where it listens for learners while it leads. In its own list the host may be a wildcard.
    pub quorum: Vec<Endpoint>,
    /// Whether it votes.
    pub role: Role,
    /// Where clients connect. Lists from static configuration files lack it.
    pub client: Option<Endpoint>,
}

/// The members in one version of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership {
    /// Zxid of the reconfiguration that has made this version; 0 for the first one.
    pub version: Option<u64>,
    /// The members, in the order of the list.
    pub members: Vec<Member>,
}

impl Membership {
    /// Parses the text of `/zookeeper/config`, which is empty on a standalone server.
    ///
    /// # Errors
    /// When a `server.` line is not understood. Other lines are ignored.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut this = Self::default();
        for line in text.lines().map(str::trim) {
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            if key.trim() == "version" {
                this.version = u64::from_str_radix(value.trim(), 16).ok();
            } else if let Some(id) = key.trim().strip_prefix("server.") {
                let member = member(id, value.trim()).map_err(|problem| Error {
                    line: line.chars().take(200).collect(),
                    problem,
                })?;
                this.members.push(member);
            }
        }
        Ok(this)
    }

    /// The member with a client address. It is found by its id if the server told it, else by its client address,
    /// else by its host if no other member is there.
    pub fn find(&self, client: &Endpoint, id: Option<i64>) -> Option<&Member> {
        if let Some(id) = id {
            return self.members.iter().find(|m| m.id == id);
        }
        let by_client = |m: &&Member| m.client.as_ref() == Some(client);
        self.members.iter().find(by_client).or_else(|| {
            let mut same = self.members.iter().filter(|m| m.is_on(&client.host));
            same.next().filter(|_| same.next().is_none())
        })
    }

    /// The member that has opened a session, if just one fits: the top byte of a session id is the low byte of its
    /// server's id.
    pub fn find_by_session(&self, session: i64) -> Option<&Member> {
        let byte = session >> 56 & 0xff;
        let mut same = self.members.iter().filter(|m| m.id & 0xff == byte);
        same.next().filter(|_| same.next().is_none())
    }
}

impl Member {
    /// Its quorum addresses for somebody who reaches it at `host`. A wildcard is replaced, since it is no address to
    /// connect to.
    pub fn quorum_at(&self, host: &str) -> Vec<String> {
        self.quorum.iter().map(|e| e.at(host).to_string()).collect()
    }

    /// Its client address, if the list has it. A wildcard stands for the host of the quorum port.
    pub fn client_address(&self) -> Option<Endpoint> {
        let client = self.client.as_ref()?;
        if !client.is_wildcard() {
            return Some(client.clone());
        }
        let quorum = self.quorum.iter().find(|e| !e.is_wildcard())?;
        Some(client.at(&quorum.host))
    }

    fn is_on(&self, host: &str) -> bool {
        self.client.iter().chain(&self.quorum).any(|e| e.host == host)
    }
}

fn member(id: &str, value: &str) -> Result<Member, &'static str> {
    let id = id.parse().map_err(|_| "the server's number is none")?;
    let (servers, client) = match value.split_once(';') {
        Some((servers, client)) => (servers, Some(client)),
        None => (value, None),
    };
    let mut role = Role::Participant;
    let mut quorum = Vec::new();
    for address in servers.split('|') {
        let mut address = address.trim();
        if let Some((rest, last)) = address.rsplit_once(':') {
            if last.eq_ignore_ascii_case("observer") {
                (role, address) = (Role::Observer, rest);
            } else if last.eq_ignore_ascii_case("participant") {
                address = rest;
            }
        }
        let (rest, election) = address.rsplit_once(':').ok_or("it has no ports")?;
        election.parse::<u16>().map_err(|_| "its election port is none")?;
        quorum.push(Endpoint::parse(rest).ok_or("its quorum port is none")?);
    }
    let client = client
        .map(|text| client_endpoint(text.trim()).ok_or("its client port is none"))
        .transpose()?;
    Ok(Member {
        id,
        quorum,
        role,
        client,
    })
}

/// `host:port`, or a port on every address.
fn client_endpoint(text: &str) -> Option<Endpoint> {
    match text.parse() {
        Ok(port) => Some(Endpoint::new("0.0.0.0", port)),
        Err(_) => Endpoint::parse(text),
    }
}

/// The answer to `conf`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conf {
    /// The server's id; 0 for a standalone server.
    pub id: Option<i64>,
    /// Its port for learners.
    pub quorum_port: Option<u16>,
    /// All members (3.5 and later).
    pub membership: Option<Membership>,
}

impl Conf {
    /// Parses the answer. `None` if it is something else, as when the word is not whitelisted.
    ///
    /// # Errors
    /// When its member list is not understood.
    pub fn parse(text: &str) -> Result<Option<Self>, Error> {
        let (own, list) = match text.split_once("membership:") {
            Some((own, list)) => (own, Some(list)),
            None => (text, None),
        };
        let value = |name: &str| {
            let line = own.lines().find_map(|line| line.trim().strip_prefix(name))?;
            Some(line.strip_prefix('=')?.trim())
        };
        if value("clientPort").is_none() && value("serverId").is_none() {
            return Ok(None);
        }
        let membership = list.map(Membership::parse).transpose()?;
        Ok(Some(Self {
            id: value("serverId").and_then(|v| v.parse().ok()),
            quorum_port: value("quorumPort")
                .and_then(|v| v.parse().ok())
                .filter(|p| *p > 0),
            membership: membership.filter(|m| !m.members.is_empty()),
        }))
    }
}

#[cfg(test)]
mod tests;
