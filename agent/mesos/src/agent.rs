//! The agent's loop: the only writer of the state. Takes inputs and carries out effects, in order.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, RwLock, RwLockReadGuard};

use mesolith_process::durable;
use mesolith_proto::departure::Departure;
use mesolith_proto::mesolith::session::v1::FromAgent;
use mesolith_proto::mesos::v1::executor;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::checkpoint::{self, Store};
use crate::clock::now;
use crate::containers::{Command, Containers, Limits};
use crate::session::{News, envelope};
use crate::state::{Agent, Cx, Effect, ExecutorKey, Input, Launch};

/// State that readers look at; only [`Loop`] writes.
#[derive(Clone)]
pub(crate) struct Shared(Arc<RwLock<Agent>>);

impl Shared {
    pub(crate) fn new(agent: Agent) -> Self {
        Self(Arc::new(RwLock::new(agent)))
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Agent> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Event streams of subscribed executors.
pub(crate) type ExecutorStreams =
    Arc<std::sync::Mutex<HashMap<ExecutorKey, mpsc::UnboundedSender<executor::Event>>>>;

/// Why the loop ended before its time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stopped {
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    #[error(
        "the master told this agent to go: {0}. Its tasks were ended. To bring the machine back as a new agent, \
         remove meta/slaves/latest from --work_dir and start it again"
    )]
    ByMaster(String),
    #[error("Docker containers of this agent are left, which it cannot end now: {0}")]
    Held(String),
}

pub(crate) struct Loop {
    pub(crate) shared: Shared,
    pub(crate) store: Store,
    pub(crate) containers: Containers,
    pub(crate) streams: ExecutorStreams,
    pub(crate) session: Option<mpsc::Sender<FromAgent>>,
    /// What the supervisor was told last, once the agent leaves.
    pub(crate) told: Departure,
    /// The file that the supervisor reads.
    pub(crate) departure: PathBuf,
}

impl Loop {
    /// Runs until the agent has left its cluster, or must stop.
    pub(crate) async fn run(
        mut self,
        recovered: Vec<Effect>,
        mut news: mpsc::UnboundedReceiver<News>,
        mut inputs: mpsc::UnboundedReceiver<Input>,
    ) -> Result<(), Stopped> {
        // These effects take up again what was found; none of them ends the agent.
        let _ = self.act(recovered)?;
        loop {
            let deadline = self.shared.read().deadline();
            let wait = deadline.map(|at| at.saturating_sub(now()));
            let tick = async {
                match wait {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            let input = tokio::select! {
                Some(news) = news.recv() => match news {
                    News::Opened(sender) => {
                        self.session = Some(sender);
                        Input::SessionOpened
                    }
                    News::Input(input) => {
                        if matches!(input, Input::SessionClosed) {
                            self.session = None;
                        }
                        input
                    }
                },
                Some(input) = inputs.recv() => input,
                () = tick => Input::Tick,
            };
            let effects = self.step(input);
            let left = self.act(effects)?.is_break();
            if left {
                self.containers.finish().await;
            }
            self.tell_supervisor(left);
            if left {
                return Ok(());
            }
        }
    }

    fn step(&self, input: Input) -> Vec<Effect> {
        let mut uuid = uuid::Uuid::new_v4;
        let mut cx = Cx {
            now: now(),
            uuid: &mut uuid,
            effects: Vec::new(),
        };
        let mut agent = self
            .shared
            .0
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        agent.step(input, &mut cx);
        cx.effects
    }

    fn act(&mut self, effects: Vec<Effect>) -> Result<ControlFlow<()>, Stopped> {
        for effect in effects {
            self.store.apply(&self.shared.read(), &effect)?;
            match effect {
                Effect::Send(message) => self.send(envelope(*message)),
                Effect::Launch(launch) => self.launch(*launch),
                Effect::Kill { container, deadline } => {
                    let by = Instant::now() + deadline.remaining(now());
                    self.containers.tell(&container, Command::Kill(by));
                }
                Effect::Cleanup(container) => self.containers.tell(&container, Command::Cleanup),
                Effect::Tell(key, event) => self.tell(&key, *event),
                Effect::Resize(key) => self.resize(&key),
                Effect::Stop(message) => return Err(Stopped::ByMaster(message)),
                Effect::Held(why) => {
                    self.tell_supervisor(false);
                    return Err(Stopped::Held(why));
                }
                Effect::Left => return Ok(ControlFlow::Break(())),
                Effect::ForgetExecutor(key, _) => {
                    self.streams().remove(&key);
                }
                Effect::SaveAgent
                | Effect::SaveFramework(_)
                | Effect::SaveTask(_)
                | Effect::SaveExecutor(_)
                | Effect::ForgetTask(..)
                | Effect::ForgetFramework(_) => {}
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Writes for the supervisor how far a leaving agent is.
    fn tell_supervisor(&mut self, left: bool) {
        let Some(now) = self.shared.read().departure() else {
            return;
        };
        let now = Departure { left, ..now };
        if now == self.told {
            return;
        }
        if let Err(error) = durable::write(&self.departure, &now.text()) {
            tracing::warn!(path = %self.departure.display(), "failed to say how far the departure is: {error}");
        }
        self.told = now;
    }

    /// A full stream counts as broken: what matters is sent again on the next one.
    fn send(&mut self, message: FromAgent) {
        if let Some(session) = &self.session
            && session.try_send(message).is_err()
        {
            tracing::warn!("the master does not read what we send; starting the session over");
            self.session = None;
        }
    }

    fn launch(&mut self, launch: Launch) {
        let (limits, agent_id) = {
            let agent = self.shared.read();
            (limits_of(&agent, &launch), agent.id().to_owned())
        };
        self.containers.launch(launch, limits, &agent_id);
    }

    fn resize(&self, key: &ExecutorKey) {
        let agent = self.shared.read();
        if let Some(executor) = agent.executors.get(key) {
            let limits = executor_limits(&agent, key);
            self.containers.tell(&executor.container, Command::Resize(limits));
        }
    }

    fn tell(&self, key: &ExecutorKey, event: executor::Event) {
        if let Some(stream) = self.streams().get(key) {
            // A stream that has just ended reports that by itself.
            let _ = stream.send(event);
        }
    }

    fn streams(
        &self,
    ) -> std::sync::MutexGuard<'_, HashMap<ExecutorKey, mpsc::UnboundedSender<executor::Event>>> {
        self.streams
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn limits_of(agent: &Agent, launch: &Launch) -> Limits {
    match &launch.executor {
        None => Limits::of(&launch.task.resources, &launch.task.limits),
        Some(executor) => executor_limits(
            agent,
            &ExecutorKey {
                framework: launch.framework_id().to_owned(),
                executor: executor.executor_id.value.clone(),
            },
        ),
    }
}

/// Limits of an executor's container, which holds its tasks as well.
pub(crate) fn executor_limits(agent: &Agent, key: &ExecutorKey) -> Limits {
    let own = agent
        .executors
        .get(key)
        .into_iter()
        .flat_map(|e| &e.info.resources);
    let tasks = agent.tasks.iter().filter(|(k, t)| {
        k.framework == key.framework && t.executor.as_ref() == Some(&key.executor) && !t.is_terminal()
    });
    Limits::of(
        own.chain(tasks.flat_map(|(_, t)| &t.info.resources)),
        &Default::default(),
    )
}
