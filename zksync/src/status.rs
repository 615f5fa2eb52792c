//! What an engine says of itself: the same to the CLI, the controllers and the dashboard.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::settings::{Settings, Side};

/// What it does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It cannot reach a side yet, or waits for a server to be started; `waiting_for` says which.
    #[default]
    Connecting,
    /// Another engine works; this one follows and is ready to take over.
    Standby,
    /// The target is being filled.
    Seeding,
    /// The target follows, but is behind.
    CatchingUp,
    /// The target is equal but for the lag.
    InSync,
    /// The target follows, but does not take everything; `refused` says what.
    Incomplete,
    /// It stands still as asked.
    Paused,
    /// It has ended as asked.
    Stopped,
    /// It cannot go on; `waiting_for` says why and what to do.
    Failed,
}

impl State {
    /// The word for it, as JSON and metrics have it.
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

/// Why it does not go on. The reason is for programs, the message for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// CamelCase, such as `WaitingForLeader`.
    pub reason: String,
    /// A sentence or two: what, where, what to do.
    pub message: String,
}

/// From a commit on one side to the same commit on the other, over the last minute, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Lag {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

/// How far the target is filled, in counted nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Nodes of A that the target has, or that are not carried.
    pub done: u64,
    /// Nodes of A in all.
    pub total: u64,
    /// Bytes of data written.
    pub bytes: u64,
    /// Nodes a second, over the last ten seconds.
    pub per_second: f64,
    /// Seconds left at that rate; none before there is something to count from, and while nothing moves.
    pub seconds_left: Option<f64>,
}

/// One ensemble as the engine sees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SideStatus {
    /// Servers as given.
    pub servers: String,
    /// Version of the server that leads.
    pub version: Option<String>,
    /// Who leads.
    pub leader: Option<String>,
    /// Whether the engine has a link that is up to date.
    pub connected: bool,
    /// How changes are seen: `observer`, `recursive-watch`, `one-shot-watches`.
    pub capture: String,
    /// Why so.
    pub capture_reason: String,
    /// Znodes in all.
    pub znodes: u64,
    /// Last transaction seen, such as 0x2b0001f3a4.
    pub zxid: String,
    /// Sum over the tree as servers compute it.
    pub digest: String,
    /// Whether the last transaction that carried a digest agreed with ours; none before 3.6.
    pub digest_verified: Option<bool>,
    /// Seconds since then.
    pub digest_age_seconds: Option<f64>,
    /// Sessions of this side's clients.
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

/// Something a person should look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// CamelCase, such as `LagAboveThreshold`.
    pub reason: String,
    /// The sentence.
    pub message: String,
    /// Seconds for which it has been so.
    pub seconds: f64,
}

/// All of it. Names are a promise: see `docs/zksync.md`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)] // an engine may be older or newer than who reads this
pub struct Status {
    /// Name of the engine, shared by its active and standby processes.
    pub name: String,
    /// What it does.
    pub state: State,
    /// What it waits for, if anything.
    pub waiting_for: Option<Waiting>,
    /// Generation of the settings that it follows.
    pub observed_generation: u64,
    /// The settings.
    pub settings: Settings,
    /// Run of this process.
    pub run: String,
    /// Its process id.
    pub pid: u32,
    /// Run of the engine that is active, which may be another one.
    pub active_run: Option<String>,
    /// Changes of A to B.
    pub lag_ms: Lag,
    /// Changes of B to A, where B may write.
    pub reverse_lag_ms: Option<Lag>,
    /// From a request of the engine until B has committed it: the part of the lag that is B's own.
    pub answer_ms: Lag,
    /// Znodes in scope on the source.
    pub znodes: u64,
    /// Changes that wait to be written.
    pub pending: u64,
    /// Conflicts so far.
    pub conflicts: u64,
    /// Paths that wait for `sync resolve`.
    pub frozen: Vec<String>,
    /// Changes that a side does not take now; the first hundred.
    pub refused: Vec<RefusedChange>,
    /// How many there are.
    pub refused_count: u64,
    /// Changes that a side refused and that are tried again, so far.
    pub errors: u64,
    /// Bytes of data written, a second.
    pub bytes_per_second: f64,
    /// Changes written, a second.
    pub updates_per_second: f64,
    /// Changes written so far.
    pub updates: u64,
    /// Bytes of data written so far.
    pub bytes: u64,
    /// Last transaction of A that B has.
    pub applied_zxid: String,
    /// Filling, while it happens.
    pub progress: Option<Progress>,
    /// Both ensembles.
    pub sides: BTreeMap<Side, SideStatus>,
    /// What a person should look at.
    pub alerts: Vec<Alert>,
    /// Resident memory of the process in bytes.
    pub memory_bytes: u64,
    /// Seconds since the process began.
    pub uptime_seconds: f64,
}
