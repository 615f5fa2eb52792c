//! A status with a value in every field, for tests.

use std::collections::BTreeMap;

use crate::settings::{Settings, Side};
use crate::status::{Alert, Lag, Progress, RefusedChange, SideStatus, State, Status, Waiting};

fn side(servers: &str, version: &str, leader: &str) -> SideStatus {
    SideStatus {
        servers: servers.into(),
        version: Some(version.into()),
        leader: Some(leader.into()),
        connected: true,
        capture: "observer".into(),
        capture_reason: "exact".into(),
        znodes: 125_000,
        zxid: "0x2b0001f3a4".into(),
        digest: "5e0a11".into(),
        digest_verified: Some(true),
        digest_age_seconds: Some(2.0),
        sessions: 17,
        jute_maxbuffer: Some(1_048_575),
    }
}

/// In sync, with a lag alert, two conflicts and one frozen path.
pub(crate) fn status() -> Status {
    Status {
        name: "default".into(),
        state: State::InSync,
        waiting_for: Some(Waiting {
            reason: "WaitingForDecision".into(),
            message: "/jobs/7 is frozen; decide with: mesos-migrate sync resolve /jobs/7 --keep a|b".into(),
        }),
        observed_generation: 4,
        settings: Settings {
            generation: 4,
            rate_limit: Some(5000),
            exclude: vec!["/tmp".into()],
            ..Settings::default()
        },
        run: "r1".into(),
        pid: 4711,
        active_run: Some("r1".into()),
        lag_ms: Lag {
            p50: 0.4,
            p95: 1.1,
            p99: 2.3,
            max: 4.0,
        },
        reverse_lag_ms: Some(Lag {
            p50: 0.6,
            p95: 1.5,
            p99: 3.5,
            max: 5.0,
        }),
        answer_ms: Lag {
            p50: 0.3,
            p95: 0.9,
            p99: 2.0,
            max: 3.5,
        },
        znodes: 125_000,
        pending: 3,
        conflicts: 2,
        frozen: vec!["/jobs/7".into()],
        refused: vec![RefusedChange {
            path: "/big".into(),
            side: Side::B,
            what: "data".into(),
            reason: "TooLarge".into(),
            message: "B does not take /big".into(),
            bytes: 2_000_000,
        }],
        refused_count: 1,
        errors: 1,
        bytes_per_second: 65_536.0,
        updates_per_second: 1204.0,
        updates: 90_210,
        bytes: 1_234_567,
        applied_zxid: "0x2b0001f3a4".into(),
        progress: Some(Progress {
            done: 97_500,
            total: 125_000,
            bytes: 40_000_000,
            per_second: 41_000.0,
            seconds_left: Some(0.67),
        }),
        sides: BTreeMap::from([
            (
                Side::A,
                side("zk-a1:2181,zk-a2:2181,zk-a3:2181", "3.4.14", "zk-a2:2181"),
            ),
            (
                Side::B,
                side("zk-b1:2181,zk-b2:2181,zk-b3:2181", "3.9.3", "zk-b1:2181"),
            ),
        ]),
        alerts: vec![Alert {
            reason: "LagAboveThreshold".into(),
            message: "95 % of changes took up to 120 ms, above 100 ms".into(),
            seconds: 12.0,
        }],
        memory_bytes: 50_000_000,
        uptime_seconds: 60.0,
    }
}
