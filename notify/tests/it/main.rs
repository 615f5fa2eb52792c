//! Every kind of channel against a receiver that runs here: HTTP servers that check what the vendors' pages ask for,
//! and a real SMTP server.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod failures;
mod http;
mod receiver;
mod smtp;

use std::collections::BTreeMap;

use jiff::Timestamp;
use mesolith_notify::{Alert, Config, Notifier, Policy, Report, Round, SecretRef, Severity, Source, State};
use mesolith_secret::Secret;

/// The secret of a key is what the key says.
fn reference(value: &str) -> SecretRef {
    SecretRef {
        name: "alerts".to_owned(),
        key: value.to_owned(),
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn lag() -> Alert {
    Alert {
        key: "zkmigration/default/prod/SyncLagHigh".to_owned(),
        reason: "SyncLagHigh".to_owned(),
        severity: Severity::Critical,
        summary: "P95 lag is 512 ms, above 100 ms; see <sync status> & the engine's log".to_owned(),
        details: BTreeMap::from([
            ("lagP95".to_owned(), "512 ms".to_owned()),
            ("phase".to_owned(), "DeployMasters".to_owned()),
        ]),
        source: Source {
            kind: "ZkMigration".to_owned(),
            namespace: "default".to_owned(),
            name: "prod".to_owned(),
        },
        since: time("2026-03-01T10:00:00Z"),
    }
}

/// Rounds of one configuration, one after another.
struct Rounds {
    config: Config,
    notifier: Notifier,
    state: State,
}

impl Rounds {
    fn new(config: Config) -> Self {
        // As the program does: one TLS library for all. It may be set already by another test.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let notifier = Notifier::with_limit(std::time::Duration::from_secs(20)).unwrap();
        Self {
            config,
            notifier,
            state: State::default(),
        }
    }

    async fn at(&mut self, now: &str, alerts: &[Alert]) -> Vec<Report> {
        let resolved = self
            .config
            .resolve(|secret| Some(Secret::new(secret.key.clone())));
        assert_eq!(resolved.errors, []);
        let state = std::mem::take(&mut self.state);
        let Round { state, reports, .. } = self
            .notifier
            .round(state, &Policy::default(), &resolved.channels, alerts, time(now))
            .await;
        self.state = state;
        reports
    }

    /// The alert comes and goes; both messages must arrive.
    async fn come_and_go(&mut self, alert: Alert) {
        let began = self.at("2026-03-01T10:00:05Z", &[alert]).await;
        assert!(began.len() == 1 && began[0].result.is_ok(), "{began:?}");
        assert!(self.at("2026-03-01T10:05:00Z", &[]).await.is_empty());
        let ended = self.at("2026-03-01T10:06:00Z", &[]).await;
        assert!(ended.len() == 1 && ended[0].result.is_ok(), "{ended:?}");
        assert_eq!(self.state, State::default());
    }
}
