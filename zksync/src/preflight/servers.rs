//! Checks that the servers are ZooKeeper servers that an engine can follow.

use mesolith_zk::Error;
use mesolith_zk::four_letter::{Mode, ServerStatus, Words};

use super::{Problem, Server};
use crate::settings::Side;

/// A server's answer to the question what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// It serves as a member of an ensemble.
    Serving(ServerStatus),
    /// It is a ZooKeeper server without a quorum.
    NoQuorum,
    /// It is a ZooKeeper server that does not answer `srvr`.
    NotWhitelisted,
    /// It does not answer, or nothing listens there.
    Silent(String),
    /// Something other than ZooKeeper answers.
    NotZooKeeper(String),
}

/// Asks a server.
pub async fn probe(words: &Words, address: &str) -> Server {
    let answer = words.srvr(address).await;
    Server {
        address: address.to_owned(),
        probe: classify(answer),
    }
}

pub(super) fn classify(answer: Result<ServerStatus, Error>) -> Probe {
    match answer {
        Ok(status) if status.mode.is_none() => Probe::NoQuorum,
        Ok(status) => Probe::Serving(status),
        Err(Error::FourLetter { cause, .. }) => match cause.strip_prefix("it says: ") {
            Some(said) if said.contains("whitelist") => Probe::NotWhitelisted,
            // TLS ports and quorum ports close the connection without an answer.
            Some("an empty answer") => Probe::NotZooKeeper("it closes the connection".to_owned()),
            Some(said) => {
                Probe::NotZooKeeper(format!("it says: {}", said.chars().take(80).collect::<String>()))
            }
            None if cause.contains("wants TLS") => Probe::NotZooKeeper(cause),
            None => Probe::Silent(cause),
        },
        Err(other) => Probe::Silent(other.to_string()),
    }
}

/// Oldest version that the engine can follow: the formats of its records are known, and its leader accepts observers.
const OLDEST: (u32, u32) = (3, 4);

/// From this version on each server knows the others, so the leader is found through any of them.
const NAMES_OTHERS: (u32, u32) = (3, 5);

/// Problems with one side's servers. Some servers may be down, as long as the leader can be found.
pub(super) fn check(side: Side, servers: &[Server], client_ports_will_do: bool) -> Vec<Problem> {
    let flag = flag(side);
    let mut problems = Vec::new();
    let mut found = false;
    let mut waiting = Vec::new();
    for Server { address, probe } in servers {
        match probe {
            Probe::Serving(status) => {
                let version = version(&status.version);
                found |= client_ports_will_do
                    || status.mode == Some(Mode::Leader)
                    || version.is_some_and(|version| version >= NAMES_OTHERS);
                if status.mode == Some(Mode::Standalone) && !client_ports_will_do {
                    problems.push(standalone(flag, address));
                }
                if version.is_some_and(|version| version < OLDEST) {
                    problems.push(Problem::new(
                        "VersionTooOld",
                        format!(
                            "{flag}: {address} is ZooKeeper {}, older than 3.4.",
                            status.version
                        ),
                        "Upgrade it to 3.4 or later first.",
                    ));
                }
            }
            Probe::NotZooKeeper(said) => problems.push(Problem::new(
                "NotZooKeeper",
                format!("{flag}: {address} does not answer as ZooKeeper does; {said}."),
                "Give its client port, usually 2181; not the quorum, election, TLS or admin port.",
            )),
            Probe::NotWhitelisted => problems.push(Problem::new(
                "WordNotWhitelisted",
                format!("{flag}: {address} does not answer 'srvr', by which the leader is found."),
                "Add srvr to 4lw.commands.whitelist in its zoo.cfg; it is there by default.",
            )),
            Probe::NoQuorum => waiting.push(format!("{address} has no quorum")),
            Probe::Silent(cause) => waiting.push(format!("{address}: {cause}")),
        }
    }
    if problems.is_empty() && !found && !servers.is_empty() {
        let all_silent = servers
            .iter()
            .all(|server| matches!(server.probe, Probe::Silent(_)));
        problems.push(if all_silent {
            Problem::new(
                "Unreachable",
                format!("{flag}: no server can be reached: {}.", waiting.join("; ")),
                "Check names and ports, that the servers run, and that nothing is between that drops connections.",
            )
        } else {
            let rest = if waiting.is_empty() {
                "all that were named follow".to_owned()
            } else {
                waiting.join("; ")
            };
            Problem::new(
                "NoLeader",
                format!("{flag}: no leader is found: {rest}."),
                "Name every server of the ensemble, since the observer joins the one that leads; or wait until it has a \
                 quorum.",
            )
        });
    }
    problems
}

fn standalone(flag: &str, address: &str) -> Problem {
    Problem::new(
        "Standalone",
        format!("{flag}: {address} is a standalone server, which nobody can join as an observer."),
        "Run it as an ensemble of one: standaloneEnabled=false and one server.N line (3.5 and later), or add servers.",
    )
}

pub(super) fn flag(side: Side) -> &'static str {
    match side {
        Side::A => "--source",
        Side::B => "--target",
    }
}

/// Major and minor number.
pub(super) fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}
