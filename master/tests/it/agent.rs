//! A scripted agent: registers, runs tasks by saying so, and remembers what it was told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mesolith_proto::mesos::v1;
use mesolith_proto::session::v1::agent_session_client::AgentSessionClient;
use mesolith_proto::session::v1::{self as session, FromAgent, from_agent, from_master};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Status;
use tonic::transport::Channel;

#[derive(Default)]
pub struct Memory {
    pub id: Option<v1::AgentId>,
    pub tasks: BTreeMap<String, v1::Task>,
    pub frameworks: BTreeMap<String, v1::FrameworkInfo>,
    pub acknowledged: Vec<String>,
    pub traces: Vec<String>,
    pub shut_down: Vec<String>,
    pub told_to_go: Vec<String>,
}

#[derive(Clone)]
pub struct Agent {
    pub memory: Arc<Mutex<Memory>>,
    pub resources: String,
}

pub struct Connection {
    pub task: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Agent {
    pub fn new(resources: &str) -> Self {
        Self {
            memory: Arc::default(),
            resources: resources.into(),
        }
    }

    pub fn id(&self) -> Option<String> {
        self.memory.lock().unwrap().id.as_ref().map(|id| id.value.clone())
    }

    /// Connects and registers, again if it has an id.
    pub async fn connect(&self, port: u16) -> Connection {
        let client = AgentSessionClient::connect(format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
        self.connect_with(client).await.unwrap()
    }

    pub async fn connect_with(&self, mut client: AgentSessionClient<Channel>) -> Result<Connection, Status> {
        let (send, outbound) = mpsc::unbounded_channel();
        send.send(self.hello()).unwrap();
        let mut inbound = client
            .open(UnboundedReceiverStream::new(outbound))
            .await?
            .into_inner();
        let (memory, reply) = (self.memory.clone(), send);
        let task = tokio::spawn(async move {
            while let Ok(Some(message)) = inbound.message().await {
                for answer in memory.lock().unwrap().receive(message.message.unwrap()) {
                    let _ = reply.send(FromAgent {
                        message: Some(answer),
                    });
                }
            }
        });
        Ok(Connection { task })
    }

    fn hello(&self) -> FromAgent {
        let memory = self.memory.lock().unwrap();
        let resources: mesolith_mesos::Resources = self.resources.parse().unwrap();
        let mut rack = v1::Attribute {
            name: "rack".into(),
            ..Default::default()
        };
        rack.set_type(v1::value::Type::Text);
        rack.text = Some(v1::value::Text { value: "a".into() });
        let info = v1::AgentInfo {
            hostname: "127.0.0.1".into(),
            port: Some(5051),
            resources: mesolith_master::wire::from_resources(&resources),
            attributes: vec![rack],
            id: memory.id.clone(),
            checkpoint: Some(true),
            domain: None,
        };
        let version = "1.11.0".to_owned();
        let mut draining = v1::agent_info::Capability::default();
        draining.set_type(v1::agent_info::capability::Type::AgentDraining);
        let capabilities = vec![draining];
        let message = match memory.id {
            None => from_agent::Message::Register(session::Register {
                agent: Some(info),
                version,
                capabilities,
            }),
            Some(_) => from_agent::Message::Reregister(session::Reregister {
                agent: Some(info),
                version,
                tasks: memory.tasks.values().cloned().collect(),
                frameworks: memory.frameworks.values().cloned().collect(),
                executors: Vec::new(),
                capabilities,
            }),
        };
        FromAgent {
            message: Some(message),
        }
    }
}

impl Memory {
    fn receive(&mut self, message: from_master::Message) -> Vec<from_agent::Message> {
        match message {
            from_master::Message::Registered(registered) => self.id = registered.agent_id,
            from_master::Message::RunTasks(run) => return self.run(run),
            from_master::Message::KillTask(kill) => {
                let id = kill.task_id.unwrap().value;
                return self.update(&id, v1::TaskState::TaskKilled).into_iter().collect();
            }
            from_master::Message::Acknowledge(acknowledge) => {
                let id = acknowledge.task_id.unwrap().value;
                let ended = self
                    .tasks
                    .get(&id)
                    .is_some_and(|t| t.state() == v1::TaskState::TaskKilled);
                if ended {
                    self.tasks.remove(&id);
                }
                self.acknowledged.push(id);
            }
            from_master::Message::Ping(_) => return vec![from_agent::Message::Pong(session::Pong {})],
            from_master::Message::ShutdownFramework(shutdown) => {
                let id = shutdown.framework_id.unwrap().value;
                self.tasks.retain(|_, task| task.framework_id.value != id);
                self.frameworks.remove(&id);
                self.shut_down.push(id);
            }
            from_master::Message::ReconcileTasks(ask) => {
                let framework = ask.framework_id.unwrap();
                let dropped = |id: v1::TaskId| status(&framework, id, v1::TaskState::TaskDropped);
                return ask.task_ids.into_iter().map(dropped).collect();
            }
            from_master::Message::ShutdownExecutor(shutdown) => {
                let exited = session::ExecutorExited {
                    framework_id: shutdown.framework_id,
                    executor_id: shutdown.executor_id,
                    status: 0,
                };
                return vec![from_agent::Message::ExecutorExited(exited)];
            }
            from_master::Message::Drain(_) => {
                let ids: Vec<_> = self.tasks.keys().cloned().collect();
                let killed = |id: String| self.update(&id, v1::TaskState::TaskKilled);
                return ids.into_iter().filter_map(killed).collect();
            }
            from_master::Message::ShutdownAgent(shutdown) => self.told_to_go.push(shutdown.message),
            from_master::Message::UpdateFramework(_) | from_master::Message::FrameworkMessage(_) => {}
        }
        Vec::new()
    }

    fn run(&mut self, run: session::RunTasks) -> Vec<from_agent::Message> {
        let framework = run.framework.unwrap();
        let framework_id = framework.id.clone().unwrap();
        self.frameworks.insert(framework_id.value.clone(), framework);
        self.traces.extend(run.trace.get("traceparent").cloned());
        let mut answers = Vec::new();
        for info in run.tasks {
            let id = info.task_id.value.clone();
            let task = v1::Task {
                name: info.name,
                task_id: info.task_id,
                framework_id: framework_id.clone(),
                agent_id: info.agent_id,
                resources: info.resources,
                labels: info.labels,
                ..Default::default()
            };
            self.tasks.insert(id.clone(), task);
            answers.extend(self.update(&id, v1::TaskState::TaskRunning));
        }
        answers
    }

    fn update(&mut self, id: &str, state: v1::TaskState) -> Option<from_agent::Message> {
        let task = self.tasks.get_mut(id)?;
        task.set_state(state);
        Some(status(&task.framework_id.clone(), task.task_id.clone(), state))
    }
}

fn status(framework: &v1::FrameworkId, task_id: v1::TaskId, state: v1::TaskState) -> from_agent::Message {
    let mut status = v1::TaskStatus {
        task_id,
        uuid: Some(uuid::Uuid::new_v4().into_bytes().to_vec().into()),
        timestamp: Some(1.0),
        ..Default::default()
    };
    status.set_state(state);
    status.set_source(v1::task_status::Source::Executor);
    from_agent::Message::StatusUpdate(session::StatusUpdate {
        framework_id: Some(framework.clone()),
        status: Some(status),
        latest_state: state as i32,
    })
}

/// Long enough for anything on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(40);
