//! The gate that everything passes that a leader does: asked at that moment, not remembered.
//!
//! A process may be stopped between any two lines and wake much later. So no turn of the event loop, no answer and no
//! message of a leader relies on what was true before: each asks here whether the lease from ZooKeeper still runs and
//! whether the permission is still given.

use std::time::Duration;

use mesolith_proto::live::LeadershipReport;
use mesolith_zk::Lease;
use tokio::sync::watch;

use crate::leadership::Leadership;
use crate::permission::{Permission, Verdict};

/// Pause between two looks while the gate is closed.
const AGAIN: Duration = Duration::from_millis(20);

/// Where this master stands; published as one, so that nobody sees a permission of one moment and a leadership of another.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) leadership: Leadership,
    /// What this master says of its permission. One that has led does not say that it may not lead.
    pub(crate) permission: Verdict,
    /// Name of this master's node in the election, while it is the first candidate.
    pub(crate) node: Option<String>,
    /// None where there is no election.
    pub(crate) lease: Option<Lease>,
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    standing: watch::Receiver<Standing>,
    permission: Permission,
}

impl Gate {
    pub(crate) fn new(standing: watch::Receiver<Standing>, permission: Permission) -> Self {
        Self { standing, permission }
    }

    /// Every change of the standing.
    pub(crate) fn watch(&self) -> watch::Receiver<Standing> {
        self.standing.clone()
    }

    /// Whether this master may act as the leader now.
    pub(crate) fn is_open(&self) -> bool {
        let leads = {
            let standing = self.standing.borrow();
            standing.leadership == Leadership::Ours && standing.lease.as_ref().is_none_or(Lease::holds)
        };
        leads && self.permission.allows()
    }

    /// Waits until this master may act. It may have to wait for ever: then the process is about to end.
    pub(crate) async fn opened(&self) {
        while !self.is_open() {
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Who leads now.
    pub(crate) fn leadership(&self) -> Leadership {
        let leadership = self.standing.borrow().leadership.clone();
        match leadership {
            Leadership::Ours if !self.is_open() => Leadership::Suspended(
                "this master led, and does not act until it has heard from ZooKeeper and may still lead"
                    .into(),
            ),
            known => known,
        }
    }

    /// What this master says about itself; `own` is its `host:port`.
    pub(crate) fn report(&self, own: &str) -> LeadershipReport {
        let permission = self.standing.borrow().permission.clone();
        let leadership = self.leadership();
        LeadershipReport {
            leading: leadership == Leadership::Ours,
            leader: match &leadership {
                Leadership::Ours => Some(own.to_owned()),
                Leadership::Other(other) => Some(other.host_port()),
                Leadership::Suspended(_)
                | Leadership::Pinned(_)
                | Leadership::Unknown(_)
                | Leadership::Lost(_) => None,
            },
            may_lead: permission.may_lead,
            generation: permission.generation,
            reason: leadership.nobody().map(str::to_owned).or(permission.why),
        }
    }
}

#[cfg(test)]
pub(crate) mod fixtures {
    use std::path::Path;

    use super::*;

    /// Of a master that leads by its last look, as that file lets it.
    pub(crate) fn leading(settings: &Path, lease: Option<Lease>) -> Gate {
        let standing = Standing {
            leadership: Leadership::Ours,
            permission: Verdict::unlimited(),
            node: None,
            lease,
        };
        Gate::new(
            watch::channel(standing).1,
            Permission::new(Some(settings.to_owned())),
        )
    }

    pub(crate) fn allow(settings: &Path) {
        std::fs::write(settings, r#"{"generation":1,"mayLead":true}"#).unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::fixtures::{allow, leading};
    use super::*;

    #[test]
    fn what_was_known_at_the_last_look_is_not_enough() {
        let dir = tempfile::tempdir().unwrap();
        let settings = dir.path().join("live.json");
        let suspended = |gate: &Gate| matches!(gate.leadership(), Leadership::Suspended(_));
        let gate = leading(&settings, None);
        assert!(!gate.is_open() && suspended(&gate), "there are no settings");
        assert!(!gate.report("own").leading);
        allow(&settings);
        let gate = leading(&settings, Some(Lease::default()));
        assert!(!gate.is_open() && suspended(&gate), "the lease is over");
        let gate = leading(&settings, None);
        assert!(gate.is_open() && gate.leadership() == Leadership::Ours);
        assert_eq!(gate.report("own").leader.as_deref(), Some("own"));
    }
}
