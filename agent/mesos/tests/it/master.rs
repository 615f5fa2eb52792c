//! A scripted master: the session service, remembering what agents say. What it may do is what `session.proto` says.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use mesolith_proto::mesolith::session::v1::agent_session_server::{AgentSession, AgentSessionServer};
use mesolith_proto::mesolith::session::v1::{
    Acknowledge, FromAgent, FromMaster, KillTask, Ping, Registered, RunTasks, StatusUpdate, from_agent,
    from_master,
};
use mesolith_proto::mesos::v1::{
    AgentId, FrameworkId, FrameworkInfo, KillPolicy, MasterInfo, TaskId, TaskInfo, TaskState, TaskStatus,
    framework_info,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::eventually;

pub(crate) type Outbox = mpsc::Sender<Result<FromMaster, Status>>;

#[derive(Default)]
pub(crate) struct State {
    outbox: Option<Outbox>,
    /// Register and Reregister, as they came.
    pub(crate) hellos: Vec<from_agent::Message>,
    pub(crate) updates: Vec<StatusUpdate>,
    pub(crate) others: Vec<from_agent::Message>,
    /// Updates stay unacknowledged.
    pub(crate) silent: bool,
}

#[derive(Clone, Default)]
pub(crate) struct Master {
    state: Arc<Mutex<State>>,
    pub(crate) port: u16,
}

struct Service(Master);

pub(crate) const FRAMEWORK: &str = "F-0000";

impl Master {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let master = Self {
            port: listener.local_addr().unwrap().port(),
            ..Self::default()
        };
        let service = AgentSessionServer::new(Service(master.clone()));
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(incoming),
        );
        master
    }

    pub(crate) fn address(&self) -> String {
        SocketAddr::from(([127, 0, 0, 1], self.port)).to_string()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Waits until that many hellos were said; returns the last one.
    pub(crate) async fn hello(&self, count: usize) -> from_agent::Message {
        eventually("the agent says hello", async || {
            let state = self.state();
            (state.hellos.len() >= count).then(|| state.hellos.last().cloned().unwrap())
        })
        .await
    }

    pub(crate) async fn send(&self, message: from_master::Message) {
        let outbox = { self.state().outbox.clone() };
        let outbox = outbox.expect("no session");
        outbox
            .send(Ok(FromMaster {
                message: Some(message),
            }))
            .await
            .unwrap();
    }

    /// Breaks the session, as a network does.
    pub(crate) async fn disconnect(&self) {
        let outbox = { self.state().outbox.take() };
        outbox
            .unwrap()
            .send(Err(Status::unavailable("the test broke the session")))
            .await
            .unwrap();
    }

    pub(crate) async fn run(&self, task: TaskInfo) {
        self.send(from_master::Message::RunTasks(run_tasks(task))).await;
    }

    pub(crate) async fn kill(&self, task: &str) {
        self.kill_by(task, None).await;
    }

    pub(crate) async fn kill_by(&self, task: &str, kill_policy: Option<KillPolicy>) {
        let kill = KillTask {
            framework_id: Some(framework_id()),
            task_id: Some(task_id(task)),
            kill_policy,
        };
        self.send(from_master::Message::KillTask(kill)).await;
    }

    pub(crate) async fn acknowledge(&self, status: &TaskStatus) {
        let acknowledge = Acknowledge {
            framework_id: Some(framework_id()),
            task_id: Some(status.task_id.clone()),
            uuid: status.uuid.clone().unwrap(),
        };
        self.send(from_master::Message::Acknowledge(acknowledge)).await;
    }

    /// Every status of a task so far.
    pub(crate) fn statuses(&self, task: &str) -> Vec<TaskStatus> {
        let state = self.state();
        let all = state.updates.iter().filter_map(|u| u.status.clone());
        all.filter(|s| s.task_id.value == task).collect()
    }

    /// States without repetitions.
    pub(crate) fn states(&self, task: &str) -> Vec<TaskState> {
        let mut all: Vec<TaskState> = self.statuses(task).iter().map(TaskStatus::state).collect();
        all.dedup();
        all
    }

    pub(crate) async fn wait_for(&self, task: &str, state: TaskState) -> TaskStatus {
        eventually(
            &format!("{task} is {state:?}, not {:?}", self.statuses(task)),
            async || self.statuses(task).into_iter().rfind(|s| s.state() == state),
        )
        .await
    }
}

pub(crate) fn framework_id() -> FrameworkId {
    FrameworkId {
        value: FRAMEWORK.into(),
    }
}

pub(crate) fn task_id(task: &str) -> TaskId {
    TaskId { value: task.into() }
}

pub(crate) fn framework() -> FrameworkInfo {
    let capability = |c: framework_info::capability::Type| framework_info::Capability {
        r#type: Some(c as i32),
    };
    FrameworkInfo {
        id: Some(framework_id()),
        user: "root".into(),
        name: "test".into(),
        hostname: Some("scheduler.example".into()),
        principal: Some("test-principal".into()),
        roles: vec!["ops".into()],
        failover_timeout: Some(60.0),
        capabilities: vec![capability(framework_info::capability::Type::TaskKillingState)],
        ..Default::default()
    }
}

pub(crate) fn run_tasks(task: TaskInfo) -> RunTasks {
    RunTasks {
        running_executors: Vec::new(),
        framework: Some(framework()),
        tasks: vec![task],
        group: false,
        executor: None,
        trace: HashMap::new().into_iter().collect(),
    }
}

#[tonic::async_trait]
impl AgentSession for Service {
    type OpenStream = ReceiverStream<Result<FromMaster, Status>>;

    async fn open(
        &self,
        request: Request<Streaming<FromAgent>>,
    ) -> Result<Response<Self::OpenStream>, Status> {
        let (outbox, receiver) = mpsc::channel(64);
        let mut stream = request.into_inner();
        let master = self.0.clone();
        tokio::spawn(async move {
            while let Ok(Some(FromAgent {
                message: Some(message),
            })) = stream.message().await
            {
                master.take(message, &outbox).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

impl Master {
    async fn take(&self, message: from_agent::Message, outbox: &Outbox) {
        match message {
            from_agent::Message::Register(_) | from_agent::Message::Reregister(_) => {
                let registered = Registered {
                    agent_id: Some(AgentId { value: "M-S0".into() }),
                    master: Some(MasterInfo {
                        id: "M".into(),
                        ..Default::default()
                    }),
                    ping_timeout_seconds: 60.0,
                };
                {
                    let mut state = self.state();
                    state.hellos.push(message);
                    state.outbox = Some(outbox.clone());
                }
                let registered = from_master::Message::Registered(registered);
                outbox
                    .send(Ok(FromMaster {
                        message: Some(registered),
                    }))
                    .await
                    .ok();
                outbox
                    .send(Ok(FromMaster {
                        message: Some(from_master::Message::Ping(Ping {})),
                    }))
                    .await
                    .ok();
            }
            from_agent::Message::StatusUpdate(update) => {
                let status = update.status.clone().unwrap();
                let silent = {
                    let mut state = self.state();
                    state.updates.push(update);
                    state.silent
                };
                if !silent {
                    self.acknowledge(&status).await;
                }
            }
            other => self.state().others.push(other),
        }
    }
}

/// The longest a test waits between two looks at something that should not happen.
pub(crate) const SHORT: Duration = Duration::from_millis(300);
