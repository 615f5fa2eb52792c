//! What an engine follows while it runs, as a whole with a generation.

use mesolith_proto::zksync::v1 as pb;
use std::time::Duration;

/// Settings of an engine. Figures that are absent are the engine's defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Rises with each change, from 1. An engine refuses an older one, and other content under the same one.
    pub generation: u64,
    /// Whether it writes.
    pub mode: Mode,
    /// What is kept equal.
    pub roots: Vec<Root>,
    /// Subtrees of A that are left out.
    pub exclude: Vec<String>,
    /// Who wins a conflict.
    pub strategy: Strategy,
    /// Most changes in one request.
    pub batch_size: Option<u64>,
    /// Requests that are on their way to a side at once.
    pub workers: Option<u64>,
    /// Znodes a second while B is filled.
    pub rate_limit: Option<u32>,
    /// A 95th percentile above this is an alert.
    pub lag_threshold: Option<Duration>,
    /// Conflicts a minute above this are an alert.
    pub conflict_threshold: Option<u32>,
}

/// A subtree that is kept equal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Root {
    /// Its root on A; `/` is everything.
    pub path: String,
    /// Its root on B, if that is another.
    pub on_b: Option<String>,
    /// Who writes it.
    pub writer: Writer,
}

/// The side whose clients write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Writer {
    /// A writes, B follows.
    #[default]
    A,
    /// B writes, A follows.
    B,
    /// Both write: safe only for what both add to and nobody overwrites.
    Both,
}

/// Who wins when both sides changed a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strategy {
    /// A, or the side that writes.
    #[default]
    SourceWins,
    /// The later change, by the servers' clocks.
    LastWriteWins,
    /// A person decides.
    Manual,
}

/// Whether an engine writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// It follows and writes.
    #[default]
    Run,
    /// It follows and writes nothing.
    Pause,
    /// It ends, and no standby takes over. Only engines say this; nodes are told to remove the component.
    Stop,
}

impl Settings {
    /// A copy in which another side writes a root, under the next generation; none without that root.
    #[must_use]
    pub fn switched(&self, root: &str, writer: Writer) -> Option<Self> {
        let mut settings = self.clone();
        settings.generation += 1;
        settings.roots.iter_mut().find(|r| r.path == root)?.writer = writer;
        Some(settings)
    }
}

impl From<&Settings> for pb::Settings {
    fn from(settings: &Settings) -> Self {
        let route = |root: &Root| pb::Route {
            root: root.path.clone(),
            target_root: root.on_b.clone().unwrap_or_default(),
            direction: match root.writer {
                Writer::A => pb::Direction::AToB,
                Writer::B => pb::Direction::BToA,
                Writer::Both => pb::Direction::Both,
            }
            .into(),
        };
        Self {
            generation: settings.generation,
            mode: match settings.mode {
                Mode::Run => pb::Mode::Run,
                Mode::Pause => pb::Mode::Pause,
                Mode::Stop => pb::Mode::Stop,
            }
            .into(),
            routes: settings.roots.iter().map(route).collect(),
            exclude: settings.exclude.clone(),
            conflict_resolution: match settings.strategy {
                Strategy::SourceWins => pb::Strategy::SourceWins,
                Strategy::LastWriteWins => pb::Strategy::LastWriteWins,
                Strategy::Manual => pb::Strategy::Manual,
            }
            .into(),
            batch_size: settings.batch_size.unwrap_or_default(),
            workers: settings.workers.unwrap_or_default(),
            rate_limit: settings.rate_limit.unwrap_or_default(),
            lag_threshold_ms: settings.lag_threshold.map(millis).unwrap_or_default(),
            conflict_threshold: settings.conflict_threshold.unwrap_or_default(),
        }
    }
}

impl From<pb::Settings> for Settings {
    fn from(wire: pb::Settings) -> Self {
        let root = |route: pb::Route| Root {
            writer: match route.direction() {
                pb::Direction::Unspecified | pb::Direction::AToB => Writer::A,
                pb::Direction::BToA => Writer::B,
                pb::Direction::Both => Writer::Both,
            },
            on_b: Some(route.target_root).filter(|on_b| !on_b.is_empty() && *on_b != route.root),
            path: route.root,
        };
        Self {
            generation: wire.generation,
            mode: match wire.mode() {
                pb::Mode::Unspecified | pb::Mode::Run => Mode::Run,
                pb::Mode::Pause => Mode::Pause,
                pb::Mode::Stop => Mode::Stop,
            },
            strategy: match wire.conflict_resolution() {
                pb::Strategy::Unspecified | pb::Strategy::SourceWins => Strategy::SourceWins,
                pb::Strategy::LastWriteWins => Strategy::LastWriteWins,
                pb::Strategy::Manual => Strategy::Manual,
            },
            roots: wire.routes.into_iter().map(root).collect(),
            exclude: wire.exclude,
            batch_size: (wire.batch_size > 0).then_some(wire.batch_size),
            workers: (wire.workers > 0).then_some(wire.workers),
            rate_limit: (wire.rate_limit > 0).then_some(wire.rate_limit),
            lag_threshold: (wire.lag_threshold_ms > 0).then(|| Duration::from_millis(wire.lag_threshold_ms)),
            conflict_threshold: (wire.conflict_threshold > 0).then_some(wire.conflict_threshold),
        }
    }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_the_wire_and_one_root_is_switched() {
        let root = |path: &str, on_b: Option<&str>, writer| Root {
            path: path.into(),
            on_b: on_b.map(Into::into),
            writer,
        };
        let settings = Settings {
            generation: 7,
            mode: Mode::Pause,
            roots: vec![
                root("/mesos", None, Writer::Both),
                root("/app", Some("/dc2/app"), Writer::A),
            ],
            exclude: vec!["/app/tmp".into()],
            strategy: Strategy::Manual,
            batch_size: Some(9),
            workers: None,
            rate_limit: Some(100),
            lag_threshold: Some(Duration::from_millis(250)),
            conflict_threshold: Some(3),
        };
        assert_eq!(Settings::from(pb::Settings::from(&settings)), settings);
        let switched = settings.switched("/app", Writer::B).unwrap();
        assert_eq!(switched.generation, 8);
        assert_eq!(switched.roots[1].writer, Writer::B);
        assert_eq!(switched.roots[0], settings.roots[0]);
        assert_eq!(settings.switched("/other", Writer::B), None);
    }
}
