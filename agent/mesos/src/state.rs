//! The agent as a pure machine: `(state, input) -> effects`. No IO, no clock, no threads.
//!
//! ```text
//! launch ─► STAGING ─prepared─► STARTING ─started─► RUNNING ─exited─► FINISHED | FAILED | KILLED
//!              │                                      │ kill
//!              └─launch failed─► FAILED                └─► KILLING ─exited─► KILLED
//! ```
//!
//! A terminal task stays until its last update is acknowledged; then its checkpoint is removed. Effects are in
//! order: a checkpoint always comes before the launch, kill or message that relies on it.

mod completed;
mod container;
pub(crate) mod deadline;
mod drain;
pub(crate) mod executor;
mod framework;
mod kill_cause;
mod kind;
pub(crate) mod launch;
mod leave;
pub(crate) mod master;
mod recover;
mod refusal;
mod report;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use mesolith_mesos::LaunchProblem;
use mesolith_proto::mesolith::session::v1::{from_agent, from_master};
use mesolith_proto::mesos::v1::{
    AgentInfo, CheckStatusInfo, ContainerStatus, ExecutorInfo, FrameworkInfo, MasterInfo, TaskInfo,
    TaskState, TaskStatus, executor as executor_api,
};

pub(crate) use crate::keys::{ExecutorKey, TaskKey};
pub(crate) use completed::Completed;
pub(crate) use deadline::Deadline;
pub(crate) use kill_cause::KillCause;
pub(crate) use kind::{Kind, is_docker};
pub(crate) use launch::Launch;
pub(crate) use leave::Leaving;
pub(crate) use recover::{Checkpoint, ExecutorFile, TaskFile};

use crate::updates::Updates;

/// Everything the agent knows about what it runs.
#[derive(Debug)]
pub(crate) struct Agent {
    /// What is registered with the master; carries the id once there is one.
    pub(crate) info: AgentInfo,
    /// What may be launched here.
    pub(crate) offers: Offers,
    /// Frameworks with something here.
    pub(crate) frameworks: BTreeMap<String, FrameworkInfo>,
    /// Tasks whose last update is not acknowledged yet.
    pub(crate) tasks: BTreeMap<TaskKey, Task>,
    /// Executors that frameworks brought along.
    pub(crate) executors: BTreeMap<ExecutorKey, Executor>,
    /// What ended.
    pub(crate) completed: Completed,
    /// Updates on their way.
    pub(crate) updates: Updates,
    /// The master we are registered with.
    pub(crate) master: Option<MasterInfo>,
    /// Set by the master: everything ends, then the agent does.
    pub(crate) stopping: Option<String>,
    /// Set by the operator: everything ends, the master is told, then the agent does.
    pub(crate) leaving: Option<Leaving>,
}

/// Which containerizers work on this machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Offers {
    /// Native processes.
    pub(crate) mesos: bool,
    /// Docker, or why not.
    pub(crate) docker: Option<Result<(), String>>,
}

/// One task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Task {
    /// As the framework described it.
    pub(crate) info: TaskInfo,
    /// The executor that runs it, if the framework brought one.
    pub(crate) executor: Option<String>,
    /// The container it runs in: its own, or its executor's.
    pub(crate) container: String,
    /// Latest known state, which may be ahead of what the scheduler has seen.
    pub(crate) state: TaskState,
    /// Every state it went through, oldest first; repetitions of a state replace the earlier one.
    pub(crate) statuses: Vec<TaskStatus>,
    /// Why it is being killed, if it is.
    pub(crate) kill: KillCause,
    /// When it is killed for certain, if it is being killed.
    pub(crate) deadline: Option<Deadline>,
    /// Its framework is gone: no updates of it are sent.
    pub(crate) silent: bool,
    /// Address, pid and the like, once started.
    pub(crate) container_status: Option<ContainerStatus>,
    /// Verdict of its health check.
    pub(crate) healthy: Option<bool>,
    /// Latest result of its check.
    pub(crate) check: Option<CheckStatusInfo>,
}

/// One executor of a framework.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Executor {
    /// As the framework described it.
    pub(crate) info: ExecutorInfo,
    /// Its container.
    pub(crate) container: String,
    /// It has a stream open to us.
    pub(crate) subscribed: bool,
    /// When it ends at the latest, if its end was asked for.
    pub(crate) ending: Option<Deadline>,
    /// Tasks that wait for it to subscribe.
    pub(crate) queued: Vec<TaskKey>,
}

/// What the agent reacts to.
#[derive(Debug)]
pub(crate) enum Input {
    /// A session to the leading master is open; it wants to hear who we are.
    SessionOpened,
    /// The session ended.
    SessionClosed,
    /// A message of the master.
    Master(Box<from_master::Message>),
    /// An event of a container.
    Container(String, ContainerEvent),
    /// A call of an executor.
    Executor(ExecutorKey, ExecutorCall),
    /// The agent is to leave the cluster for good.
    Leave {
        /// Why tasks in Docker containers, which this run of the agent leaves alone, cannot be ended.
        no_docker: Option<String>,
    },
    /// Time passed.
    Tick,
}

/// Why a container could not be started: for programs, and for people.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NotLaunched {
    pub(crate) problem: Option<LaunchProblem>,
    pub(crate) message: String,
}

impl From<String> for NotLaunched {
    fn from(message: String) -> Self {
        Self {
            problem: None,
            message,
        }
    }
}

/// What happened to a container.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ContainerEvent {
    /// Files and image are there.
    Prepared,
    /// It runs.
    Started(Box<ContainerStatus>),
    /// It could not be started.
    LaunchFailed(NotLaunched),
    /// It ended.
    Exited(Exit),
    /// Health check verdict; `kill` when the failures are too many.
    Health {
        /// Good or bad.
        healthy: bool,
        /// The task is to be ended.
        kill: bool,
        /// What the check saw.
        message: String,
    },
    /// Its `max_completion_time` has passed.
    TooLong,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Exit {
    /// By itself, with this status.
    Code(i32),
    /// By a signal.
    Signal(i32),
    /// The kernel killed it for its memory limit.
    OutOfMemory {
        /// The limit.
        limit_bytes: u64,
    },
    /// It was told to end before it ran.
    BeforeStart,
    /// It is gone and nobody knows how it ended.
    Unknown(String),
}

/// What an executor asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ExecutorCall {
    /// It opened a stream.
    Subscribe(executor_api::call::Subscribe),
    /// Its stream ended.
    Disconnected,
    /// A task changed.
    Update(Box<TaskStatus>),
    /// A message for its scheduler.
    Message(prost::bytes::Bytes),
}

/// What is to be done, in order.
#[derive(Debug, PartialEq)]
pub(crate) enum Effect {
    /// Checkpoint who we are.
    SaveAgent,
    /// Checkpoint a framework.
    SaveFramework(String),
    /// Checkpoint a task with its pending updates.
    SaveTask(TaskKey),
    /// Checkpoint an executor.
    SaveExecutor(ExecutorKey),
    /// Remove a task's checkpoint.
    ForgetTask(TaskKey, Box<Task>),
    /// Remove an executor's checkpoint.
    ForgetExecutor(ExecutorKey, Box<Executor>),
    /// Remove a framework's checkpoint.
    ForgetFramework(String),
    /// Tell the master, if a session is open.
    Send(Box<from_agent::Message>),
    /// Start, or take up again, a container.
    Launch(Box<Launch>),
    /// Ask a container to end, and kill it at the deadline. Repeated only to shorten the deadline.
    Kill {
        /// Which.
        container: String,
        /// When it is killed.
        deadline: Deadline,
    },
    /// A container's end is on record: remove what is left of it.
    Cleanup(String),
    /// An event for an executor's stream.
    Tell(ExecutorKey, Box<executor_api::Event>),
    /// Tasks were added to an executor: its container may use their resources, too.
    Resize(ExecutorKey),
    /// End the agent; the sentence says why.
    Stop(String),
    /// End the agent: it has left, and nothing that it started runs.
    Left,
    /// End the agent: what could be ended is, and the sentence says what could not.
    Held(String),
}

/// What a step needs from outside: the time, fresh ids; and where its effects go.
pub(crate) struct Cx<'a> {
    /// Time since the epoch.
    pub(crate) now: Duration,
    /// A random uuid.
    pub(crate) uuid: &'a mut (dyn FnMut() -> uuid::Uuid + Send),
    /// Collected effects.
    pub(crate) effects: Vec<Effect>,
}

impl Cx<'_> {
    pub(crate) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(crate) fn send(&mut self, message: from_agent::Message) {
        self.push(Effect::Send(Box::new(message)));
    }
}

impl Agent {
    /// An agent that runs nothing.
    pub(crate) fn new(info: AgentInfo, offers: Offers) -> Self {
        Self {
            info,
            offers,
            frameworks: BTreeMap::new(),
            tasks: BTreeMap::new(),
            executors: BTreeMap::new(),
            completed: Completed::default(),
            updates: Updates::default(),
            master: None,
            stopping: None,
            leaving: None,
        }
    }

    /// The agent id, empty before the first registration.
    pub(crate) fn id(&self) -> &str {
        self.info.id.as_ref().map_or("", |id| &id.value)
    }

    /// Takes one input in.
    pub(crate) fn step(&mut self, input: Input, cx: &mut Cx<'_>) {
        match input {
            Input::SessionOpened => self.say_hello(cx),
            Input::SessionClosed => {
                self.master = None;
                self.updates.disconnected();
            }
            Input::Master(message) => self.master_says(*message, cx),
            Input::Container(container, event) => self.container_says(&container, event, cx),
            Input::Executor(key, call) => self.executor_says(&key, call, cx),
            Input::Leave { no_docker } => self.leave(no_docker, cx),
            Input::Tick => {
                for (key, status) in self.updates.due(cx.now) {
                    self.send_update(&key, status, cx);
                }
            }
        }
        self.go_on_leaving(cx);
    }

    /// When the next tick is needed.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let leaving = self.leaving.as_ref().and_then(Leaving::deadline);
        self.updates.deadline().into_iter().chain(leaving).min()
    }

    /// The task that owns a container, unless an executor does.
    pub(crate) fn task_of(&self, container: &str) -> Option<TaskKey> {
        let owner = self
            .tasks
            .iter()
            .find(|(_, t)| t.container == container && t.executor.is_none());
        owner.map(|(key, _)| key.clone())
    }

    /// The executor that owns a container.
    pub(crate) fn executor_of(&self, container: &str) -> Option<ExecutorKey> {
        self.executors
            .iter()
            .find(|(_, e)| e.container == container)
            .map(|(key, _)| key.clone())
    }

    /// Containers that should exist.
    pub(crate) fn containers(&self) -> Vec<String> {
        let live = self
            .tasks
            .values()
            .filter(|t| t.executor.is_none() && !t.is_terminal());
        live.map(|t| t.container.clone())
            .chain(self.executors.values().map(|e| e.container.clone()))
            .collect()
    }
}

impl Task {
    /// No further state can follow.
    pub(crate) fn is_terminal(&self) -> bool {
        is_terminal(self.state)
    }

    /// The directory name Mesos gives its executor: the task's own id if it has none.
    pub(crate) fn executor_id(&self) -> &str {
        self.executor.as_deref().unwrap_or(&self.info.task_id.value)
    }
}

/// No further state can follow.
pub(crate) fn is_terminal(state: TaskState) -> bool {
    match state {
        TaskState::TaskFinished
        | TaskState::TaskFailed
        | TaskState::TaskKilled
        | TaskState::TaskError
        | TaskState::TaskLost
        | TaskState::TaskDropped
        | TaskState::TaskGone
        | TaskState::TaskGoneByOperator => true,
        TaskState::TaskStaging
        | TaskState::TaskStarting
        | TaskState::TaskRunning
        | TaskState::TaskKilling
        | TaskState::TaskUnreachable
        | TaskState::TaskUnknown => false,
    }
}
