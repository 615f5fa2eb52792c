//! Judging the results of a health check that Marathon itself carries out.

use jiff::{SignedDuration, Timestamp};

use crate::{
    app::{HealthCheck, Protocol},
    instance::Health,
};

/// What is known from one check of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Record {
    succeeded_once: bool,
    consecutive_failures: u32,
    alive: Option<bool>,
}

/// What to do after a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Only the health changes.
    Keep,
    /// Failed too often: stop the instance.
    Kill,
}

impl Record {
    /// Takes in one result. Failures within the grace period do not count while the check never succeeded. Consecutive
    /// failure number `maxConsecutiveFailures` + 1 stops the instance, as in Marathon.
    pub fn result(
        &mut self,
        check: &HealthCheck,
        started: Timestamp,
        now: Timestamp,
        success: bool,
    ) -> Verdict {
        if success {
            *self = Self {
                succeeded_once: true,
                consecutive_failures: 0,
                alive: Some(true),
            };
            return Verdict::Keep;
        }
        let grace = SignedDuration::from_secs(check.grace_period_seconds.into());
        if !self.succeeded_once && now.duration_since(started) < grace {
            return Verdict::Keep;
        }
        let kill =
            check.max_consecutive_failures > 0 && self.consecutive_failures >= check.max_consecutive_failures;
        self.consecutive_failures = self.consecutive_failures.saturating_add(1);
        self.alive = Some(false);
        if kill { Verdict::Kill } else { Verdict::Keep }
    }
}

/// Health over all checks: unhealthy when one failed, else unknown when one has not answered, else healthy.
#[must_use]
pub fn aggregate(records: &[Record]) -> Health {
    if records.iter().any(|r| r.alive == Some(false)) {
        Health::Unhealthy
    } else if records.iter().any(|r| r.alive.is_none()) {
        Health::Unknown
    } else {
        Health::Healthy
    }
}

/// How a check asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Probe {
    /// GET; 200 to 399 is alive.
    Http(String),
    /// A connection is enough.
    Tcp(String, u16),
}

/// The probe of a check, `None` for one that the agent carries out or that has no host port.
#[must_use]
pub fn probe(check: &HealthCheck, host: &str, host_ports: &[u16]) -> Option<Probe> {
    let port = match (check.port, check.port_index) {
        (Some(port), _) => port,
        (None, Some(index)) => *host_ports.get(index as usize)?,
        (None, None) => return None,
    };
    if port == 0 {
        return None;
    }
    let path = check
        .path
        .as_deref()
        .filter(|path| !path.is_empty())
        .unwrap_or("/");
    let slash = if path.starts_with('/') { "" } else { "/" };
    match check.protocol {
        Protocol::Http => Some(Probe::Http(format!("http://{host}:{port}{slash}{path}"))),
        Protocol::Https => Some(Probe::Http(format!("https://{host}:{port}{slash}{path}"))),
        Protocol::Tcp => Some(Probe::Tcp(host.to_owned(), port)),
        Protocol::Command | Protocol::MesosHttp | Protocol::MesosHttps | Protocol::MesosTcp => None,
    }
}

/// The checks that the scheduler carries out, with their place in the definition.
pub fn probed(checks: &[HealthCheck]) -> impl Iterator<Item = (usize, &HealthCheck)> {
    checks
        .iter()
        .enumerate()
        .filter(|(_, check)| !check.protocol.is_by_agent())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn check() -> HealthCheck {
        HealthCheck {
            grace_period_seconds: 10,
            max_consecutive_failures: 2,
            ..HealthCheck::default()
        }
    }

    #[test]
    fn failures_in_grace_do_not_count_until_the_first_success() {
        let mut record = Record::default();
        assert_eq!(record.result(&check(), at(0), at(5), false), Verdict::Keep);
        assert_eq!(aggregate(&[record]), Health::Unknown);
        record.result(&check(), at(0), at(6), true);
        assert_eq!(aggregate(&[record]), Health::Healthy);
        record.result(&check(), at(0), at(7), false);
        assert_eq!(aggregate(&[record]), Health::Unhealthy);
    }

    #[test]
    fn the_failure_after_the_maximum_stops_the_instance() {
        let mut record = Record::default();
        let verdicts: Vec<Verdict> = (20..23)
            .map(|second| record.result(&check(), at(0), at(second), false))
            .collect();
        assert_eq!(verdicts, [Verdict::Keep, Verdict::Keep, Verdict::Kill]);
    }

    #[test]
    fn zero_never_stops() {
        let check = HealthCheck {
            max_consecutive_failures: 0,
            grace_period_seconds: 0,
            ..check()
        };
        let mut record = Record::default();
        assert!((0..9).all(|second| record.result(&check, at(0), at(second), false) == Verdict::Keep));
    }

    #[test]
    fn probes() {
        let check = HealthCheck {
            port_index: Some(1),
            path: Some("health".into()),
            ..check()
        };
        assert_eq!(
            probe(&check, "h", &[1, 2]),
            Some(Probe::Http("http://h:2/health".into()))
        );
        assert_eq!(probe(&check, "h", &[1]), None);
        let tcp = HealthCheck {
            protocol: Protocol::Tcp,
            port: Some(9),
            ..check
        };
        assert_eq!(probe(&tcp, "h", &[]), Some(Probe::Tcp("h".into(), 9)));
    }
}
