//! Who is still connected to ensemble A, by the four-letter words `cons` and `wchs` of each of its servers.

use futures::future::join_all;
use mesolith_zk::four_letter::{Connection, Watches, Words};
use std::time::Duration;

/// For one answer of one server.
const PATIENCE: Duration = Duration::from_secs(3);

/// What counts as ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ours {
    /// Sessions that the operator has just opened.
    pub(super) sessions: Vec<i64>,
    /// Hosts whose connections are a sync engine's. An engine on the quorum port has none; one that has to use the client
    /// ports cannot be told from another program of its node.
    pub(super) hosts: Vec<String>,
}

/// Connections that are not ours, each with address and session.
///
/// # Errors
/// A sentence, when a server does not tell: nobody is known to be gone then.
pub(super) async fn look(servers: &[String], ours: &Ours) -> Result<Vec<String>, String> {
    let words = Words::plain(PATIENCE);
    let ask = |server: &String| {
        let (words, server) = (words.clone(), server.clone());
        async move {
            let (cons, wchs) = tokio::join!(words.cons(&server), words.wchs(&server));
            // Watches only confirm what the connections show, and many servers do not tell them.
            (server, cons, wchs.ok())
        }
    };
    let mut left = Vec::new();
    for (server, cons, watches) in join_all(servers.iter().map(ask)).await {
        let connections = cons.map_err(|error| {
            format!(
                "{server} of ensemble A does not tell its clients: {error}. Add cons to 4lw.commands.whitelist in its \
                 zoo.cfg; a server of a MesosCluster has it since its last start"
            )
        })?;
        left.extend(theirs(&server, &connections, watches, ours));
    }
    Ok(left)
}

/// Those of one server. Pure.
fn theirs(server: &str, connections: &[Connection], watches: Option<Watches>, ours: &Ours) -> Vec<String> {
    let host = |client: &str| {
        client
            .rsplit_once(':')
            .map_or(client, |(host, _)| host)
            .to_owned()
    };
    let is_ours = |connection: &&Connection| {
        ours.sessions.contains(&connection.session) || ours.hosts.contains(&host(&connection.client))
    };
    let others = connections.iter().filter(|connection| !is_ours(connection));
    let mut left: Vec<String> = others
        .map(|connection| {
            format!(
                "{} (session {:#x}, at {server})",
                connection.client, connection.session
            )
        })
        .collect();
    let shown = u64::try_from(connections.len()).unwrap_or(u64::MAX);
    if let Some(watches) = watches.filter(|watches| watches.connections > shown) {
        left.push(format!(
            "{} connections that wait for changes, at {server}",
            watches.connections - shown
        ));
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_one_left_is_named_and_ours_are_not() {
        let connection = |client: &str, session| Connection {
            client: client.to_owned(),
            session,
        };
        let connections = [
            connection("192.0.2.9:4711", 0x0100_0000_0000_0001),
            connection("192.0.2.21:4712", 0x0100_0000_0000_0002),
            connection("192.0.2.8:4713", 0x0100_0000_0000_0003),
        ];
        let ours = Ours {
            sessions: vec![0x0100_0000_0000_0003],
            hosts: vec!["192.0.2.21".to_owned()],
        };
        let watches = |connections| {
            Some(Watches {
                connections,
                ..Watches::default()
            })
        };
        let named = "192.0.2.9:4711 (session 0x100000000000001, at a1:2181)";
        assert_eq!(theirs("a1:2181", &connections, None, &ours), [named]);
        assert_eq!(theirs("a1:2181", &connections, watches(3), &ours), [named]);
        assert_eq!(
            theirs("a1:2181", &connections, watches(5), &ours),
            [named, "2 connections that wait for changes, at a1:2181"]
        );
        assert!(theirs("a1:2181", &connections[1..], watches(1), &ours).is_empty());
    }
}
