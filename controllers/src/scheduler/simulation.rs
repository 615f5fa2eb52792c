//! `decide` and the events against a toy cluster that fails at random, without a network: it converges, and never
//! uses more than was offered, nor starts more than its limits allow.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mesolith_marathon::App;
use mesolith_proto::mesos::v1::{self as mesos, TaskState};
use proptest::prelude::*;

use super::decide::{Effect, decide};
use super::model::{AppKey, Desired, Model};
use super::scripted::master::offer;
use super::{events, wire};

const AGENTS: u32 = 3;
const CPUS: f64 = 2.0;
const EACH: f64 = 0.5;

#[derive(Debug, Clone)]
enum Happening {
    /// Everything under way comes through.
    Progress,
    Crash(usize),
    Scale(u32),
    Change(u32),
    /// The stream breaks and comes back.
    Reconnect,
    /// An update is lost on the way, until reconciliation.
    LoseAgent(usize),
    /// The first agent is to leave, or not any more.
    Leave(bool),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => Just(Happening::Progress),
        2 => (0..9usize).prop_map(Happening::Crash),
        1 => (0..8u32).prop_map(Happening::Scale),
        1 => (0..3u32).prop_map(Happening::Change),
        1 => Just(Happening::Reconnect),
        1 => (0..3usize).prop_map(Happening::LoseAgent),
        1 => any::<bool>().prop_map(Happening::Leave),
    ]
}

/// The master's side: tasks by id with their agent and whether they were told to stop.
struct World {
    now: Timestamp,
    model: Model,
    tasks: BTreeMap<String, (String, TaskState, bool)>,
    offers: u32,
    drawn: u128,
    instances: u32,
    version: u32,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            now: Timestamp::from_second(1_000_000).unwrap(),
            model: Model {
                recovered: true,
                ..Model::default()
            },
            tasks: BTreeMap::new(),
            offers: 0,
            drawn: 0,
            instances: 3,
            version: 0,
        };
        world.connect();
        world.desire();
        world
    }

    fn connect(&mut self) {
        self.model.leader = Some("m".to_owned());
        self.model.subscribed_at = Some(self.now);
        self.offer_all();
    }

    fn desire(&mut self) {
        let json = serde_json::json!({
            "id": "/a", "cmd": format!("sleep {}", self.version), "cpus": EACH, "mem": 32,
            "instances": self.instances, "constraints": [["hostname", "MAX_PER", "4"]],
            "upgradeStrategy": {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0.5}
        });
        let desired = Desired {
            app: Arc::new(App::parse(json).unwrap()),
            changed: String::new(),
            remembered: Vec::new(),
            trace: None,
        };
        let key = AppKey {
            namespace: "ns".to_owned(),
            name: "a".to_owned(),
        };
        self.model.desire(&key, desired, self.now);
    }

    fn free(&self, agent: &str) -> f64 {
        let used = self.tasks.values().filter(|(on, ..)| on == agent).count();
        CPUS - EACH * f64::from(u32::try_from(used).unwrap())
    }

    fn offer_all(&mut self) {
        let mut offers: Vec<mesos::Offer> = Vec::new();
        for agent in (0..AGENTS).map(|n| format!("S{n}")) {
            if self.free(&agent) > 0.0 {
                self.offers += 1;
                offers.push(offer(&format!("o{}", self.offers), &agent, self.free(&agent)));
            }
        }
        events::offers(&mut self.model, offers);
    }

    fn update(&mut self, task: &str, state: TaskState) {
        let agent = self
            .tasks
            .get(task)
            .map(|(agent, ..)| mesos::AgentId { value: agent.clone() });
        let status = mesos::TaskStatus {
            task_id: mesos::TaskId {
                value: task.to_owned(),
            },
            state: state.into(),
            agent_id: agent,
            ..mesos::TaskStatus::default()
        };
        events::update(&mut self.model, &status, self.now);
    }

    /// One decision, carried out.
    fn step(&mut self) -> Vec<Effect> {
        let drawn = &mut self.drawn;
        let mut draw = || {
            *drawn += 1;
            uuid::Uuid::from_u128(*drawn)
        };
        let (effects, _) = decide(&mut self.model, self.now, &mut draw);
        for effect in &effects {
            match effect {
                Effect::Launch { tasks, agent, .. } => {
                    assert!(
                        !self.model.leaving.contains(agent),
                        "a launch on {agent}, which leaves"
                    );
                    for launch in tasks {
                        let info = wire::task_info(&launch.spec, &launch.offered);
                        assert!(self.free(agent) >= EACH, "more than {agent} has");
                        let entry = (agent.clone(), TaskState::TaskStaging, false);
                        assert!(self.tasks.insert(info.task_id.value, entry).is_none());
                    }
                }
                Effect::Kill { task, .. } => {
                    if let Some((.., told)) = self.tasks.get_mut(task) {
                        *told = true;
                    }
                }
                Effect::Reconcile(tasks) => {
                    for (task, _) in tasks.clone() {
                        let state = self
                            .tasks
                            .get(&task)
                            .map_or(TaskState::TaskUnknown, |(_, state, _)| *state);
                        self.update(&task, state);
                    }
                }
                Effect::Decline { .. } | Effect::Revive => {}
            }
        }
        if effects.contains(&Effect::Revive) {
            self.offer_all();
        }
        effects
    }

    fn happen(&mut self, happening: &Happening) {
        self.now += SignedDuration::from_secs(2);
        let names: Vec<String> = self.tasks.keys().cloned().collect();
        match happening {
            Happening::Progress => {
                for task in names {
                    let (_, state, told) = self.tasks[&task].clone();
                    if told {
                        self.update(&task, TaskState::TaskKilled);
                        self.tasks.remove(&task);
                    } else if state == TaskState::TaskStaging {
                        self.tasks.get_mut(&task).unwrap().1 = TaskState::TaskRunning;
                        self.update(&task, TaskState::TaskRunning);
                    }
                }
            }
            Happening::Crash(n) => {
                if let Some(task) = names.get(*n) {
                    self.update(task, TaskState::TaskFailed);
                    self.tasks.remove(task);
                }
            }
            Happening::Scale(n) => {
                self.instances = *n;
                self.desire();
            }
            Happening::Change(n) => {
                self.version = *n;
                self.desire();
            }
            Happening::Leave(leaves) => {
                self.model.leaving = leaves.then(|| "S0".to_owned()).into_iter().collect();
            }
            Happening::Reconnect => {
                self.model.disconnected();
                self.step();
                self.connect();
            }
            Happening::LoseAgent(n) => {
                let agent = format!("S{n}");
                for task in names {
                    if self.tasks[&task].0 == agent {
                        self.update(&task, TaskState::TaskGone);
                    }
                }
                self.tasks.retain(|_, (on, ..)| *on != agent);
                events::agent_lost(&mut self.model, &agent);
            }
        }
    }

    fn settled(&self) -> bool {
        let running = self
            .tasks
            .values()
            .filter(|(_, state, told)| *state == TaskState::TaskRunning && !told)
            .count();
        let left = self
            .tasks
            .values()
            .all(|(on, ..)| !self.model.leaving.contains(on));
        running == self.instances as usize && self.tasks.len() == running && left
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_cluster_converges(happenings in prop::collection::vec(happening(), 0..50)) {
        let mut world = World::new();
        let quiet = std::iter::repeat_n(Happening::Progress, 200);
        for happening in happenings.into_iter().chain(quiet) {
            world.step();
            // Twice the instances while one version replaces another, and what is still stopping.
            let told = world.tasks.values().filter(|(.., told)| *told).count();
            let most = (world.instances as usize * 3).div_ceil(2) + 1;
            let alive = world.tasks.len() - told;
            let before_scaling = world.model.apps.values().map(|a| a.instances.len()).max().unwrap_or(0);
            prop_assert!(alive <= most.max(before_scaling), "{alive} > {most}");
            world.happen(&happening);
        }
        prop_assert!(world.settled(), "{:?} of {}", world.tasks, world.instances);
        // Nothing more to do: no effect but declining what is still offered.
        let effects = world.step();
        prop_assert!(effects.iter().all(|e| matches!(e, Effect::Decline { .. } | Effect::Reconcile(_))), "{effects:?}");
    }
}
