//! Health checks of a task: when to check, what a result means, and when failures end the task.
//!
//! Counting is pure ([`Counter`]); each kind of check is one function.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use mesolith_proto::mesos::v1::network_info::Protocol;
use mesolith_proto::mesos::v1::{HealthCheck, health_check};
use tokio::time::Instant;

use super::Events;
use super::running::Running;
use crate::state::ContainerEvent;

/// What a series of results means, as Mesos counts them.
#[derive(Debug)]
pub(super) struct Counter {
    grace: Duration,
    tolerated: u32,
    failures: u32,
    ever_healthy: bool,
}

/// The consequence of one result.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing worth saying.
    Quiet,
    Healthy,
    Unhealthy {
        kill: bool,
    },
}

impl Counter {
    /// `checked`: it was checked before, so its grace is over.
    pub(super) fn new(check: &HealthCheck, checked: bool) -> Self {
        Self {
            grace: seconds(check.grace_period_seconds()),
            tolerated: check.consecutive_failures(),
            failures: 0,
            ever_healthy: checked,
        }
    }

    /// Takes one result in; `age` is the time since the task started.
    pub(super) fn observe(&mut self, good: bool, age: Duration) -> Verdict {
        if good {
            let news = !self.ever_healthy || self.failures > 0;
            self.ever_healthy = true;
            self.failures = 0;
            return if news { Verdict::Healthy } else { Verdict::Quiet };
        }
        // Until it was healthy once, failures of a starting task do not count.
        if !self.ever_healthy && age <= self.grace {
            return Verdict::Quiet;
        }
        self.failures += 1;
        Verdict::Unhealthy {
            kill: self.failures >= self.tolerated,
        }
    }
}

/// What happened before this agent began to check.
pub(super) struct Past {
    /// How long the task has been running.
    pub(super) age: Duration,
    /// A check has had a verdict.
    pub(super) checked: bool,
}

/// Checks again and again until dropped.
pub(super) async fn watch(check: HealthCheck, running: Running, host: IpAddr, events: Events, past: Past) {
    let begun = Instant::now();
    let mut counter = Counter::new(&check, past.checked);
    let interval = seconds(check.interval_seconds()).max(Duration::from_millis(10));
    tokio::time::sleep(seconds(check.delay_seconds()).saturating_sub(past.age)).await;
    loop {
        let limit = seconds(check.timeout_seconds());
        let limit = if limit.is_zero() {
            Duration::from_secs(3600)
        } else {
            limit
        };
        let look = tokio::time::timeout(limit, look(&check, &running, host)).await;
        let result = look.unwrap_or_else(|_| Err(format!("no answer within {} s", limit.as_secs_f64())));
        let good = result.is_ok();
        let message = match &result {
            Ok(()) => "Health check passed".to_owned(),
            Err(why) => format!("Health check failed: {why}"),
        };
        match counter.observe(good, past.age + begun.elapsed()) {
            Verdict::Quiet => {}
            Verdict::Healthy => events.say(ContainerEvent::Health {
                healthy: true,
                kill: false,
                message,
            }),
            Verdict::Unhealthy { kill } => {
                events.say(ContainerEvent::Health {
                    healthy: false,
                    kill,
                    message,
                });
                if kill {
                    return;
                }
            }
        }
        tokio::time::sleep(interval).await;
    }
}

async fn look(check: &HealthCheck, running: &Running, host: IpAddr) -> Result<(), String> {
    match check.r#type() {
        health_check::Type::Http => {
            let http = check.http.as_ref().ok_or("the check names no port")?;
            look_http(http, place(running.address(), host, http.protocol())).await
        }
        health_check::Type::Tcp => {
            let tcp = check.tcp.as_ref().ok_or("the check names no port")?;
            let port = u16::try_from(tcp.port).map_err(|_| format!("{} is not a port", tcp.port))?;
            let address = (place(running.address(), host, tcp.protocol()), port);
            tokio::net::TcpStream::connect(address)
                .await
                .map(drop)
                .map_err(|e| e.to_string())
        }
        health_check::Type::Command => {
            let command = check.command.as_ref().ok_or("the check names no command")?;
            match running.exec(command).await? {
                0 => Ok(()),
                code => Err(format!("command exited with status {code}")),
            }
        }
        health_check::Type::Unknown => Err("a check of this type is not supported".into()),
    }
}

/// Where a task serves: at its own address, else on the host, by the protocol of the check.
fn place(own: Option<IpAddr>, host: IpAddr, protocol: Protocol) -> IpAddr {
    match (own, protocol) {
        (Some(address), _) => address,
        (None, Protocol::IPv6) => IpAddr::from(Ipv6Addr::LOCALHOST),
        (None, Protocol::IPv4) => host,
    }
}

async fn look_http(http: &health_check::HttpCheckInfo, host: IpAddr) -> Result<(), String> {
    let scheme = http.scheme.as_deref().unwrap_or("http");
    let host = if host.is_ipv6() {
        format!("[{host}]")
    } else {
        host.to_string()
    };
    let url = format!(
        "{scheme}://{host}:{}{}",
        http.port,
        http.path.as_deref().unwrap_or("/")
    );
    // As in Mesos, certificates of tasks are not verified, and a redirect is an answer.
    let client = reqwest::Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .redirect(reqwest::redirect::Policy::none())
        .http1_only()
        .build()
        .map_err(|e| e.to_string())?;
    let response = client.get(&url).send().await.map_err(|e| root_cause(&e))?;
    let status = u32::from(response.status().as_u16());
    let good = if http.statuses.is_empty() {
        (200..400).contains(&status)
    } else {
        http.statuses.contains(&status)
    };
    if good {
        Ok(())
    } else {
        Err(format!("{url} answered {status}"))
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    format!("{error}: {last}")
}

fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter() -> Counter {
        counting(false)
    }

    fn counting(checked: bool) -> Counter {
        let check = HealthCheck {
            grace_period_seconds: Some(10.0),
            consecutive_failures: Some(3),
            ..Default::default()
        };
        Counter::new(&check, checked)
    }

    #[test]
    fn the_third_failure_in_a_row_ends_it() {
        let mut counter = counter();
        let late = Duration::from_secs(60);
        assert_eq!(counter.observe(false, late), Verdict::Unhealthy { kill: false });
        assert_eq!(counter.observe(false, late), Verdict::Unhealthy { kill: false });
        assert_eq!(counter.observe(true, late), Verdict::Healthy);
        assert_eq!(counter.observe(true, late), Verdict::Quiet);
        for kill in [false, false, true] {
            assert_eq!(counter.observe(false, late), Verdict::Unhealthy { kill });
        }
    }

    #[test]
    fn a_check_looks_where_its_protocol_says() {
        let [host, own, loopback] = ["127.0.0.9", "172.17.0.2", "::1"].map(|a| a.parse::<IpAddr>().unwrap());
        assert_eq!(place(None, host, Protocol::IPv4), host);
        assert_eq!(place(None, host, Protocol::IPv6), loopback);
        assert_eq!(place(Some(own), host, Protocol::IPv6), own);
    }

    #[test]
    fn grace_ends_with_its_time_or_the_first_success() {
        let mut young = counter();
        assert_eq!(young.observe(false, Duration::from_secs(9)), Verdict::Quiet);
        assert_eq!(
            young.observe(false, Duration::from_secs(11)),
            Verdict::Unhealthy { kill: false }
        );
        // An agent that comes back does not give the grace again.
        assert_eq!(
            counting(true).observe(false, Duration::ZERO),
            Verdict::Unhealthy { kill: false }
        );
        let mut proven = counter();
        assert_eq!(proven.observe(true, Duration::from_secs(1)), Verdict::Healthy);
        assert_eq!(
            proven.observe(false, Duration::from_secs(2)),
            Verdict::Unhealthy { kill: false }
        );
    }
}
