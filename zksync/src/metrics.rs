//! Prometheus metrics. They are computed from the status when they are asked for, so `status` and a scrape show the
//! same figures.

use std::fmt::{self, Debug};
use std::sync::Arc;

use mesolith_telemetry::Registry;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use tokio::sync::watch;

use crate::status::{Lag, State, Status};

/// Prefix of every metric's name.
const PREFIX: &str = "zk_sync";

const STATES: [State; 9] = [
    State::Connecting,
    State::Standby,
    State::Seeding,
    State::CatchingUp,
    State::InSync,
    State::Incomplete,
    State::Paused,
    State::Stopped,
    State::Failed,
];

/// A registry whose metrics follow the status.
#[must_use]
pub fn registry(status: watch::Receiver<Arc<Status>>) -> Registry {
    let registry = mesolith_telemetry::registry(PREFIX);
    registry
        .lock()
        .unwrap_or_else(|e| e.into_inner())
        .register_collector(Box::new(Source(status)));
    registry
}

/// The text that a scrape would get for one status.
#[must_use]
pub fn text(status: &Status) -> String {
    let (_keep, seen) = watch::channel(Arc::new(status.clone()));
    let registry = registry(seen);
    let registry = registry.lock().unwrap_or_else(|e| e.into_inner());
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
    text
}

struct Source(watch::Receiver<Arc<Status>>);

impl Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

impl Collector for Source {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let status = self.0.borrow().clone();
        Writer(encoder).all(&status)
    }
}

struct Writer<'a>(DescriptorEncoder<'a>);

impl Writer<'_> {
    fn all(&mut self, status: &Status) -> fmt::Result {
        self.lag(status)?;
        // The client library adds _total to the names of counters.
        self.counter(
            "znodes_synced",
            "Changes written to the other side",
            status.updates,
        )?;
        self.counter(
            "bytes_transferred",
            "Bytes of data written to the other side",
            status.bytes,
        )?;
        self.counter("conflicts", "Nodes that both sides changed", status.conflicts)?;
        self.counter(
            "errors",
            "Changes that were refused and tried again",
            status.errors,
        )?;
        self.gauge(
            "operations_pending",
            "Changes that wait to be written",
            status.pending as f64,
        )?;
        self.gauge("znodes", "Znodes in scope on the source", status.znodes as f64)?;
        self.gauge(
            "frozen_paths",
            "Paths that wait for a decision",
            status.frozen.len() as f64,
        )?;
        self.gauge(
            "refused_changes",
            "Changes that a side does not take now",
            status.refused_count as f64,
        )?;
        self.gauge(
            "settings_generation",
            "Generation of the settings followed",
            status.observed_generation as f64,
        )?;
        self.gauge(
            "memory_bytes",
            "Resident memory of the process",
            status.memory_bytes as f64,
        )?;
        if let Some(progress) = &status.progress {
            self.gauge(
                "seeding_done",
                "Znodes looked at while the target is filled",
                progress.done as f64,
            )?;
            self.gauge("seeding_total", "Znodes to look at", progress.total as f64)?;
        }
        self.state(status)?;
        self.sides(status)?;
        self.alerts(status)
    }

    /// `cluster` is the side where a change was made: "a" counts A's changes on their way to B, "b" those of B on
    /// their way to A.
    fn lag(&mut self, status: &Status) -> fmt::Result {
        let help = "From a commit on this cluster to the same commit on the other one, over the last minute";
        let mut family = self
            .0
            .encode_descriptor("lag_milliseconds", help, None, MetricType::Gauge)?;
        let mut one = |cluster: &str, lag: &Lag| {
            for (quantile, value) in [
                ("0.5", lag.p50),
                ("0.95", lag.p95),
                ("0.99", lag.p99),
                ("1", lag.max),
            ] {
                sample(
                    &mut family,
                    &[("cluster", cluster), ("quantile", quantile)],
                    value,
                )?;
            }
            Ok(())
        };
        one("A", &status.lag_ms)?;
        status.reverse_lag_ms.as_ref().map_or(Ok(()), |lag| one("B", lag))
    }

    fn state(&mut self, status: &Status) -> fmt::Result {
        let mut family = self.family("state", "1 for what the engine does")?;
        for state in STATES {
            let value = f64::from(u8::from(state == status.state));
            sample(&mut family, &[("state", state.as_str())], value)?;
        }
        Ok(())
    }

    fn sides(&mut self, status: &Status) -> fmt::Result {
        type Figure = fn(&crate::status::SideStatus) -> Option<f64>;
        let figures: [(&str, &str, Figure); 5] = [
            ("cluster_connected", "1 while the link is up to date", |s| {
                Some(f64::from(u8::from(s.connected)))
            }),
            ("cluster_znodes", "Znodes in all", |s| Some(s.znodes as f64)),
            ("cluster_sessions", "Sessions of the cluster's clients", |s| {
                Some(s.sessions as f64)
            }),
            (
                "cluster_digest_verified",
                "1 when the servers' digest agrees with ours",
                |s| s.digest_verified.map(|agrees| f64::from(u8::from(agrees))),
            ),
            ("cluster_digest_age", "Since the digest was compared", |s| {
                s.digest_age_seconds
            }),
        ];
        for (name, help, figure) in figures {
            let unit = name.ends_with("_age").then_some(Unit::Seconds);
            let mut family = self
                .0
                .encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?;
            for (side, seen) in &status.sides {
                if let Some(value) = figure(seen) {
                    sample(&mut family, &[("cluster", &side.to_string())], value)?;
                }
            }
        }
        Ok(())
    }

    fn alerts(&mut self, status: &Status) -> fmt::Result {
        let mut family = self.family("alert", "1 for everything that a person should look at")?;
        let mut seen: Vec<&str> = Vec::new();
        for alert in &status.alerts {
            // One line for each reason, since a label set may appear only once.
            if !seen.contains(&alert.reason.as_str()) {
                seen.push(&alert.reason);
                sample(&mut family, &[("reason", &alert.reason)], 1.0)?;
            }
        }
        Ok(())
    }

    fn family(&mut self, name: &'static str, help: &str) -> Result<MetricEncoder<'_>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        metric.encode_gauge(&value)
    }
}

fn sample(family: &mut MetricEncoder<'_>, labels: &[(&str, &str)], value: f64) -> fmt::Result {
    family.encode_family(&labels)?.encode_gauge(&value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn the_names_are_those_of_the_dashboards() {
        let text = text(&fixtures::status());
        for line in [
            "zk_sync_lag_milliseconds{cluster=\"A\",quantile=\"0.5\"} 0.4",
            "zk_sync_lag_milliseconds{cluster=\"A\",quantile=\"0.95\"} 1.1",
            "zk_sync_lag_milliseconds{cluster=\"B\",quantile=\"0.99\"} 3.5",
            "zk_sync_znodes_synced_total 90210",
            "zk_sync_operations_pending 3.0",
            "zk_sync_conflicts_total 2",
            "zk_sync_refused_changes 1.0",
            "zk_sync_bytes_transferred_total 1234567",
            "zk_sync_state{state=\"in-sync\"} 1.0",
            "zk_sync_state{state=\"failed\"} 0.0",
            "zk_sync_alert{reason=\"LagAboveThreshold\"} 1.0",
            "zk_sync_cluster_connected{cluster=\"B\"} 1.0",
            "zk_sync_cluster_digest_age_seconds{cluster=\"A\"} 2.0",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn a_side_that_may_not_write_has_no_lag() {
        let status = Status {
            reverse_lag_ms: None,
            ..fixtures::status()
        };
        assert!(!text(&status).contains("zk_sync_lag_milliseconds{cluster=\"B\""));
    }
}
