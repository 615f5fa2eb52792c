//! What an engine says of itself. Plain data; what it does not say is absent.

use super::settings::Settings;
use mesolith_proto::zksync::v1 as pb;
use std::time::Duration;

/// An engine's status.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncFacts {
    /// Name of the engine.
    pub name: String,
    /// This run of its process.
    pub run: String,
    /// Its process id on its node.
    pub pid: u32,
    /// Whether it works or stands by; absent until that is decided.
    pub role: Option<Role>,
    /// What it does.
    pub state: State,
    /// What it waits for.
    pub waiting: Option<Waiting>,
    /// Why it could not work or take over now; absent while it is healthy.
    pub not_ready: Option<Waiting>,
    /// The settings that it follows, with their generation.
    pub settings: Option<Settings>,
    /// From a commit on A to the same on B, over the last minute.
    pub lag: Option<Lag>,
    /// From B to A; absent unless B writes.
    pub reverse_lag: Option<Lag>,
    /// Changes that wait to be written.
    pub pending: u64,
    /// Conflicts so far.
    pub conflicts: u64,
    /// Paths that a person has to decide.
    pub frozen: Vec<String>,
    /// Changes that a side does not take now.
    pub refused: u64,
    /// Refusals that were tried again, so far.
    pub errors: u64,
    /// Changes in a second.
    pub updates_per_second: f64,
    /// Bytes in a second.
    pub bytes_per_second: f64,
    /// Last transaction of A that B has.
    pub applied_zxid: Option<String>,
    /// Znodes that B has, of how many, while it is filled.
    pub filled: Option<(u64, u64)>,
    /// Time left until it is filled, from the rate of the last seconds.
    pub fill_left: Option<Duration>,
    /// Ensemble A as the engine sees it.
    pub a: Option<SideFacts>,
    /// Ensemble B.
    pub b: Option<SideFacts>,
    /// What a person should look at.
    pub alerts: Vec<Alert>,
}

/// One ensemble.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SideFacts {
    /// Its servers, as they were given.
    pub servers: String,
    /// Version of the server that leads.
    pub version: Option<String>,
    /// Address of that server.
    pub leader: Option<String>,
    /// Whether the link is up to date.
    pub connected: bool,
    /// Znodes in all.
    pub znodes: Option<u64>,
    /// Last transaction seen.
    pub zxid: Option<String>,
    /// Digest over its tree, as its servers compute it. It covers all of the ensemble, so two ensembles with equal
    /// subtrees have different ones.
    pub digest: Option<String>,
    /// Whether its servers' own digest agreed with the engine's picture; absent before 3.6.
    pub digest_verified: Option<bool>,
    /// Sessions of its clients.
    pub sessions: Option<u64>,
}

/// Whether an engine works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It writes.
    Active,
    /// It follows and takes over when the active one is gone.
    Standby,
}

/// What an engine does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    /// It cannot reach a side yet; also any state of a newer version.
    #[default]
    Connecting,
    /// Another engine is active.
    Standby,
    /// B is being filled.
    Seeding,
    /// B is behind.
    CatchingUp,
    /// Both are equal but for the lag.
    InSync,
    /// As in sync, but a side does not take everything.
    Incomplete,
    /// It writes nothing, as asked.
    Paused,
    /// It has ended, as asked.
    Stopped,
    /// It cannot go on.
    Failed,
}

/// A reason with its sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// CamelCase.
    pub reason: String,
    /// What, where, what to do.
    pub message: String,
}

/// Percentiles of a lag.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Lag {
    /// Median.
    pub p50: Duration,
    /// 95th percentile.
    pub p95: Duration,
    /// 99th percentile.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

/// An alert of the engine itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// CamelCase, such as `LagAboveThreshold`.
    pub reason: String,
    /// The sentence.
    pub message: String,
    /// How long it has lasted.
    pub lasted: Duration,
}

/// The result of a comparison of both sides, field by field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncDiff {
    /// Znodes that were compared.
    pub compared: u64,
    /// Znodes that differ.
    pub different: u64,
    /// The first of them.
    pub differences: Vec<Difference>,
    /// Position of A at which they were compared.
    pub zxid: String,
}

/// A field of a znode in which the sides differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The znode, as A names it.
    pub path: String,
    /// `node` when one side lacks it, else `data`, `acl`, `owner`, `version`, `cversion` or `aversion`.
    pub field: String,
    /// The value on A.
    pub a: String,
    /// The value on B.
    pub b: String,
}

impl SyncFacts {
    /// Whether both sides are equal but for the lag, with nothing refused or undecided.
    #[must_use]
    pub fn in_sync(&self) -> bool {
        self.state == State::InSync && self.refused == 0 && self.frozen.is_empty()
    }

    /// Generation of the settings that it follows.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.settings.as_ref().map_or(0, |settings| settings.generation)
    }

    /// What it does or waits for, for people.
    #[must_use]
    pub fn doing(&self) -> String {
        let waits = self.not_ready.as_ref().or(self.waiting.as_ref());
        match (waits, self.filled) {
            (Some(waits), _) => waits.message.clone(),
            (None, Some((done, total))) => format!("{} ({done} of {total} znodes)", self.state.as_str()),
            (None, None) if self.refused > 0 => {
                format!("{}, {} changes are refused", self.state.as_str(), self.refused)
            }
            (None, None) => self.state.as_str().to_owned(),
        }
    }
}

impl State {
    /// The engine's own word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
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

impl From<pb::State> for State {
    fn from(wire: pb::State) -> Self {
        match wire {
            pb::State::Unspecified | pb::State::Connecting => Self::Connecting,
            pb::State::Standby => Self::Standby,
            pb::State::Seeding => Self::Seeding,
            pb::State::CatchingUp => Self::CatchingUp,
            pb::State::InSync => Self::InSync,
            pb::State::Incomplete => Self::Incomplete,
            pb::State::Paused => Self::Paused,
            pb::State::Stopped => Self::Stopped,
            pb::State::Failed => Self::Failed,
        }
    }
}

impl From<pb::Status> for SyncFacts {
    fn from(wire: pb::Status) -> Self {
        let state = State::from(wire.state());
        let role = match state {
            State::Standby => Some(Role::Standby),
            _ if !wire.run.is_empty() && wire.active_run == wire.run => Some(Role::Active),
            _ => None,
        };
        let left = wire.progress.and_then(|progress| progress.seconds_left);
        Self {
            state,
            role,
            name: wire.name,
            run: wire.run,
            pid: wire.pid,
            waiting: wire.waiting_for.map(Waiting::from),
            not_ready: wire.not_ready.map(Waiting::from),
            settings: wire.settings.map(Settings::from),
            lag: wire.lag_ms.map(Lag::from),
            reverse_lag: wire.reverse_lag_ms.map(Lag::from),
            pending: wire.pending,
            conflicts: wire.conflicts,
            frozen: wire.frozen,
            refused: wire.refused,
            errors: wire.errors,
            updates_per_second: wire.updates_per_second,
            bytes_per_second: wire.bytes_per_second,
            applied_zxid: present(wire.applied_zxid),
            filled: wire.progress.map(|progress| (progress.done, progress.total)),
            fill_left: left.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            a: wire.a.map(SideFacts::from),
            b: wire.b.map(SideFacts::from),
            alerts: wire.alerts.into_iter().map(Alert::from).collect(),
        }
    }
}

impl From<pb::SideStatus> for SideFacts {
    fn from(wire: pb::SideStatus) -> Self {
        // What was seen before the link was up is zero.
        let known = |number: u64| wire.connected.then_some(number);
        Self {
            znodes: known(wire.znodes),
            sessions: known(wire.sessions),
            servers: wire.servers,
            version: present(wire.version),
            leader: present(wire.leader),
            connected: wire.connected,
            zxid: present(wire.zxid),
            digest: present(wire.digest),
            digest_verified: wire.digest_verified,
        }
    }
}

impl From<pb::Waiting> for Waiting {
    fn from(wire: pb::Waiting) -> Self {
        Self {
            reason: wire.reason,
            message: wire.message,
        }
    }
}

impl From<pb::Lag> for Lag {
    fn from(wire: pb::Lag) -> Self {
        let time = |millis: f64| Duration::try_from_secs_f64(millis / 1e3).unwrap_or_default();
        Self {
            p50: time(wire.p50),
            p95: time(wire.p95),
            p99: time(wire.p99),
            max: time(wire.max),
        }
    }
}

impl From<pb::Alert> for Alert {
    fn from(wire: pb::Alert) -> Self {
        Self {
            reason: wire.reason,
            message: wire.message,
            lasted: Duration::try_from_secs_f64(wire.seconds).unwrap_or_default(),
        }
    }
}

impl From<pb::DiffReport> for SyncDiff {
    fn from(wire: pb::DiffReport) -> Self {
        let one = |found: pb::Difference| Difference {
            path: found.path,
            field: found.field,
            a: found.a,
            b: found.b,
        };
        Self {
            compared: wire.compared,
            different: wire.different,
            differences: wire.differences.into_iter().map(one).collect(),
            zxid: wire.zxid,
        }
    }
}

fn present(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_engine_says_is_plain_data() {
        let wire = pb::Status {
            state: pb::State::InSync.into(),
            run: "r1".into(),
            active_run: "r1".into(),
            settings: Some(pb::Settings {
                generation: 4,
                ..Default::default()
            }),
            lag_ms: Some(pb::Lag {
                p95: 1.5,
                ..Default::default()
            }),
            a: Some(pb::SideStatus {
                connected: true,
                znodes: 12,
                digest_verified: Some(true),
                ..Default::default()
            }),
            b: Some(pb::SideStatus::default()),
            ..Default::default()
        };
        let facts = SyncFacts::from(wire.clone());
        assert_eq!((facts.role, facts.generation()), (Some(Role::Active), 4));
        assert!(facts.in_sync());
        assert_eq!(facts.lag.unwrap().p95, Duration::from_micros(1500));
        assert_eq!((facts.reverse_lag, facts.applied_zxid.as_ref()), (None, None));
        let (a, b) = (facts.a.as_ref().unwrap(), facts.b.as_ref().unwrap());
        assert_eq!((a.znodes, a.digest_verified), (Some(12), Some(true)));
        assert_eq!((b.znodes, b.version.as_ref()), (None, None), "not known yet");
        assert_eq!(facts.doing(), "in-sync");

        let refused = SyncFacts::from(pb::Status {
            state: pb::State::Incomplete.into(),
            refused: 2,
            ..wire.clone()
        });
        assert!(!refused.in_sync());
        assert_eq!(refused.doing(), "incomplete, 2 changes are refused");
        let early = SyncFacts::from(pb::Status {
            state: pb::State::Seeding.into(),
            active_run: String::new(),
            progress: Some(pb::Progress {
                done: 3,
                total: 9,
                seconds_left: Some(2.0),
                ..Default::default()
            }),
            ..wire
        });
        assert_eq!(
            (early.role, early.fill_left),
            (None, Some(Duration::from_secs(2)))
        );
        assert_eq!(early.doing(), "seeding (3 of 9 znodes)");
    }
}
