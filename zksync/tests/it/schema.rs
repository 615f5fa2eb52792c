//! The page that promises the JSON names them all, and no others.

use std::collections::BTreeSet;
use std::path::Path;

use mesolith_zksync::settings::{Route, Settings, Side};
use mesolith_zksync::status::{Alert, Lag, Progress, RefusedChange, SideStatus, Status, Waiting};
use serde_json::Value;

/// Every optional part is there.
fn full() -> Status {
    let side = SideStatus {
        version: Some(String::new()),
        leader: Some(String::new()),
        digest_verified: Some(true),
        digest_age_seconds: Some(0.0),
        jute_maxbuffer: Some(0),
        ..SideStatus::default()
    };
    Status {
        waiting_for: Some(Waiting {
            reason: String::new(),
            message: String::new(),
        }),
        settings: Settings {
            routes: vec![Route {
                root: "/".into(),
                target_root: "/".into(),
                direction: Default::default(),
            }],
            rate_limit: Some(1),
            ..Settings::default()
        },
        active_run: Some(String::new()),
        reverse_lag_ms: Some(Lag::default()),
        progress: Some(Progress {
            seconds_left: Some(0.0),
            ..Progress::default()
        }),
        sides: [(Side::A, side.clone()), (Side::B, side)].into(),
        refused: vec![RefusedChange {
            path: String::new(),
            side: Side::B,
            what: String::new(),
            reason: String::new(),
            message: String::new(),
            bytes: 0,
        }],
        alerts: vec![Alert {
            reason: String::new(),
            message: String::new(),
            seconds: 0.0,
        }],
        ..Status::default()
    }
}

fn names(prefix: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = match prefix {
                    "" => name.clone(),
                    prefix => format!("{prefix}.{name}"),
                };
                found.insert(name.clone());
                names(&name, value, found);
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| names(&format!("{prefix}[]"), item, found)),
        _ => {}
    }
}

#[test]
fn every_field_of_the_status_is_documented() {
    let mut real = BTreeSet::new();
    names("", &serde_json::to_value(full()).unwrap(), &mut real);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/zksync-status.md");
    let page = std::fs::read_to_string(page).unwrap();
    let documented: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect();
    let missing: Vec<_> = real.difference(&documented).collect();
    let stale: Vec<_> = documented.difference(&real).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "docs/zksync-status.md lacks {missing:?} and has {stale:?} too many"
    );
}
