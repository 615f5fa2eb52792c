//! Converts between the messages of the service and the types of this crate.

use std::time::Duration;

use mesolith_proto::zksync::v1 as pb;

use crate::handle::{ConflictRecord, DiffReport, Difference};
use crate::settings::{Direction, Mode, Route, Settings, Side, Strategy};
use crate::status::{Lag, SideStatus, State, Status, Waiting};

pub(super) fn settings_to_wire(settings: &Settings) -> pb::Settings {
    pb::Settings {
        generation: settings.generation,
        mode: match settings.mode {
            Mode::Run => pb::Mode::Run,
            Mode::Pause => pb::Mode::Pause,
            Mode::Stop => pb::Mode::Stop,
        }
        .into(),
        routes: settings.routes.iter().map(route_to_wire).collect(),
        exclude: settings.exclude.clone(),
        conflict_resolution: match settings.conflict_resolution {
            Strategy::SourceWins => pb::Strategy::SourceWins,
            Strategy::LastWriteWins => pb::Strategy::LastWriteWins,
            Strategy::Manual => pb::Strategy::Manual,
        }
        .into(),
        batch_size: settings.batch_size as u64,
        workers: settings.workers as u64,
        rate_limit: settings.rate_limit.unwrap_or(0),
        lag_threshold_ms: u64::try_from(settings.lag_threshold.as_millis()).unwrap_or(u64::MAX),
        conflict_threshold: settings.conflict_threshold,
    }
}

fn route_to_wire(route: &Route) -> pb::Route {
    pb::Route {
        root: route.root.clone(),
        target_root: route.target_root.clone(),
        direction: match route.direction {
            Direction::AToB => pb::Direction::AToB,
            Direction::BToA => pb::Direction::BToA,
            Direction::Both => pb::Direction::Both,
        }
        .into(),
    }
}

/// Fields that are not set get their defaults, so that a controller sends only what it cares about.
pub(super) fn settings_from_wire(wire: pb::Settings) -> Settings {
    let default = Settings::default();
    let size = |given: u64, default| match given {
        0 => default,
        given => usize::try_from(given).unwrap_or(usize::MAX),
    };
    Settings {
        generation: wire.generation,
        mode: match wire.mode() {
            pb::Mode::Unspecified | pb::Mode::Run => Mode::Run,
            pb::Mode::Pause => Mode::Pause,
            pb::Mode::Stop => Mode::Stop,
        },
        conflict_resolution: match wire.conflict_resolution() {
            pb::Strategy::Unspecified | pb::Strategy::SourceWins => Strategy::SourceWins,
            pb::Strategy::LastWriteWins => Strategy::LastWriteWins,
            pb::Strategy::Manual => Strategy::Manual,
        },
        batch_size: size(wire.batch_size, default.batch_size),
        workers: size(wire.workers, default.workers),
        rate_limit: Some(wire.rate_limit).filter(|limit| *limit > 0),
        lag_threshold: match wire.lag_threshold_ms {
            0 => default.lag_threshold,
            given => Duration::from_millis(given),
        },
        conflict_threshold: match wire.conflict_threshold {
            0 => default.conflict_threshold,
            given => given,
        },
        routes: wire.routes.into_iter().map(route_from_wire).collect(),
        exclude: wire.exclude,
    }
}

fn route_from_wire(wire: pb::Route) -> Route {
    Route {
        direction: match wire.direction() {
            pb::Direction::Unspecified | pb::Direction::AToB => Direction::AToB,
            pb::Direction::BToA => Direction::BToA,
            pb::Direction::Both => Direction::Both,
        },
        target_root: match wire.target_root.is_empty() {
            true => wire.root.clone(),
            false => wire.target_root,
        },
        root: wire.root,
    }
}

pub(super) fn status_to_wire(status: &Status) -> pb::Status {
    let side = |side| status.sides.get(&side).map(side_to_wire);
    pb::Status {
        name: status.name.clone(),
        state: match status.state {
            State::Connecting => pb::State::Connecting,
            State::Standby => pb::State::Standby,
            State::Seeding => pb::State::Seeding,
            State::CatchingUp => pb::State::CatchingUp,
            State::InSync => pb::State::InSync,
            State::Incomplete => pb::State::Incomplete,
            State::Paused => pb::State::Paused,
            State::Stopped => pb::State::Stopped,
            State::Failed => pb::State::Failed,
        }
        .into(),
        waiting_for: status.waiting_for.as_ref().map(waiting_to_wire),
        not_ready: status.not_ready().as_ref().map(waiting_to_wire),
        observed_generation: status.observed_generation,
        settings: Some(settings_to_wire(&status.settings)),
        run: status.run.clone(),
        active_run: status.active_run.clone().unwrap_or_default(),
        pid: status.pid,
        lag_ms: Some(lag_to_wire(&status.lag_ms)),
        reverse_lag_ms: status.reverse_lag_ms.as_ref().map(lag_to_wire),
        answer_ms: Some(lag_to_wire(&status.answer_ms)),
        znodes: status.znodes,
        pending: status.pending,
        conflicts: status.conflicts,
        frozen: status.frozen.clone(),
        refused: status.refused_count,
        errors: status.errors,
        updates_per_second: status.updates_per_second,
        bytes_per_second: status.bytes_per_second,
        applied_zxid: status.applied_zxid.clone(),
        progress: status.progress.map(|progress| pb::Progress {
            done: progress.done,
            total: progress.total,
            bytes: progress.bytes,
            per_second: progress.per_second,
            seconds_left: progress.seconds_left,
        }),
        a: side(Side::A),
        b: side(Side::B),
        alerts: status
            .alerts
            .iter()
            .map(|alert| pb::Alert {
                reason: alert.reason.clone(),
                message: alert.message.clone(),
                seconds: alert.seconds,
            })
            .collect(),
        json: serde_json::to_string(status).unwrap_or_default(),
    }
}

fn waiting_to_wire(waiting: &Waiting) -> pb::Waiting {
    pb::Waiting {
        reason: waiting.reason.clone(),
        message: waiting.message.clone(),
    }
}

fn lag_to_wire(lag: &Lag) -> pb::Lag {
    pb::Lag {
        p50: lag.p50,
        p95: lag.p95,
        p99: lag.p99,
        max: lag.max,
    }
}

fn side_to_wire(side: &SideStatus) -> pb::SideStatus {
    pb::SideStatus {
        servers: side.servers.clone(),
        version: side.version.clone().unwrap_or_default(),
        leader: side.leader.clone().unwrap_or_default(),
        connected: side.connected,
        capture: side.capture.clone(),
        capture_reason: side.capture_reason.clone(),
        znodes: side.znodes,
        zxid: side.zxid.clone(),
        digest: side.digest.clone(),
        digest_verified: side.digest_verified,
        digest_age_seconds: side.digest_age_seconds,
        sessions: side.sessions,
    }
}

pub(super) fn side_from_wire(side: pb::Side) -> Option<Side> {
    match side {
        pb::Side::Unspecified => None,
        pb::Side::A => Some(Side::A),
        pb::Side::B => Some(Side::B),
    }
}

pub(super) fn side_code(side: Option<Side>) -> pb::Side {
    match side {
        None => pb::Side::Unspecified,
        Some(Side::A) => pb::Side::A,
        Some(Side::B) => pb::Side::B,
    }
}

pub(super) fn report_to_wire(report: DiffReport) -> pb::DiffReport {
    let one = |found: Difference| pb::Difference {
        path: found.path,
        field: found.field,
        a: found.a,
        b: found.b,
    };
    pb::DiffReport {
        compared: report.compared,
        different: report.different,
        differences: report.differences.into_iter().map(one).collect(),
        zxid: report.zxid,
    }
}

pub(super) fn report_from_wire(wire: pb::DiffReport) -> DiffReport {
    let one = |found: pb::Difference| Difference {
        path: found.path,
        field: found.field,
        a: found.a,
        b: found.b,
    };
    DiffReport {
        compared: wire.compared,
        different: wire.different,
        differences: wire.differences.into_iter().map(one).collect(),
        zxid: wire.zxid,
    }
}

pub(super) fn conflict_to_wire(record: ConflictRecord) -> pb::Conflict {
    pb::Conflict {
        time: record.time,
        path: record.path,
        message: record.message,
        a: record.a,
        b: record.b,
        winner: side_code(record.winner).into(),
        session: record.session,
        zxid: record.zxid,
    }
}

pub(super) fn conflict_from_wire(wire: pb::Conflict) -> ConflictRecord {
    ConflictRecord {
        winner: side_from_wire(wire.winner()),
        time: wire.time,
        path: wire.path,
        message: wire.message,
        a: wire.a,
        b: wire.b,
        session: wire.session,
        zxid: wire.zxid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_the_wire() {
        let settings = Settings {
            generation: 7,
            mode: Mode::Pause,
            routes: vec![
                Route::parse("/a:/b=both", Direction::AToB).unwrap(),
                Route::parse("/c=b-to-a", Direction::AToB).unwrap(),
            ],
            exclude: vec!["/a/tmp".into()],
            conflict_resolution: Strategy::Manual,
            batch_size: 3,
            workers: 4,
            rate_limit: Some(5),
            lag_threshold: Duration::from_millis(6),
            conflict_threshold: 8,
        };
        assert_eq!(settings_from_wire(settings_to_wire(&settings)), settings);
    }

    #[test]
    fn what_a_controller_leaves_out_is_the_default() {
        let wire = pb::Settings {
            generation: 1,
            routes: vec![pb::Route {
                root: "/".into(),
                ..pb::Route::default()
            }],
            ..pb::Settings::default()
        };
        assert_eq!(settings_from_wire(wire), Settings::default());
    }
}
