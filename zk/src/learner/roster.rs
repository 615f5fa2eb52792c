//! Knows which servers to ask for the leader, and where a leader listens. Kept up to date from what the ensemble
//! says. Pure.
//!
//! The servers that the user has named are asked first. A member list adds its members; it comes from NEWLEADER, from
//! a reconfiguration, or from a server that was asked. It also removes servers that were members and no longer are,
//! since they may belong to another ensemble by now.

use std::collections::BTreeMap;

use crate::members::{Discovery, Endpoint, Membership, Origin, Server, guess};
use crate::record::{Op, Txn};

/// The addresses of a leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Its client address.
    pub(super) client: String,
    /// Its quorum addresses, which are tried in turn.
    pub(super) quorum: Vec<String>,
    /// Why they may be wrong, and what to do about it.
    pub(super) doubt: Option<String>,
}

#[derive(Debug)]
pub(super) struct Roster {
    named: Vec<Server>,
    membership: Membership,
    /// Ids of servers by their client addresses, as far as they are known.
    numbers: BTreeMap<String, i64>,
    /// What leaders have said of themselves, until it turns out wrong.
    asked: BTreeMap<String, Target>,
}

impl Roster {
    pub(super) fn new(named: Vec<Server>) -> Self {
        Self {
            named,
            membership: Membership::default(),
            numbers: BTreeMap::new(),
            asked: BTreeMap::new(),
        }
    }

    /// Client addresses to ask.
    pub(super) fn clients(&self) -> Vec<String> {
        let gone = |client: &str| {
            let number = self.number(client);
            number.is_some_and(|n| !self.membership.members.is_empty() && !self.is_member(n))
        };
        let mut clients: Vec<String> = Vec::new();
        for server in &self.named {
            if !gone(&server.client) {
                clients.push(server.client.clone());
            }
        }
        clients.extend(self.unnamed());
        if clients.is_empty() {
            clients.extend(self.named.iter().map(|s| s.client.clone()));
        }
        clients
    }

    /// Client addresses of members that the user has not named. Static lists do not contain them; then the port is
    /// tried that all named servers have.
    fn unnamed(&self) -> Vec<String> {
        let named: Vec<_> = self.named.iter().filter_map(Server::endpoint).collect();
        let mut ports: Vec<_> = named.iter().map(|e| e.port).collect();
        ports.dedup();
        let mut found = Vec::new();
        for member in &self.membership.members {
            let known = self
                .named
                .iter()
                .any(|s| self.number(&s.client) == Some(member.id));
            let client = member.client_address().or_else(|| {
                let quorum = member.quorum.iter().find(|e| !e.is_wildcard())?;
                let [port] = ports[..] else { return None };
                let fresh = named.iter().all(|e| e.host != quorum.host);
                fresh.then(|| Endpoint::new(quorum.host.clone(), port))
            });
            let Some(client) = client.filter(|_| !known) else {
                continue;
            };
            if !named.contains(&client) {
                found.push(client.to_string());
            }
        }
        found
    }

    /// The addresses of a leader, if they are known.
    pub(super) fn target(&self, client: &str) -> Option<Target> {
        let given = self.named.iter().find(|s| s.client == client);
        if let Some(quorum) = given.and_then(|s| s.quorum.clone()) {
            return Some(Target {
                client: client.to_owned(),
                quorum: vec![quorum],
                doubt: None,
            });
        }
        let endpoint = Endpoint::parse(client)?;
        let listed = self
            .membership
            .find(&endpoint, self.number(client))
            .map(|m| m.quorum_at(&endpoint.host));
        match listed {
            Some(quorum) => Some(Target {
                client: client.to_owned(),
                quorum,
                doubt: None,
            }),
            None => self.asked.get(client).cloned(),
        }
    }

    /// Takes over what servers have answered.
    pub(super) fn take(&mut self, discovery: Discovery) {
        for found in &discovery.found {
            let client = &found.server.client;
            if let Some(id) = found.id {
                self.numbers.insert(client.clone(), id);
            }
            let Some(quorum) = &found.server.quorum else {
                continue;
            };
            let mut all = vec![quorum.clone()];
            all.extend(found.more.iter().cloned());
            let doubt = match &found.origin {
                Origin::Guess(cause) => Some(guess(client, quorum, cause)),
                _ => None,
            };
            let target = Target {
                client: client.clone(),
                quorum: all,
                doubt,
            };
            self.asked.insert(client.clone(), target);
        }
        if let Some(membership) = discovery.membership {
            self.replace(membership);
        }
    }

    /// Takes over a member list that a leader has sent.
    pub(super) fn learn(&mut self, text: &str) {
        match Membership::parse(text) {
            Ok(membership) => self.replace(membership),
            Err(error) => tracing::warn!(%error, "a member list is left out of account"),
        }
    }

    /// Takes over the member list of a reconfiguration.
    pub(super) fn follow(&mut self, txn: &[u8]) {
        if let Ok(Txn {
            op: Op::Reconfig(set),
            ..
        }) = Txn::decode(txn)
            && let Some(data) = set.data
        {
            self.learn(&String::from_utf8_lossy(&data));
        }
    }

    fn replace(&mut self, membership: Membership) {
        let older =
            matches!((membership.version, self.membership.version), (Some(new), Some(old)) if new < old);
        if membership.members.is_empty() || older {
            return;
        }
        // The old members are remembered, to tell later who has left.
        for server in &self.named {
            let number = self.number(&server.client);
            if let Some(endpoint) = server.endpoint()
                && let Some(member) = membership.find(&endpoint, number)
            {
                self.numbers.insert(server.client.clone(), member.id);
            }
        }
        self.membership = membership;
    }

    /// An address was wrong, so the leader is asked again next time.
    pub(super) fn forget(&mut self, client: &str) {
        self.asked.remove(client);
        self.membership = Membership::default();
    }

    fn number(&self, client: &str) -> Option<i64> {
        self.numbers.get(client).copied().or_else(|| {
            let quorum = self.named.iter().find(|s| s.client == client)?.quorum.as_ref()?;
            let quorum = Endpoint::parse(quorum)?;
            let member = self
                .membership
                .members
                .iter()
                .find(|m| m.quorum.contains(&quorum));
            member.map(|m| m.id)
        })
    }

    fn is_member(&self, id: i64) -> bool {
        self.membership.members.iter().any(|m| m.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: &str = "server.1=a:2888:3888:participant;0.0.0.0:2181\nserver.2=b:2888:3888:participant;b:2181\n\
                         server.3=c:2888:3888:participant;c:2181\nversion=0";

    fn quorum(roster: &Roster, client: &str) -> Vec<String> {
        roster.target(client).map(|t| t.quorum).unwrap_or_default()
    }

    #[test]
    fn a_list_adds_members_and_takes_those_away_that_left() {
        let mut roster = Roster::new(vec![Server::of_client("a:2181"), Server::of_client("b:2181")]);
        assert_eq!(roster.clients(), ["a:2181", "b:2181"]);
        assert_eq!(roster.target("b:2181"), None);
        roster.learn(THREE);
        assert_eq!(roster.clients(), ["a:2181", "b:2181", "c:2181"]);
        assert_eq!(quorum(&roster, "b:2181"), ["b:2888"]);
        let next = THREE.replace(
            "server.2=b:2888:3888:participant;b:2181",
            "server.4=d:2889:1|e:2889:1;d:2181",
        );
        roster.learn(&next.replace("version=0", "version=100000005"));
        assert_eq!(roster.clients(), ["a:2181", "d:2181", "c:2181"]);
        assert_eq!(quorum(&roster, "d:2181"), ["d:2889", "e:2889"]);
        // An older list that arrives late changes nothing.
        roster.learn(THREE);
        assert_eq!(roster.clients(), ["a:2181", "d:2181", "c:2181"]);
    }

    #[test]
    fn everybody_left_is_no_reason_to_ask_nobody() {
        let mut roster = Roster::new(vec![Server::new("a:2181", "a:2888")]);
        roster.learn("server.1=a:2888:3888\nversion=0");
        roster.learn("server.9=0.0.0.0:2888:3888\nversion=1");
        assert_eq!(roster.clients(), ["a:2181"]);
    }

    #[test]
    fn what_a_user_named_goes_before_the_list() {
        let mut roster = Roster::new(vec![Server::new("outside:2181", "outside:9999")]);
        roster.learn(THREE);
        assert_eq!(quorum(&roster, "outside:2181"), ["outside:9999"]);
    }

    #[test]
    fn a_static_list_is_tried_on_the_port_of_the_others() {
        let mut roster = Roster::new(vec![Server::of_client("a:2182")]);
        roster.learn("server.1=a:2888:3888\nserver.2=b:2888:3888\nversion=0");
        assert_eq!(roster.clients(), ["a:2182", "b:2182"]);
        assert_eq!(quorum(&roster, "b:2182"), ["b:2888"]);
        // If all servers are on one host, the host does not tell them apart.
        let mut roster = Roster::new(vec![Server::of_client("a:1"), Server::of_client("a:2")]);
        roster.learn("server.1=a:2888:3888\nserver.2=a:2889:3889\nversion=0");
        assert_eq!(roster.clients(), ["a:1", "a:2"]);
        assert_eq!(roster.target("a:1"), None);
    }

    #[test]
    fn a_list_that_is_not_understood_changes_nothing() {
        let mut roster = Roster::new(vec![Server::of_client("a:2181")]);
        roster.learn(THREE);
        roster.learn("server.x=nonsense");
        roster.learn("");
        assert_eq!(roster.clients().len(), 3);
    }
}
