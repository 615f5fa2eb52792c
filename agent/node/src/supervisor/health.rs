//! Watching a component that runs.

use std::time::Duration;

use mesolith_proto::live::MAY_LEAD;
use mesolith_proto::node::v1::Phase;

use super::Supervisor;
use crate::component::Component;
use crate::{logs, probe};

/// Failed probes in a row that make a component unhealthy: on a busy machine one may get lost.
const FAILURES: u32 = 2;
/// Pause while somebody may wait for what the component says about its live settings.
const UNCONFIRMED: Duration = Duration::from_millis(200);

#[derive(Debug, Default)]
pub(super) struct Health {
    served: bool,
    failures: u32,
}

impl Health {
    /// The phase after a probe, and how soon to look again.
    fn after(&mut self, serving: bool) -> (Phase, Duration) {
        self.failures = if serving {
            0
        } else {
            self.failures.saturating_add(1)
        };
        self.served |= serving;
        match (serving, self.served) {
            (true, _) => (Phase::Running, Duration::from_secs(3)),
            (false, true) if self.failures < FAILURES => (Phase::Running, Duration::from_millis(500)),
            (false, true) => (Phase::Unhealthy, Duration::from_secs(1)),
            (false, false) => (Phase::Starting, Duration::from_millis(300)),
        }
    }
}

impl Supervisor {
    pub(super) async fn watch(&mut self, component: &Component) -> Duration {
        let told = self.tell(component);
        let found = probe::probe(component, &self.home, &self.node.http).await;
        let (phase, mut pause) = self.health.after(found.is_ok());
        let stats = self
            .process
            .as_ref()
            .map(mesolith_process::Handle::stats)
            .unwrap_or_default();
        self.view.state.memory_bytes = rounded(stats.memory_bytes);
        let memory = i64::try_from(stats.memory_bytes).unwrap_or(i64::MAX);
        self.node.metrics.memory.get_or_create(&self.labels).set(memory);
        let _ = logs::rotate(&self.home.log());
        match found {
            Ok(answer) => {
                let refused = match answer.is_behind {
                    true => probe::configure(component, &self.home).await.err(),
                    false => None,
                };
                let unconfirmed = component.live.may_lead.is_some() && !answer.facts.contains_key(MAY_LEAD);
                if unconfirmed || (answer.is_behind && refused.is_none()) {
                    pause = UNCONFIRMED;
                }
                self.view.state.facts = answer.facts;
                self.show(phase, told.err().or(refused).or(answer.waits));
            }
            // One failed probe is not shown yet.
            Err(_) if phase == Phase::Running => {}
            Err(problem) => self.show(phase, Some(problem)),
        }
        pause
    }
}

/// Rounded down to 16 MiB, so that watchers are not woken for every page.
fn rounded(bytes: u64) -> u64 {
    bytes & !((16 << 20) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starting_running_unhealthy() {
        let mut health = Health::default();
        let phases: Vec<_> = [false, true, false, true, false, false, true]
            .map(|serving| health.after(serving).0)
            .to_vec();
        use Phase::{Running, Starting, Unhealthy};
        assert_eq!(
            phases,
            [Starting, Running, Running, Running, Running, Unhealthy, Running]
        );
    }
}
