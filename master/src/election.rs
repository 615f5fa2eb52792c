//! Takes part in the election, or leads at once when there is none. One task decides what this master is; everybody else
//! reads what it has published.
//!
//! A master that may not lead takes part as a standby, so that it is in nobody's way; it becomes a candidate when it may.

use std::time::Duration;

use mesolith_zk::{Address, Candidacy, Contender, Detector, Entry, Lease, MasterInfo};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::gate::{Gate, Standing};
use crate::leadership::{Leadership, has_led, judge};
use crate::permission::{Permission, Verdict};

/// Pause between two looks at the live settings.
const LOOK: Duration = Duration::from_millis(50);

/// The election, as long as this master takes part.
pub(crate) struct Election {
    gate: Gate,
    stop: watch::Sender<bool>,
    task: JoinHandle<Seat>,
}

impl Election {
    /// Takes part in ZooKeeper's election; without an address this master is the only one.
    pub(crate) fn join(
        address: Option<Address>,
        master: MasterInfo,
        timeout: Duration,
        permission: Permission,
    ) -> Self {
        let verdict = permission.read();
        let own_id = master.id.clone();
        let detector = address.clone().map(|address| Detector::start(address, timeout));
        let seat = Seat::take(address, master, timeout, entry(&verdict));
        let standing = watch::Sender::new(Standing {
            leadership: Leadership::Unknown("connecting to ZooKeeper".into()),
            permission: verdict,
            node: None,
            lease: None,
        });
        let gate = Gate::new(standing.subscribe(), permission.clone());
        let (stop, stopped) = watch::channel(false);
        let task = Task {
            seat,
            detector,
            own_id,
            permission,
            standing,
        };
        let task = tokio::spawn(task.run(stopped));
        Self { gate, stop, task }
    }

    pub(crate) fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// Steps down so that the next master need not wait for a timeout.
    pub(crate) async fn leave(self) {
        self.stop.send_replace(true);
        // It cannot fail but by a panic, which was reported.
        if let Ok(seat) = self.task.await {
            seat.leave().await;
        }
    }
}

struct Task {
    seat: Seat,
    detector: Option<Detector>,
    own_id: String,
    permission: Permission,
    standing: watch::Sender<Standing>,
}

impl Task {
    async fn run(mut self, mut stopped: watch::Receiver<bool>) -> Seat {
        let mut leader = self.detector.as_ref().map(Detector::watch);
        loop {
            let verdict = self.permission.read();
            self.seat.follow(&verdict);
            let candidacy = self.seat.candidacy();
            let detected = leader
                .as_mut()
                .and_then(|leader| leader.borrow_and_update().clone());
            let problem = self.detector.as_ref().and_then(Detector::problem);
            let leadership = judge(
                &candidacy,
                &verdict,
                detected,
                &self.own_id,
                problem.map(|p| p.to_string()),
            );
            let first = matches!(candidacy, Candidacy::First { .. });
            if first && leadership == Leadership::Ours && !self.seat.claim() {
                // Its place has changed since it was looked at.
                continue;
            }
            self.publish(leadership, verdict, &candidacy);
            let led = async {
                match &mut leader {
                    Some(leader) => drop(leader.changed().await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.seat.changed() => {}
                () = led => {}
                () = tokio::time::sleep(LOOK), if self.permission.may_change() => {}
                _ = stopped.changed() => return self.seat,
            }
        }
    }

    /// A process that has led does not confirm that it may not: it ends, and the next one does.
    fn publish(&self, leadership: Leadership, verdict: Verdict, candidacy: &Candidacy) {
        let has_led = has_led(candidacy);
        let node = match candidacy {
            Candidacy::First { node } | Candidacy::Leading { node } => Some(node.clone()),
            Candidacy::Connecting { .. }
            | Candidacy::Standby { .. }
            | Candidacy::Suspended { .. }
            | Candidacy::Lost { .. } => None,
        };
        let lease = self.seat.lease();
        self.standing.send_if_modified(|now| {
            let keep = has_led && !verdict.may_lead;
            let permission = if keep { now.permission.clone() } else { verdict };
            let changed = now.leadership != leadership || now.permission != permission;
            *now = Standing {
                leadership,
                permission,
                node,
                lease,
            };
            changed
        });
    }
}

fn entry(verdict: &Verdict) -> Entry {
    match verdict.may_lead {
        true => Entry::Candidate,
        false => Entry::Standby,
    }
}

/// This master's place.
enum Seat {
    /// The only one: nobody is before it.
    Alone(watch::Sender<Candidacy>),
    /// One of the masters that ZooKeeper knows.
    Shared(Box<Shared>),
}

struct Shared {
    address: Address,
    master: MasterInfo,
    timeout: Duration,
    entry: Entry,
    contender: Contender,
    candidacy: watch::Receiver<Candidacy>,
}

impl Shared {
    fn take(address: Address, master: MasterInfo, timeout: Duration, entry: Entry) -> Self {
        let contender = Contender::start(address.clone(), master.clone(), timeout, entry);
        Self {
            address,
            master,
            timeout,
            entry,
            candidacy: contender.watch(),
            contender,
        }
    }
}

impl Seat {
    fn take(address: Option<Address>, master: MasterInfo, timeout: Duration, entry: Entry) -> Self {
        match address {
            Some(address) => Self::Shared(Box::new(Shared::take(address, master, timeout, entry))),
            None => Self::Alone(watch::Sender::new(Candidacy::First { node: String::new() })),
        }
    }

    fn candidacy(&mut self) -> Candidacy {
        match self {
            Self::Alone(candidacy) => candidacy.borrow().clone(),
            Self::Shared(shared) => shared.candidacy.borrow_and_update().clone(),
        }
    }

    fn claim(&self) -> bool {
        match self {
            Self::Alone(candidacy) => {
                candidacy.send_replace(Candidacy::Leading { node: String::new() });
                true
            }
            Self::Shared(shared) => shared.contender.claim(),
        }
    }

    fn lease(&self) -> Option<Lease> {
        match self {
            Self::Alone(_) => None,
            Self::Shared(shared) => Some(shared.contender.lease()),
        }
    }

    /// Takes part as it may. Whoever has led stays where it is: it ends.
    fn follow(&mut self, verdict: &Verdict) {
        let Self::Shared(shared) = self else { return };
        let wanted = entry(verdict);
        if wanted == shared.entry || has_led(&shared.candidacy.borrow()) {
            return;
        }
        let next = Shared::take(
            shared.address.clone(),
            shared.master.clone(),
            shared.timeout,
            wanted,
        );
        let before = std::mem::replace(&mut **shared, next);
        tokio::spawn(before.contender.leave());
    }

    async fn changed(&mut self) {
        match self {
            Self::Alone(_) => std::future::pending().await,
            // It lives as long as the contender does.
            Self::Shared(shared) => drop(shared.candidacy.changed().await),
        }
    }

    async fn leave(self) {
        match self {
            Self::Alone(_) => {}
            Self::Shared(shared) => shared.contender.leave().await,
        }
    }
}
