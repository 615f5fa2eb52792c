//! One component: observes it, takes the next step of the plan, shows the result, pauses, and repeats.
//!
//! A supervisor remembers nothing that it could not find again: the process is adopted from its runtime directory, its
//! configuration is in its record, and deaths are in `history.json`. So it may be killed between any two lines.

mod health;
mod history;
mod keep;
mod leave;
mod live;
mod start;

use std::sync::Arc;
use std::time::Duration;

use mesolith_process::{Adopted, Exit, Handle, adopt};
use mesolith_proto::node::v1::{ComponentState, Phase};
use tokio::sync::watch;

use crate::board::View;
use crate::component::{ClusterRef, Component};
use crate::layout::Home;
use crate::metrics::Labels;
use crate::node::Node;
use crate::plan::{self, Goal, Seen, Step};
use crate::problem::{Problem, chain};
use crate::{archive, copy, crash, kinds};
use health::Health;
use history::History;
use leave::Leaving;

/// Pause after an error of this node itself (a full disk, a stuck process).
const AFTER_ERROR: Duration = Duration::from_secs(5);

/// What a supervisor is told; the latest counts.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) generation: u64,
    /// None: it has to go.
    pub(crate) component: Option<Component>,
    /// Whether its data is kept when it goes.
    pub(crate) archive: bool,
}

pub(crate) struct Supervisor {
    node: Arc<Node>,
    cluster: ClusterRef,
    home: Home,
    orders: watch::Receiver<Order>,
    process: Option<Handle>,
    /// Whether it is known what an earlier run of this agent left running.
    looked: bool,
    history: History,
    health: Health,
    leaving: Leaving,
    view: View,
    labels: Labels,
}

impl Supervisor {
    pub(crate) fn new(
        node: Arc<Node>,
        cluster: ClusterRef,
        id: &str,
        orders: watch::Receiver<Order>,
    ) -> Self {
        let home = node.layout.component(&cluster.uid, id);
        let state = ComponentState {
            id: id.to_owned(),
            phase: Phase::Pending.into(),
            ..Default::default()
        };
        let labels = Labels {
            cluster: cluster.name.clone(),
            component: id.to_owned(),
        };
        let mut history = History::load(&home.history());
        // An earlier version did not note how a component was wanted, and the next order may take this one away.
        if history.wanted.is_none()
            && home.exists()
            && let Some(component) = &orders.borrow().component
        {
            history.remember(component, &home.history());
        }
        let view = View {
            state,
            ..View::default()
        };
        Self {
            node,
            cluster,
            home,
            orders,
            process: None,
            looked: false,
            history,
            health: Health::default(),
            leaving: Leaving::default(),
            view,
            labels,
        }
    }

    /// Runs until the component is gone (true), or this process ends (false).
    pub(crate) async fn run(mut self) -> bool {
        while let Err(error) = self.find_process().await {
            self.show(Phase::Failed, Some(Problem::new(error.reason(), chain(&error))));
            tokio::select! {
                () = tokio::time::sleep(AFTER_ERROR) => {}
                () = self.node.shutdown.wait() => return false,
            }
        }
        self.looked = true;
        loop {
            let order = self.orders.borrow_and_update().clone();
            let Some(pause) = self.round(&order).await else {
                self.node.metrics.forget(&self.labels);
                return true;
            };
            let process = self.process.clone();
            let end = async {
                match process {
                    Some(process) => drop(process.wait().await),
                    None => std::future::pending().await,
                }
            };
            let shutdown = self.node.shutdown.clone();
            tokio::select! {
                changed = self.orders.changed() => if changed.is_err() { return false },
                () = tokio::time::sleep(pause) => {}
                () = end => {}
                () = shutdown.wait() => return false,
            }
        }
    }

    /// Adopts what an earlier run of this agent left running.
    async fn find_process(&mut self) -> Result<(), mesolith_process::Error> {
        match adopt(&self.home.run()).await? {
            Adopted::Running(handle) => {
                tracing::info!(cluster = %self.cluster.name, component = %self.view.state.id, pid = handle.pid(), "adopted");
                self.process = Some(handle);
            }
            // It died while no agent ran.
            Adopted::Exited(exit) => self.note_death(&exit, Duration::ZERO),
            Adopted::Unknown => {}
        }
        Ok(())
    }

    /// Takes one step; returns the pause until the next, or none when nothing is left to do.
    async fn round(&mut self, order: &Order) -> Option<Duration> {
        self.view.about(order.component.as_ref());
        self.notice_end(order);
        let digest = order.component.as_ref().map(Component::config_digest);
        if let Some(digest) = &digest {
            self.history.configured(digest, &self.home.history());
        }
        let leaver = self.leaver(order);
        let parked = order
            .component
            .as_ref()
            .is_some_and(|component| component.live.parked);
        let goal = match (&digest, &leaver) {
            (Some(_), _) if parked => Goal::Parked,
            (Some(digest), _) => Goal::Run { digest },
            (None, Some(_)) => Goal::Left,
            (None, None) => Goal::Gone,
        };
        let running = self.process.as_ref().map(|p| digest_of(p).to_owned());
        let seen = match &running {
            Some(digest) => Seen::Process { digest },
            None => Seen::NoProcess {
                data: self.home.exists(),
            },
        };
        let step = plan::next(goal, seen, self.history.back_off.left(history::now()));
        match (step, &order.component) {
            (Step::Watch, Some(component)) => {
                self.view.settled = order.generation;
                self.history.remember(component, &self.home.history());
                Some(self.watch(component).await)
            }
            (Step::Start, Some(component)) => Some(self.start(component).await),
            (Step::Wait(left), _) => {
                self.show_death();
                Some(left.min(AFTER_ERROR))
            }
            (Step::Stop, component) => Some(self.stop(component.as_ref()).await),
            (Step::Leave, _) => Some(match &leaver {
                Some(agent) => self.leave(agent).await,
                // The plan has this step only for an agent that has to leave.
                None => AFTER_ERROR,
            }),
            (Step::Keep, Some(component)) => Some(self.keep(order.generation, component).await),
            (Step::Clear, _) => Some(self.clear(order)),
            (Step::Finished, _) => None,
            // The plan watches, starts and keeps only what is wanted.
            (Step::Watch | Step::Start | Step::Keep, None) => Some(AFTER_ERROR),
        }
    }

    fn notice_end(&mut self, order: &Order) {
        let Some(process) = &self.process else { return };
        if let Ok(Some(exit)) = process.try_wait() {
            let ran = u64::try_from(exit.finished_at - process.started_at()).unwrap_or(0);
            match &order.component {
                Some(_) => self.note_death(&exit, Duration::from_secs(ran)),
                // It is not wanted any more.
                None => self.note_departure(&exit),
            }
            if let Some(process) = self.process.take() {
                let _ = process.forget();
            }
        }
    }

    fn note_death(&mut self, exit: &Exit, ran: Duration) {
        self.node.metrics.deaths.get_or_create(&self.labels).inc();
        let wanted = self.history.wanted.as_ref();
        let said = wanted.and_then(|component| kinds::last_words(component, &self.home));
        self.history
            .died(exit, ran, said, &self.home.log(), &self.home.history());
        tracing::warn!(cluster = %self.cluster.name, component = %self.view.state.id, %exit, "ended");
        self.health = Health::default();
        self.show_death();
    }

    fn show_death(&mut self) {
        self.show(Phase::BackOff, self.history.problem());
    }

    async fn stop(&mut self, component: Option<&Component>) -> Duration {
        let Some(process) = self.process.clone() else {
            return Duration::ZERO;
        };
        self.show(Phase::Stopping, None);
        let grace = component.map_or_else(|| self.history.stop_grace(), kinds::stop_grace);
        match process.stop(grace).await {
            Ok(exit) => {
                tracing::info!(cluster = %self.cluster.name, component = %self.view.state.id, %exit, "stopped");
                crash::point("stopped");
                let _ = process.forget();
                self.process = None;
                self.health = Health::default();
                self.show(Phase::Pending, None);
                Duration::ZERO
            }
            Err(error) => {
                self.show(Phase::Stopping, Some(Problem::new(error.reason(), chain(&error))));
                AFTER_ERROR
            }
        }
    }

    fn clear(&mut self, order: &Order) -> Duration {
        let id = self.view.state.id.clone();
        let done = if order.archive && copy::of(&self.node.layout, &self.home).is_some() {
            // What is in a copy is not kept twice.
            archive::delete(&self.home)
        } else if order.archive {
            archive::archive(&self.node.layout, &self.home, &self.cluster.name, &id).map(|path| {
                tracing::info!(cluster = %self.cluster.name, component = %id, path = %path.display(), "archived");
            })
        } else {
            copy::forget(&self.node.layout, &self.home).and_then(|()| archive::delete(&self.home))
        };
        crash::point("cleared");
        match done {
            Ok(()) => Duration::ZERO,
            Err(error) => {
                let message = format!("failed to move {} aside: {error}", self.home.root().display());
                self.show(Phase::Stopping, Some(Problem::new("ArchiveFailed", message)));
                AFTER_ERROR
            }
        }
    }

    fn show(&mut self, phase: Phase, problem: Option<Problem>) {
        let state = &mut self.view.state;
        let (reason, message) = problem.map_or_else(Default::default, |p| (p.reason, p.message));
        if state.reason != reason && !reason.is_empty() {
            tracing::info!(cluster = %self.cluster.name, component = %state.id, %reason, "{message}");
        }
        state.phase = phase.into();
        state.reason = reason.into_owned();
        state.message = message;
        state.pid = self.process.as_ref().map_or(0, Handle::pid);
        state.started_at = self.process.as_ref().map_or(0, Handle::started_at);
        state.config_digest = self
            .process
            .as_ref()
            .map(|p| digest_of(p).to_owned())
            .unwrap_or_default();
        state.restarts = self.history.back_off.restarts;
        state.last_exit_code = self.history.last_exit_code;
        state.not_running = self.looked && self.process.is_none();
        if !matches!(phase, Phase::Running | Phase::Parked) {
            state.facts.clear();
        }
        if phase != Phase::Stopping {
            state.tasks_left = 0;
        }
        self.node
            .metrics
            .up
            .get_or_create(&self.labels)
            .set((phase == Phase::Running).into());
        self.node.board.show_component(&self.cluster.uid, &self.view);
    }
}

/// Digest of the configuration that a process was started with. It is part of the process' name, so it cannot get lost.
fn digest_of(process: &Handle) -> &str {
    process.id().rsplit('@').next().unwrap_or_default()
}
