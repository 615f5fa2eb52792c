//! Finds the leader, and the address where it listens for learners.
//!
//! Only a leader listens on the quorum port. But it does so before its election is settled, and old versions count an
//! observer that comes then. So a leader is connected to only after it says that it leads.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use super::roster::{Roster, Target};
use crate::four_letter::{Mode, Words};
use crate::members::{self, Server};
use crate::security::Security;

/// Time limit for one server's answer.
const LIMIT: Duration = Duration::from_secs(2);
/// Pause between searches that need sessions.
const SEARCH_PAUSE: Duration = Duration::from_secs(1);

/// Finds leaders, and remembers what is known of the ensemble.
#[derive(Debug)]
pub(super) struct Finder {
    pub(super) roster: Roster,
    security: Security,
    searched: Option<Instant>,
}

impl Finder {
    pub(super) fn new(servers: Vec<Server>, security: Security) -> Self {
        Self {
            roster: Roster::new(servers),
            security,
            searched: None,
        }
    }

    /// The server that leads, as it says itself.
    pub(super) async fn leader(&mut self) -> Result<Target, String> {
        let clients = self.roster.clients();
        let first = self.ask(&clients).await?;
        let found = match first {
            Answers {
                leader: Some(client), ..
            } => client,
            // A server follows a leader that is not among those that were asked.
            Answers {
                follower: Some(client),
                said,
                ..
            } => {
                self.search(&client).await?;
                let asked: Vec<_> = clients.iter().map(String::as_str).collect();
                let mut more = self.roster.clients();
                more.retain(|c| !asked.contains(&c.as_str()));
                let second = self.ask(&more).await?;
                second
                    .leader
                    .ok_or_else(|| nobody(&[said, second.said].concat()))?
            }
            Answers { said, .. } => return Err(nobody(&said)),
        };
        if let Some(target) = self.roster.target(&found) {
            return Ok(target);
        }
        self.search(&found).await?;
        self.roster.target(&found).ok_or_else(|| {
            format!("{found} leads and its quorum port is not known; name it as host:client:quorum")
        })
    }

    async fn ask(&self, clients: &[String]) -> Result<Answers, String> {
        let words = Words::new(&self.security, LIMIT).map_err(|error| error.to_string())?;
        let modes = join_all(clients.iter().map(|client| words.srvr(client))).await;
        let mut answers = Answers::default();
        for (client, answer) in clients.iter().zip(modes) {
            answers.said.push(match answer.map(|status| status.mode) {
                Ok(Some(Mode::Leader)) => {
                    answers.leader = Some(client.clone());
                    continue;
                }
                Ok(Some(Mode::Standalone)) => {
                    format!("{client} is standalone and has no quorum port; run it with a server line to be followed")
                }
                Ok(Some(Mode::Follower | Mode::Observer)) => {
                    answers.follower.get_or_insert_with(|| client.clone());
                    format!("{client} does not lead")
                }
                Ok(None) => format!("{client} has no quorum"),
                Err(error) => error.to_string(),
            });
        }
        Ok(answers)
    }

    /// Asks a server what it knows of the ensemble. Not too often, since that may take a session.
    async fn search(&mut self, client: &str) -> Result<(), String> {
        if let Some(searched) = self.searched {
            tokio::time::sleep_until(searched + SEARCH_PAUSE).await;
        }
        self.searched = Some(Instant::now());
        let server = Server::of_client(client);
        let discovery = members::discover(&[server], &self.security).await;
        self.roster.take(discovery.map_err(|error| error.to_string())?);
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Answers {
    leader: Option<String>,
    follower: Option<String>,
    said: Vec<String>,
}

fn nobody(said: &[String]) -> String {
    format!("no server leads: {}", said.join("; "))
}
