//! Who leads, as the HTTP side and the event loop see it.

use std::sync::Arc;

use mesolith_zk::{Candidacy, Contender, Detector, MasterInfo};
use tokio::sync::watch;

/// Who leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leadership {
    /// This master.
    Ours,
    /// This master, cut off from ZooKeeper: it must not act until it knows that it still leads.
    Suspended(String),
    /// Another one.
    Other(Arc<MasterInfo>),
    /// No leader is known; the text says why.
    Unknown(String),
    /// This master led and does not any more.
    Lost(String),
}

/// Takes part in the election, or leads at once when there is none.
pub(crate) struct Election {
    contender: Option<Contender>,
    state: watch::Receiver<Leadership>,
}

impl Election {
    /// Leads alone, since there is no election.
    pub(crate) fn alone() -> Self {
        Self {
            contender: None,
            state: watch::channel(Leadership::Ours).1,
        }
    }

    /// Contends in ZooKeeper.
    pub(crate) fn join(
        address: mesolith_zk::Address,
        master: MasterInfo,
        timeout: std::time::Duration,
    ) -> Self {
        let contender = Contender::start(address.clone(), master.clone(), timeout);
        let detector = Detector::start(address, timeout);
        let (sender, state) = watch::channel(Leadership::Unknown("connecting to ZooKeeper".into()));
        tokio::spawn(follow(contender.watch(), detector, master.id, sender));
        Self {
            contender: Some(contender),
            state,
        }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Leadership> {
        self.state.clone()
    }

    /// Steps down so that the next master need not wait for a timeout.
    pub(crate) async fn leave(self) {
        if let Some(contender) = self.contender {
            contender.leave().await;
        }
    }
}

async fn follow(
    mut candidacy: watch::Receiver<Candidacy>,
    detector: Detector,
    own_id: String,
    sender: watch::Sender<Leadership>,
) {
    let mut leader = detector.watch();
    loop {
        let mine = candidacy.borrow_and_update().clone();
        let detected = leader.borrow_and_update().clone();
        let next = judge(
            &mine,
            detected,
            &own_id,
            detector.problem().map(|p| p.to_string()),
        );
        sender.send_if_modified(|now| {
            let changed = *now != next;
            *now = next;
            changed
        });
        let ended = tokio::select! {
            changed = candidacy.changed() => changed.is_err(),
            changed = leader.changed() => changed.is_err(),
            () = sender.closed() => true,
        };
        if ended {
            return;
        }
    }
}

/// Our own candidacy decides whether we lead; the detector only says where others should go.
fn judge(
    mine: &Candidacy,
    detected: Option<Arc<MasterInfo>>,
    own_id: &str,
    problem: Option<String>,
) -> Leadership {
    match (mine, detected) {
        (Candidacy::Leading { .. }, _) => Leadership::Ours,
        (Candidacy::Suspended { reason }, _) => Leadership::Suspended(reason.clone()),
        (Candidacy::Lost { reason }, _) => Leadership::Lost(reason.clone()),
        (Candidacy::Connecting { .. } | Candidacy::Standby { .. }, Some(other)) if other.id != own_id => {
            Leadership::Other(other)
        }
        (Candidacy::Connecting { problem: Some(why) }, _) => Leadership::Unknown(why.clone()),
        (Candidacy::Connecting { problem: None }, _) => {
            Leadership::Unknown(problem.unwrap_or_else(|| "connecting to ZooKeeper".into()))
        }
        (Candidacy::Standby { .. }, _) => {
            Leadership::Unknown(problem.unwrap_or_else(|| "the election has no result yet".into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_candidacy_makes_us_lead() {
        let other = Arc::new(MasterInfo::new("b", [127, 0, 0, 1].into(), 5050, "h", "1"));
        let own = Arc::new(MasterInfo {
            id: "a".into(),
            ..(*other).clone()
        });
        let standby = Candidacy::Standby { node: "n".into() };
        assert_eq!(
            judge(&standby, Some(other.clone()), "a", None),
            Leadership::Other(other.clone())
        );
        // The detector may show us after we lost the election, or before we know that we won it.
        assert!(matches!(
            judge(&standby, Some(own), "a", None),
            Leadership::Unknown(_)
        ));
        let leading = Candidacy::Leading { node: "n".into() };
        assert_eq!(judge(&leading, Some(other), "a", None), Leadership::Ours);
    }
}
