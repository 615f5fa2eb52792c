//! Answers the commands of other parts of the program.

use mesolith_zk::record::Zxid;
use mesolith_zk::request::{ANY_VERSION, Request, Write};
use mesolith_zk::tree::Node;

use super::claim::Stage;
use super::driver::{Driver, Role};
use super::end::both;
use super::refusals;
use crate::diff;
use crate::duplex::Arrival;
use crate::handle::{Answer, Command, DiffReport, Refused};
use crate::settings::{Mode, Settings, Side, accept};

/// Commands that wait until what was committed on a side before is on the other side.
#[derive(Default)]
pub(super) struct Waiters {
    /// The side's leader was asked for a barrier, which has not come yet.
    asked: Vec<(Side, Waiter)>,
    /// They wait until something has arrived.
    until: Vec<(Arrival, Waiter)>,
}

enum Waiter {
    Barrier(Answer<String>),
    /// A comparison: most differences to name, and how often it may still look again.
    Diff(usize, u32, Answer<DiffReport>),
    /// The side that wrote has nothing on its way any more: others may write from now on, if no counter is behind. With how
    /// often they may be raised.
    Switch(Box<Settings>, u32, Answer<u64>),
    /// Both trees were compared, and nothing was left to repair.
    Compared(Answer<()>),
    /// The barrier of one side has passed; now the command waits on another side.
    Then(Side, Box<Self>),
}

/// How often a comparison looks again at what differs. A node may be written while its last change is on its way.
const ROUNDS: u32 = 5;
/// Counters that are raised at once before a switch.
const MOST_COUNTERS: usize = 1_000;

impl Waiters {
    /// The link to a side is lost, and with it the barriers that were asked for.
    pub(super) fn forget(&mut self, lost: Side) {
        let asked = std::mem::take(&mut self.asked);
        for (side, waiter) in asked {
            if side == lost {
                let message = format!("the link to side {lost} was lost meanwhile; ask again");
                waiter.refuse(refused("NoLink", message));
            } else {
                self.asked.push((side, waiter));
            }
        }
    }

    /// The oldest barrier of a side has come.
    pub(super) fn synced(&mut self, side: Side, at: Zxid, now: u64) {
        if let Some(oldest) = self.asked.iter().position(|(asked, _)| *asked == side) {
            let (_, waiter) = self.asked.remove(oldest);
            self.until.push((Arrival::of(side, at, now), waiter));
        }
    }
}

impl Waiter {
    fn refuse(self, refused: Refused) {
        match self {
            Self::Barrier(answer) => drop(answer.send(Err(refused))),
            Self::Diff(.., answer) => drop(answer.send(Err(refused))),
            Self::Switch(.., answer) => drop(answer.send(Err(refused))),
            Self::Compared(answer) => drop(answer.send(Err(refused))),
            Self::Then(_, next) => next.refuse(refused),
        }
    }
}

/// The side that may write now and will not be allowed to.
fn gives_up(now: &Settings, wanted: &Settings) -> Option<Side> {
    [Side::A, Side::B].into_iter().find(|side| {
        now.routes.iter().any(|route| {
            let after = wanted.routes.iter().find(|after| after.root == route.root);
            route.direction.carries_from(*side)
                && after.is_some_and(|after| !after.direction.carries_from(*side))
        })
    })
}

fn not_taken(what: String) -> Refused {
    refused("NodesRefused", format!("the two sides are not equal: {what}"))
}

fn refused(reason: &'static str, message: impl Into<String>) -> Refused {
    Refused {
        reason,
        message: message.into(),
    }
}

impl Driver {
    pub(super) fn command(&mut self, command: Command) {
        match command {
            Command::Configure(settings, answer) => self.configure(*settings, answer),
            Command::Diff { limit, answer } => self.fence(Waiter::Diff(limit, ROUNDS, answer)),
            Command::Resolve { path, keep, answer } => match self.resolve(&path, keep) {
                Err(refused) => drop(answer.send(Err(refused))),
                // Nothing is written during a pause.
                Ok(()) if self.settings.mode == Mode::Pause => drop(answer.send(Ok(()))),
                Ok(()) => {
                    let arrival = Arrival::of(keep, Zxid(0), self.now());
                    self.waiters.until.push((arrival, Waiter::Compared(answer)));
                }
            },
            Command::Conflicts { limit, answer } => {
                let _ = answer.send(Ok(self.log.last(limit)));
            }
            Command::Barrier(answer) => self.fence(Waiter::Barrier(answer)),
        }
    }

    fn configure(&mut self, wanted: Settings, answer: Answer<u64>) {
        let wanted = match accept(&self.settings, wanted) {
            Ok(wanted) => wanted,
            Err(refused) => return drop(answer.send(Err(refused))),
        };
        if self.role != Role::Active && wanted.mode != Mode::Stop {
            return drop(answer.send(Err(self.not_active())));
        }
        match gives_up(&self.settings, &wanted) {
            // What it wrote last has to be on the other side before that one may write.
            Some(side) => self.barrier(side, Waiter::Switch(Box::new(wanted), ROUNDS, answer)),
            None => match self.may_switch(wanted) {
                Ok(wanted) => self.follow(wanted, answer),
                Err(refused) => drop(answer.send(Err(refused))),
            },
        }
    }

    /// Settings that may be followed: where others write from now on, nothing may be missing.
    fn may_switch(&mut self, wanted: Settings) -> Result<Settings, Refused> {
        let wanted = accept(&self.settings, wanted)?;
        match refusals::sentence(&self.refused_below(&wanted)) {
            Some(what) if wanted.mode != Mode::Stop => Err(not_taken(what)),
            _ => Ok(wanted),
        }
    }

    fn follow(&mut self, wanted: Settings, answer: Answer<u64>) {
        let generation = wanted.generation;
        self.adopt(wanted);
        self.store_settings();
        let _ = answer.send(Ok(generation));
    }

    fn not_active(&self) -> Refused {
        let holder = self.b.claim.holder(self.b.link.tree());
        let message = match holder {
            Some(run) => format!("this engine stands by; ask the active one, {run}"),
            None => {
                "this engine is not active yet; ask again when its state is in-sync or seeding".to_owned()
            }
        };
        refused("NotActive", message)
    }

    fn resolve(&mut self, path: &str, keep: Side) -> Result<(), Refused> {
        if self.role != Role::Active {
            return Err(self.not_active());
        }
        if !self.duplex.resolve(path, keep, both(&self.a, &self.b)) {
            let frozen: Vec<_> = self.duplex.frozen().iter().take(5).cloned().collect();
            let which = if frozen.is_empty() {
                "no path is".to_owned()
            } else {
                format!("these are: {}", frozen.join(", "))
            };
            return Err(refused("NotFrozen", format!("{path} is not frozen; {which}")));
        }
        self.forget_frozen(path);
        // The write raises the version on one side. The next comparison of both sides raises it on the other.
        self.rounds.await_repairs(&self.duplex);
        self.look_again();
        Ok(())
    }

    /// Asks for barriers on every side that writes. The answer is A's position if A writes, otherwise B's.
    fn fence(&mut self, waiter: Waiter) {
        let writes = |side| self.duplex.routes().any_from(side);
        match (writes(Side::A), writes(Side::B)) {
            (true, true) => self.barrier(Side::B, Waiter::Then(Side::A, Box::new(waiter))),
            (false, true) => self.barrier(Side::B, waiter),
            (_, false) => self.barrier(Side::A, waiter),
        }
    }

    /// Asks a side's leader for a barrier.
    fn barrier(&mut self, side: Side, waiter: Waiter) {
        let end = self.end(side);
        let asked = if end.up {
            end.link.requests().sync(end.claim.session, 0)
        } else {
            Err(crate::side::NoLink)
        };
        match asked {
            Ok(()) => self.waiters.asked.push((side, waiter)),
            Err(_) => {
                let cause = end.cause.clone().unwrap_or_else(|| "connecting".to_owned());
                waiter.refuse(refused("NoLink", format!("no link to side {side}: {cause}")));
            }
        }
    }

    pub(super) fn answer_waiters(&mut self) {
        // Until both trees were compared, a position does not mean that everything before it has arrived.
        if self.waiters.until.is_empty() || !self.rounds.is_settled() {
            return;
        }
        // Nor before it is known whether a side takes what it was not given.
        if self.is_asking() {
            return;
        }
        let now = self.now();
        for (mut arrival, waiter) in std::mem::take(&mut self.waiters.until) {
            if !arrival.is_over(&self.duplex, now) {
                self.waiters.until.push((arrival, waiter));
                continue;
            }
            match waiter {
                Waiter::Barrier(answer) => {
                    let arrived = match refusals::sentence(&self.refused()) {
                        None => Ok(format!("{:#x}", arrival.at().0)),
                        Some(what) => {
                            // Who looks next sees it there as well.
                            self.publish();
                            Err(not_taken(what))
                        }
                    };
                    let _ = answer.send(arrived);
                }
                Waiter::Diff(limit, rounds, answer) => self.diff(limit, rounds, answer),
                Waiter::Compared(answer) => drop(answer.send(Ok(()))),
                Waiter::Then(next, waiter) => self.barrier(next, *waiter),
                Waiter::Switch(wanted, rounds, answer) => self.switch(arrival.side(), wanted, rounds, answer),
            }
        }
    }

    /// A side gives up writing. Whoever writes next makes sequential nodes, which must not meet names that exist.
    fn switch(&mut self, from: Side, wanted: Box<Settings>, rounds: u32, answer: Answer<u64>) {
        let trees = both(&self.a, &self.b);
        let routes = self.duplex.routes();
        let comes = |child: Node<'_>| self.duplex.comes(from, child);
        let behind = diff::counters_behind(from, (trees.a, trees.b), routes, comes, MOST_COUNTERS);
        let Some(first) = behind.first() else {
            return match self.may_switch(*wanted) {
                Ok(wanted) => self.follow(wanted, answer),
                Err(refused) => drop(answer.send(Err(refused))),
            };
        };
        if rounds == 0 {
            let message = format!(
                "the counter of {first} and {} more is behind on side {}: a sequential node there could get a name that \
                 exists; see sync diff, and switch once it names no cversion",
                behind.len() - 1,
                from.other()
            );
            return drop(answer.send(Err(refused("CounterBehind", message))));
        }
        let now = self.now();
        for path in &behind {
            let news = self.duplex.dirty(from, path, both(&self.a, &self.b), now);
            self.news(news, now);
        }
        self.barrier(from, Waiter::Switch(wanted, rounds - 1, answer));
    }

    /// Compares both trees, without what is on its way or frozen.
    fn diff(&mut self, limit: usize, rounds: u32, answer: Answer<DiffReport>) {
        if !self.a.up || !self.b.up {
            let _ = answer.send(Err(refused(
                "NoLink",
                "a side cannot be reached; see sync status",
            )));
            return;
        }
        let (duplex, now) = (&self.duplex, self.now());
        let on_its_way = |path: &str| {
            let there = duplex.routes().locate(Side::A, path);
            there.is_some_and(|place| duplex.away_from(Side::A).collides(&place.there, false))
                || duplex.away_from(Side::B).collides(path, false)
        };
        let (a, b) = (self.a.link.tree(), self.b.link.tree());
        let report = diff::compare(a, b, duplex.routes(), duplex.common(), on_its_way, limit);
        if report.different > 0 && rounds > 0 && (!duplex.is_idle() || duplex.owes(now, now)) {
            self.fence(Waiter::Diff(limit, rounds - 1, answer));
        } else {
            let _ = answer.send(Ok(report));
        }
    }

    /// Frees its place for a standby, which then need not wait until a session expires.
    pub(super) async fn leave(&mut self) {
        const LIMIT: std::time::Duration = std::time::Duration::from_secs(2);
        let now = self.now();
        if let Some(mark) = self.duplex.away_from_mut(Side::A).mark(now) {
            self.send(Side::B, mark);
        }
        for side in [Side::B, Side::A] {
            if self.end(side).claim.stage != Stage::Held || !self.end(side).up {
                continue;
            }
            let active = Write::Delete {
                path: self.layout.active().into(),
                version: ANY_VERSION,
            };
            for request in [Request::Single(active), Request::CloseSession] {
                let request = self.end_mut(side).claim.send(request);
                self.send(side, request);
            }
            let session = self.end(side).claim.session;
            let gone = async {
                while self.end(side).link.tree().sessions().contains_key(&session) {
                    if self.end_mut(side).link.next().await.is_err() {
                        return;
                    }
                }
            };
            let _ = tokio::time::timeout(LIMIT, gone).await;
        }
    }
}
