//! An engine's status. CLI, controllers and dashboard all use this one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::settings::{Settings, Side};

/// The engine's state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It cannot reach a side yet, or waits until a server is started. `waiting_for` says which.
    #[default]
    Connecting,
    /// Another engine is active; this one follows and is ready to take over.
    Standby,
    /// The target is being filled.
    Seeding,
    /// The target follows but is behind.
    CatchingUp,
    /// The target is equal, apart from the lag.
    InSync,
    /// The target follows, but does not take everything; `refused` says what.
    Incomplete,
    /// It stands still as asked.
    Paused,
    /// It has ended because it was told to.
    Stopped,
    /// It cannot go on; `waiting_for` says why and what to do.
    Failed,
}

impl State {
    /// The word in JSON and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Standby => "standby",
            Self::Seeding => "seeding",
            Self::CatchingUp => "catching-up",
            Self::InSync => "in-sync",
            Self::Incomplete => "incomplete",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// What the engine waits for. The reason is for programs, the message for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// CamelCase, such as `WaitingForLeader`.
    pub reason: String,
    /// One or two sentences: what is missing, where, and what to do.
    pub message: String,
}

/// Time from a commit on one side to the same commit on the other, over the last minute, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Lag {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// The maximum.
    pub max: f64,
}

/// Progress of filling the target, in nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Nodes of A that the target has, or that are not carried.
    pub done: u64,
    /// Nodes of A in all.
    pub total: u64,
    /// Bytes of data written.
    pub bytes: u64,
    /// Nodes a second, averaged over the last ten seconds.
    pub per_second: f64,
    /// Seconds left at this rate. `None` at the beginning, and while nothing moves.
    pub seconds_left: Option<f64>,
}

/// One ensemble as the engine sees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SideStatus {
    /// Its servers, as they were given.
    pub servers: String,
    /// Version of the leader.
    pub version: Option<String>,
    /// Address of the leader.
    pub leader: Option<String>,
    /// Whether the engine has a link that is up to date.
    pub connected: bool,
    /// The way in which changes are seen: `observer`, `recursive-watch` or `one-shot-watches`.
    pub capture: String,
    /// Why changes are seen in this way.
    pub capture_reason: String,
    /// Number of znodes.
    pub znodes: u64,
    /// Last transaction seen, such as 0x2b0001f3a4.
    pub zxid: String,
    /// Digest over the tree, as servers compute it.
    pub digest: String,
    /// Whether the last digest of a transaction agreed with ours. `None` before 3.6.
    pub digest_verified: Option<bool>,
    /// Seconds since the last transaction.
    pub digest_age_seconds: Option<f64>,
    /// Number of sessions of this side's clients.
    pub sessions: u64,
    /// The longest packet, in bytes, that every server of it takes from clients; none while that is not known.
    pub jute_maxbuffer: Option<u32>,
}

/// A change that a side does not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedChange {
    /// The node, as A names it.
    pub path: String,
    /// The side that does not take it.
    pub side: Side,
    /// What of the node: `node` (it is not there, nor is what is below it), `data`, `acl`, `cversion`, `delete`.
    pub what: String,
    /// CamelCase, such as `TooLarge`.
    pub reason: String,
    /// The sentence, with what to do.
    pub message: String,
    /// Bytes of the request.
    pub bytes: u64,
}

/// The first of so many refused changes in a sentence, and how many there are besides.
pub(crate) fn first_refused(messages: impl Iterator<Item = String>, all: u64) -> String {
    const MOST_NAMED: usize = 3;
    let mut text = messages.take(MOST_NAMED).collect::<Vec<_>>().join("; ");
    let more = all.saturating_sub(MOST_NAMED as u64);
    if more > 0 {
        text += &format!("; and {more} more, see sync status --output json");
    }
    text
}

/// An alert: something a person should look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// CamelCase, such as `LagAboveThreshold`.
    pub reason: String,
    /// The sentence.
    pub message: String,
    /// Seconds for which the alert has lasted.
    pub seconds: f64,
}

/// The status as a whole. The names of its fields are a promise, see `docs/zksync-status.md`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)] // an engine may be older or newer than who reads this
pub struct Status {
    /// Name of the engine; active and standby processes share it.
    pub name: String,
    /// Its state.
    pub state: State,
    /// What it waits for.
    pub waiting_for: Option<Waiting>,
    /// Generation of the settings that it follows.
    pub observed_generation: u64,
    /// The settings.
    pub settings: Settings,
    /// Run of this process: a unique name for each start.
    pub run: String,
    /// Its process id.
    pub pid: u32,
    /// Run of the active engine, which may be another process.
    pub active_run: Option<String>,
    /// Lag of changes from A to B.
    pub lag_ms: Lag,
    /// Lag of changes from B to A, where B may write.
    pub reverse_lag_ms: Option<Lag>,
    /// Time from a request of the engine until B has committed it. This is B's own part of the lag.
    pub answer_ms: Lag,
    /// Znodes in scope on the source.
    pub znodes: u64,
    /// Changes that wait to be written.
    pub pending: u64,
    /// Number of conflicts so far.
    pub conflicts: u64,
    /// Frozen paths, which wait for `sync resolve`.
    pub frozen: Vec<String>,
    /// Changes that a side does not take now; the first hundred.
    pub refused: Vec<RefusedChange>,
    /// How many there are.
    pub refused_count: u64,
    /// Changes that a side refused and that are tried again, so far.
    pub errors: u64,
    /// Bytes of data written a second.
    pub bytes_per_second: f64,
    /// Changes written a second.
    pub updates_per_second: f64,
    /// Changes written so far.
    pub updates: u64,
    /// Bytes of data written so far.
    pub bytes: u64,
    /// Last transaction of A that B has.
    pub applied_zxid: String,
    /// Progress of filling, while it happens.
    pub progress: Option<Progress>,
    /// Both ensembles.
    pub sides: BTreeMap<Side, SideStatus>,
    /// The alerts.
    pub alerts: Vec<Alert>,
    /// Resident memory of the process in bytes.
    pub memory_bytes: u64,
    /// Seconds since the process began.
    pub uptime_seconds: f64,
}

impl Status {
    /// Why the engine is not ready; `None` while both sides are connected and it has not failed. A standby is ready,
    /// since it could take over.
    #[must_use]
    pub fn not_ready(&self) -> Option<Waiting> {
        let why = |reason: &str, message: String| {
            let otherwise = || Waiting {
                reason: reason.to_owned(),
                message,
            };
            Some(self.waiting_for.clone().unwrap_or_else(otherwise))
        };
        if matches!(self.state, State::Failed | State::Stopped) {
            return why("EngineEnded", format!("the engine is {}", self.state.as_str()));
        }
        let connected = |side: &Side| self.sides.get(side).is_some_and(|seen| seen.connected);
        let lost = [Side::A, Side::B].into_iter().find(|side| !connected(side))?;
        why("NotConnected", format!("not connected to {lost}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn ready_is_connected_and_not_failed() {
        assert_eq!(fixtures::status().not_ready(), None);
        let mut status = Status {
            waiting_for: None,
            ..fixtures::status()
        };
        status.sides.remove(&Side::B);
        let waits = status.not_ready().unwrap();
        assert_eq!(
            (waits.reason.as_str(), waits.message.as_str()),
            ("NotConnected", "not connected to B")
        );
        let failed = Status {
            state: State::Failed,
            ..fixtures::status()
        };
        let waits = failed.not_ready().unwrap();
        assert_eq!(waits.reason, "WaitingForDecision");
        assert!(
            waits.message.starts_with("/jobs/7 is frozen"),
            "{}",
            waits.message
        );
    }
}
