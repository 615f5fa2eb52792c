//! Makes one link after the other, for as long as the learner lives.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use super::broken::Broken;
use super::discover::Finder;
use super::queue::{Item, Queue};
use super::roster::Target;
use super::stream::{End, Follower};
use super::{Config, Requests, TouchList};
use crate::record::Zxid;

/// Longest pause between attempts at a leader that refuses us, which logs each attempt.
const REFUSED_PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Task {
    pub(super) config: Config,
    pub(super) last: Zxid,
    pub(super) queue: Arc<Queue>,
    pub(super) touch: TouchList,
    pub(super) requests: Requests,
}

impl Task {
    pub(super) async fn run(mut self) {
        let mut finder = Finder::new(self.config.servers.clone(), self.config.security.clone());
        let mut said = String::new();
        let mut pause = self.config.retry;
        loop {
            let before = self.last;
            let cause = match finder.leader().await {
                Err(cause) => cause,
                Ok(target) => match self.join(&mut finder, &target).await {
                    End::Broken(broken) => {
                        pause = match broken.is_refusal() {
                            true => (pause * 2).min(REFUSED_PAUSE),
                            false => self.config.retry,
                        };
                        broken.to_string()
                    }
                    End::Truncated => return pending().await,
                    End::Full => {
                        "transactions come faster than they are taken, and the spool is full".to_owned()
                    }
                },
            };
            if self.last != before {
                said.clear();
            }
            // The same cause twice in a row is told once.
            if cause != said {
                tracing::info!(last = %self.last, %cause, "no link to a ZooKeeper leader");
                self.queue.push(Item::Lost(cause.clone()));
                said = cause;
            }
            self.queue.room().await;
            tokio::time::sleep(pause).await;
        }
    }

    /// Tries the leader's addresses, and runs a link on the first one that can be connected to.
    async fn join(&mut self, finder: &mut Finder, target: &Target) -> End {
        let mut causes = Vec::new();
        for address in &target.quorum {
            let follower = Follower {
                config: &self.config,
                queue: &self.queue,
                touch: &self.touch,
                requests: &self.requests,
                roster: &mut finder.roster,
                last: &mut self.last,
            };
            match follower.run(address).await {
                End::Broken(broken @ Broken::Connect { .. }) => causes.push(broken.to_string()),
                other => return other,
            }
        }
        finder.roster.forget(&target.client);
        causes.extend(target.doubt.clone());
        End::Broken(Broken::Protocol(causes.join("; ")))
    }
}
