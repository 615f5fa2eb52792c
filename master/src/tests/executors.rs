//! Executors come and go with what is launched, whatever is refused, lost or ended on the way.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use session::from_agent::Message as FromAgent;
use session::from_master::Message as FromMaster;

use super::*;

/// An agent as far as executors are concerned: it starts them for tasks, refuses some launches, and has a connection that
/// can break with messages on their way.
#[derive(Default)]
struct Machine {
    id: String,
    session: Option<SessionId>,
    /// Sent by the master, not read yet.
    inbox: Vec<FromMaster>,
    tasks: BTreeMap<String, v1::Task>,
    executors: BTreeMap<String, v1::ExecutorInfo>,
    updates: u64,
}

#[derive(Debug, Clone)]
enum Step {
    /// A task with one of the executors, or without; the machine refuses every fourth.
    Launch {
        executor: u8,
        refused: bool,
        cpus: u8,
    },
    Group {
        executor: u8,
        cpus: u8,
    },
    Read,
    Finish(u8),
    ExecutorEnds(u8),
    Kill(u8),
    Shutdown(u8),
    Break,
    Return,
    Pass(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..4u8, any::<bool>(), 0..12u8)
            .prop_map(|(executor, refused, cpus)| Step::Launch { executor, refused, cpus }),
        2 => (0..3u8, 0..12u8).prop_map(|(executor, cpus)| Step::Group { executor, cpus }),
        4 => Just(Step::Read),
        2 => any::<u8>().prop_map(Step::Finish),
        1 => (0..3u8).prop_map(Step::ExecutorEnds),
        1 => any::<u8>().prop_map(Step::Kill),
        1 => (0..3u8).prop_map(Step::Shutdown),
        1 => Just(Step::Break),
        2 => Just(Step::Return),
        3 => (1..9u8).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 1..60)
}

/// A master, a scheduler and a machine.
struct Cluster {
    world: World,
    scheduler: Scheduler,
    machine: Machine,
    offers: Vec<v1::Offer>,
    launched: u64,
}

impl Cluster {
    fn new() -> Self {
        let mut world = World::new();
        let (node, _) = world.agent("cpus:8;mem:4096;disk:100");
        let (scheduler, effects) = world.subscribe(aware(&["*"]));
        let machine = Machine {
            id: node.id.to_string(),
            session: Some(node.session),
            ..Default::default()
        };
        let offers = offers(&effects, &scheduler);
        Self {
            world,
            scheduler,
            machine,
            offers,
            launched: 0,
        }
    }

    /// Notes what was sent; acknowledges updates as a scheduler does.
    fn note(&mut self, effects: Vec<Effect>) {
        self.offers.extend(offers(&effects, &self.scheduler));
        if let Some(session) = self.machine.session {
            let node = Node {
                id: AgentId::from(self.machine.id.as_str()),
                session,
            };
            self.machine.inbox.extend(to_agent(&effects, &node));
        }
        for status in statuses(&effects, &self.scheduler) {
            let Some(uuid) = status.uuid.clone() else { continue };
            let acknowledge = call::Acknowledge {
                agent_id: status.agent_id.clone().unwrap(),
                task_id: status.task_id.clone(),
                uuid,
            };
            let effects = self.world.call(&self.scheduler, call::Type::Acknowledge, |call| {
                call.acknowledge = Some(acknowledge);
            });
            self.note(effects);
        }
    }

    fn say(&mut self, message: FromAgent) {
        let Some(session) = self.machine.session else {
            return;
        };
        let effects = self.world.say(session, message);
        self.note(effects);
    }

    fn update(&mut self, task: &str, state: v1::TaskState) {
        self.machine.updates += 1;
        let mut status = v1::TaskStatus {
            task_id: v1::TaskId { value: task.into() },
            uuid: Some(u128::from(self.machine.updates).to_be_bytes().to_vec().into()),
            ..Default::default()
        };
        status.set_state(state);
        if let Some(task) = self.machine.tasks.get_mut(task) {
            task.set_state(state);
            task.status_update_state = Some(state as i32);
            task.status_update_uuid.clone_from(&status.uuid);
        }
        self.say(FromAgent::StatusUpdate(session::StatusUpdate {
            framework_id: Some(self.framework()),
            latest_state: state as i32,
            status: Some(status),
        }));
    }

    fn framework(&self) -> v1::FrameworkId {
        v1::FrameworkId {
            value: self.scheduler.id.to_string(),
        }
    }

    fn exited(&mut self, executor: &str) {
        let exited = session::ExecutorExited {
            framework_id: Some(self.framework()),
            executor_id: Some(v1::ExecutorId {
                value: executor.into(),
            }),
            status: 0,
        };
        self.say(FromAgent::ExecutorExited(exited));
    }

    fn executor(&self, name: &str) -> v1::ExecutorInfo {
        let mut executor = v1::ExecutorInfo {
            executor_id: v1::ExecutorId { value: name.into() },
            framework_id: Some(self.framework()),
            command: Some(v1::CommandInfo::default()),
            resources: wire::from_resources(&"cpus:0.5;mem:32;disk:1".parse().unwrap()),
            ..Default::default()
        };
        executor.set_type(v1::executor_info::Type::Custom);
        executor
    }

    fn launch(&mut self, operation: impl FnOnce(&mut Self) -> v1::offer::Operation) {
        let Some(offer) = self.offers.pop() else { return };
        let operation = operation(self);
        let effects = self.world.accept(&self.scheduler, &[&offer], operation);
        self.note(effects);
    }

    fn task(&mut self, cpus: u8, kind: &str) -> v1::TaskInfo {
        self.launched += 1;
        let id = format!("{kind}-{}", self.launched);
        task(
            &id,
            &AgentId::from(self.machine.id.as_str()),
            &format!("cpus:{cpus};mem:32"),
        )
    }

    fn read(&mut self) {
        for message in std::mem::take(&mut self.machine.inbox) {
            match message {
                FromMaster::RunTasks(run) => self.run_tasks(run),
                FromMaster::KillTask(kill) => {
                    let task = kill.task_id.unwrap().value;
                    let known = self
                        .machine
                        .tasks
                        .get(&task)
                        .map(|t| wire::to_state(t.state).is_terminal());
                    match known {
                        Some(true) => {}
                        Some(false) => self.update(&task, v1::TaskState::TaskKilled),
                        None => self.update(&task, v1::TaskState::TaskDropped),
                    }
                }
                FromMaster::ShutdownExecutor(shutdown) => {
                    self.end_executor(&shutdown.executor_id.unwrap().value)
                }
                FromMaster::ReconcileTasks(ask) => {
                    for id in ask.task_ids {
                        if !self.machine.tasks.contains_key(&id.value) {
                            self.update(&id.value, v1::TaskState::TaskDropped);
                        }
                    }
                }
                FromMaster::Acknowledge(acknowledge) => {
                    let id = acknowledge.task_id.unwrap().value;
                    let ended = |task: &v1::Task| {
                        wire::to_state(task.state).is_terminal()
                            && task.status_update_uuid.as_ref() == Some(&acknowledge.uuid)
                    };
                    if self.machine.tasks.get(&id).is_some_and(ended) {
                        self.machine.tasks.remove(&id);
                    }
                }
                FromMaster::UpdateFramework(_) => {
                    let pending = self.machine.tasks.clone();
                    for (id, task) in pending {
                        self.update(&id, task.state());
                    }
                }
                _ => {}
            }
        }
    }

    fn run_tasks(&mut self, run: session::RunTasks) {
        let of_tasks = run.tasks.iter().filter_map(|t| t.executor.clone());
        let charged: BTreeSet<_> = of_tasks
            .chain(run.executor)
            .map(|e| e.executor_id)
            .filter(|id| !run.running_executors.contains(id))
            .map(|id| id.value)
            .collect();
        for info in run.tasks {
            let id = info.task_id.value.clone();
            let wire = v1::Task {
                task_id: info.task_id.clone(),
                framework_id: self.framework(),
                agent_id: info.agent_id.clone(),
                executor_id: info.executor.as_ref().map(|e| e.executor_id.clone()),
                resources: info.resources.clone(),
                ..Default::default()
            };
            self.machine.tasks.insert(id.clone(), wire);
            let lost = info.executor.as_ref().is_some_and(|e| {
                let there = self.machine.executors.contains_key(&e.executor_id.value);
                !there && run.running_executors.contains(&e.executor_id)
            });
            if id.starts_with("refused") || run.group {
                self.update(&id, v1::TaskState::TaskError);
            } else if lost {
                self.update(&id, v1::TaskState::TaskDropped);
            } else {
                if let Some(executor) = info.executor {
                    self.machine
                        .executors
                        .insert(executor.executor_id.value.clone(), executor);
                }
                self.update(&id, v1::TaskState::TaskRunning);
            }
        }
        for executor in charged {
            if !self.machine.executors.contains_key(&executor) {
                self.exited(&executor);
            }
        }
    }

    fn end_executor(&mut self, executor: &str) {
        self.machine.executors.remove(executor);
        let its = |task: &&v1::Task| {
            task.executor_id.as_ref().is_some_and(|e| e.value == executor)
                && !wire::to_state(task.state).is_terminal()
        };
        let its: Vec<_> = self
            .machine
            .tasks
            .values()
            .filter(its)
            .map(|t| t.task_id.value.clone())
            .collect();
        for task in its {
            self.update(&task, v1::TaskState::TaskFailed);
        }
        self.exited(executor);
    }

    fn come_back(&mut self) {
        let session = self.world.session();
        self.machine.session = Some(session);
        self.machine.inbox.clear();
        let framework = self.world.state.frameworks[&self.scheduler.id].info.clone();
        let again = session::Reregister {
            capabilities: draining(),
            agent: Some(agent_info("cpus:8;mem:4096;disk:100", Some(&self.machine.id))),
            version: "1".into(),
            tasks: self.machine.tasks.values().cloned().collect(),
            frameworks: vec![framework],
            executors: self.machine.executors.values().cloned().collect(),
        };
        self.say(FromAgent::Reregister(again));
    }

    fn run(&mut self, step: Step) {
        let name = |n: u8| format!("e{n}");
        let nth = |tasks: &BTreeMap<String, v1::Task>, n: u8| {
            let keys: Vec<_> = tasks.keys().cloned().collect();
            (!keys.is_empty()).then(|| keys[usize::from(n) % keys.len()].clone())
        };
        match step {
            Step::Launch {
                executor,
                refused,
                cpus,
            } => self.launch(|this| {
                let mut info = this.task(cpus, if refused { "refused" } else { "task" });
                if executor < 3 {
                    info.executor = Some(this.executor(&name(executor)));
                    info.command = None;
                }
                let mut operation = v1::offer::Operation::default();
                operation.set_type(v1::offer::operation::Type::Launch);
                operation.launch = Some(v1::offer::operation::Launch {
                    task_infos: vec![info],
                });
                operation
            }),
            Step::Group { executor, cpus } => self.launch(|this| {
                let tasks = vec![this.task(1, "group"), this.task(cpus, "group")];
                let mut operation = v1::offer::Operation::default();
                operation.set_type(v1::offer::operation::Type::LaunchGroup);
                operation.launch_group = Some(v1::offer::operation::LaunchGroup {
                    executor: this.executor(&name(executor)),
                    task_group: v1::TaskGroupInfo { tasks },
                });
                operation
            }),
            Step::Read => self.read(),
            Step::Finish(n) => {
                if let Some(task) = nth(&self.machine.tasks, n) {
                    self.update(&task, v1::TaskState::TaskFinished);
                }
            }
            Step::ExecutorEnds(n) => {
                if self.machine.executors.contains_key(&name(n)) {
                    self.end_executor(&name(n));
                }
            }
            Step::Kill(n) => {
                let Some(task) = nth(&self.machine.tasks, n) else {
                    return;
                };
                let kill = call::Kill {
                    task_id: v1::TaskId { value: task },
                    ..Default::default()
                };
                let effects = self
                    .world
                    .call(&self.scheduler, call::Type::Kill, |call| call.kill = Some(kill));
                self.note(effects);
            }
            Step::Shutdown(n) => self.shut_down(&name(n)),
            Step::Break => {
                if let Some(session) = self.machine.session.take() {
                    self.machine.inbox.clear();
                    let effects = self.world.apply(Input::SessionClosed { session });
                    self.note(effects);
                }
            }
            Step::Return => {
                if self.machine.session.is_none() {
                    self.come_back();
                }
            }
            Step::Pass(seconds) => {
                let effects = self.world.pass(u64::from(seconds));
                self.note(effects);
            }
        }
    }

    fn shut_down(&mut self, executor: &str) {
        let shutdown = call::Shutdown {
            executor_id: v1::ExecutorId {
                value: executor.into(),
            },
            agent_id: v1::AgentId {
                value: self.machine.id.clone(),
            },
        };
        let effects = self.world.call(&self.scheduler, call::Type::Shutdown, |call| {
            call.shutdown = Some(shutdown)
        });
        self.note(effects);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn when_all_has_ended_nothing_is_in_use(steps in steps()) {
        let mut cluster = Cluster::new();
        for step in steps {
            cluster.run(step);
        }
        if cluster.machine.session.is_none() {
            cluster.come_back();
        }
        cluster.read();
        // What the master counts is what is there.
        let key = |executor: &String| (cluster.scheduler.id.clone(), executor.as_str().into());
        let counted: BTreeSet<_> = cluster.world.state.agents.values().flat_map(|a| a.executors.keys().cloned()).collect();
        let there: BTreeSet<_> = cluster.machine.executors.keys().map(key).collect();
        prop_assert_eq!(counted, there);
        for executor in ["e0", "e1", "e2"] {
            cluster.shut_down(executor);
        }
        cluster.read();
        for task in cluster.machine.tasks.keys().cloned().collect::<Vec<_>>() {
            cluster.update(&task, v1::TaskState::TaskFinished);
        }
        cluster.read();
        let agent = cluster.world.state.agents.values().next().unwrap();
        prop_assert!(agent.used.is_empty(), "{}", agent.used_total());
        prop_assert!(agent.executors.is_empty(), "{:?}", agent.executors.keys());
        prop_assert!(agent.tasks.is_empty(), "{:?}", agent.tasks);
    }
}
