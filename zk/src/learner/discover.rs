//! Which server leads, and where it listens for learners.
//!
//! Only a leader listens on the quorum port, but it does so before its election is settled; old versions counted an
//! observer that came then. So the leader must say that it leads before it is connected to.

use std::time::Duration;

use futures::future::join_all;

use crate::four_letter::{self, Mode};

/// A server of an ensemble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// `host:port` for clients.
    pub client: String,
    /// `host:port` for learners: the first port of the `server.N` line.
    pub quorum: String,
}

/// Time for one server to say what it is.
const LIMIT: Duration = Duration::from_secs(2);

/// The quorum port of the server that leads.
pub(super) async fn leader(servers: &[Server]) -> Result<String, String> {
    let asked = servers
        .iter()
        .map(|server| four_letter::srvr(&server.client, LIMIT));
    let answers = join_all(asked).await;
    let mut said = Vec::new();
    for (server, answer) in servers.iter().zip(answers) {
        match answer {
            Ok(status) if status.mode == Some(Mode::Leader) => return Ok(server.quorum.clone()),
            Ok(status) if status.mode == Some(Mode::Standalone) => {
                said.push(format!("{} is standalone and has no quorum port", server.client));
            }
            Ok(status) if status.mode.is_none() => said.push(format!("{} has no quorum", server.client)),
            Ok(_) => said.push(format!("{} does not lead", server.client)),
            Err(error) => said.push(error.to_string()),
        }
    }
    Err(format!("no server leads: {}", said.join("; ")))
}
