//! The planner against a world that fails at random: it converges and never leaves its limits.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use mesolith_marathon::{
    App, InstanceId, TaskId,
    backoff::Backoff,
    instance::{Health, Instance, State},
    placement, plan, replace,
};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;
use uuid::Uuid;

use crate::{app, offer};

/// What happens between two plans.
#[derive(Debug, Clone)]
enum Happening {
    /// Tasks come up, become healthy, and asked-for kills are done.
    Progress,
    /// The n-th task dies.
    Crash(usize),
    /// The n-th task's agent is lost, or comes back.
    Unreachable(usize),
    /// The user wants another number.
    Scale(u32),
    /// The user changes the definition.
    Change(u32),
    /// One of the two agents is to leave, or both stay.
    Leave(usize),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => Just(Happening::Progress),
        2 => (0..9usize).prop_map(Happening::Crash),
        1 => (0..9usize).prop_map(Happening::Unreachable),
        1 => (0..7u32).prop_map(Happening::Scale),
        1 => (0..3u32).prop_map(Happening::Change),
        1 => (0..3usize).prop_map(Happening::Leave),
    ]
}

struct World {
    now: Timestamp,
    app: App,
    tasks: Vec<Instance>,
    leaving: BTreeSet<String>,
    backoff: Backoff,
    drawn: u128,
}

impl World {
    fn define(instances: u32, version: u32) -> App {
        app(json!({
            "cmd": format!("sleep {version}"), "instances": instances, "cpus": 0.1,
            "healthChecks": [{"protocol": "TCP"}], "unreachableStrategy": {"inactiveAfterSeconds": 5, "expungeAfterSeconds": 20},
            "upgradeStrategy": {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0.5}
        }))
    }

    /// Plans and carries out, as the scheduler does with offers at hand.
    fn step(&mut self) -> plan::Plan {
        self.backoff.decay(&self.app.backoff_policy(), self.now);
        let plan = plan::plan(&self.app, &self.tasks, &self.leaving, &self.backoff, self.now);
        for (task, _) in &plan.kill {
            for instance in self.tasks.iter_mut().filter(|i| i.task == *task) {
                instance.kill_sent = Some(self.now);
            }
        }
        self.tasks.retain(|i| !plan.expunge.contains(&i.task));
        if plan.delayed_until.is_none() {
            for _ in 0..plan.start {
                self.start();
            }
        }
        plan
    }

    fn start(&mut self) {
        self.drawn += 1;
        let host = ["w0", "w1"]
            .into_iter()
            .find(|host| !self.leaving.contains(&format!("agent-{host}")))
            .expect("one stays");
        let offer = offer(host, "a", 8.0, (31000, 31999));
        let placement = placement::fit(&self.app, &offer, &[], 0).expect("fits");
        self.tasks.push(Instance {
            task: TaskId::first(InstanceId::new(&self.app.id, Uuid::from_u128(self.drawn))),
            version: self.app.version.clone(),
            state: State::Staging,
            since: self.now,
            staged: self.now,
            started: None,
            health: Health::Unknown,
            kill_sent: None,
            agent: placement.agent,
            host_ports: placement.host_ports,
            checks: self.app.checks(),
        });
    }

    fn happen(&mut self, happening: &Happening) {
        match happening {
            Happening::Progress => {
                self.tasks
                    .retain(|i| i.kill_sent.is_none() || i.state == State::Unreachable);
                for instance in &mut self.tasks {
                    match instance.state {
                        State::Staging | State::Starting => instance.state = State::Running,
                        State::Running => instance.health = Health::Healthy,
                        State::Killing | State::Unreachable => {}
                    }
                }
            }
            Happening::Crash(n) if *n < self.tasks.len() => {
                self.tasks.remove(*n);
                self.backoff.failed(&self.app.backoff_policy(), self.now);
            }
            Happening::Unreachable(n) if *n < self.tasks.len() => {
                let instance = &mut self.tasks[*n];
                instance.state = if instance.state == State::Unreachable {
                    State::Running
                } else {
                    State::Unreachable
                };
                instance.since = self.now;
                // A kill does not reach an agent that is away; the scheduler decides again when it is back.
                instance.kill_sent = None;
            }
            Happening::Crash(_) | Happening::Unreachable(_) => {}
            Happening::Leave(n) => {
                self.leaving = ["agent-w0", "agent-w1"]
                    .get(*n)
                    .map(|agent| (*agent).to_owned())
                    .into_iter()
                    .collect();
            }
            Happening::Scale(n) => self.app = Self::define(*n, 0),
            Happening::Change(n) => {
                self.app = Self::define(self.app.definition.instances, *n);
                self.backoff = Backoff::default();
            }
        }
        self.now += SignedDuration::from_secs(1);
    }

    fn healthy(&self) -> usize {
        self.tasks.iter().filter(|i| i.is_healthy()).count()
    }

    fn is_settled(&self) -> bool {
        let wanted = self.app.definition.instances as usize;
        self.tasks.len() == wanted
            && self.healthy() == wanted
            && self.tasks.iter().all(|i| i.version == self.app.version)
            && self.tasks.iter().all(|i| !self.leaving.contains(&i.agent.id))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn converges_and_keeps_its_limits(happenings in prop::collection::vec(happening(), 0..60)) {
        let mut world = World {
            now: Timestamp::from_second(1_000_000).unwrap(),
            app: World::define(3, 0),
            tasks: Vec::new(),
            leaving: BTreeSet::new(),
            backoff: Backoff::default(),
            drawn: 0,
        };
        let quiet = std::iter::repeat_n(Happening::Progress, 60);
        for happening in happenings.into_iter().chain(quiet) {
            let before = world.healthy();
            // Of the old version only a failed check counts against an instance, and none fails here.
            let not_failed = world.tasks.iter().filter(|i| i.serves()).count();
            let started_before = world.drawn;
            let limits = replace::Limits {
                instances: world.app.definition.instances as usize, minimum_health: 0.5, over_capacity: 0.5,
            };
            world.step();
            // Stopping by choice never undershoots, starting by choice never exceeds.
            let floor = replace::least_healthy(&limits).min(before);
            prop_assert!(world.healthy() >= floor, "{} < {}", world.healthy(), floor);
            if world.drawn > started_before {
                let reachable = world.tasks.iter().filter(|i| i.state != State::Unreachable).count();
                let surplus = world.tasks.iter().filter(|i| i.is_stopping()).count();
                let most = replace::most(&limits, not_failed) + surplus;
                prop_assert!(reachable <= most, "{reachable} > {most}");
            }
            // The same world again: nothing new to stop.
            let kills = |w: &World| plan::plan(&w.app, &w.tasks, &w.leaving, &w.backoff, w.now).kill;
            let moving = |i: &Instance| world.leaving.contains(&i.agent.id);
            if world.tasks.iter().all(|i| i.version == world.app.version && !moving(i)) {
                prop_assert_eq!(kills(&world), []);
            }
            world.happen(&happening);
        }
        prop_assert!(world.is_settled(), "{:?}", world.tasks);
        prop_assert_eq!(world.step().start, 0);
    }
}

/// An agent leaves while all is well: what it runs moves, and where the strategy has room, replacements run first.
#[rstest]
#[case::marathons_default(4, 1.0, 1.0, 4)]
#[case::one_more(4, 0.5, 0.25, 4)]
#[case::nothing_to_spare(3, 1.0, 0.0, 3)]
#[case::single(1, 1.0, 1.0, 1)]
#[case::no_room_for_more(4, 0.5, 0.0, 2)]
#[case::never_two(1, 0.0, 0.0, 0)]
fn a_leaving_agent_is_drained(
    #[case] instances: u32,
    #[case] health: f64,
    #[case] over: f64,
    #[case] always_healthy: usize,
) {
    let mut world = World {
        now: Timestamp::from_second(1_000_000).unwrap(),
        app: app(json!({
            "cmd": "sleep 1", "instances": instances, "cpus": 0.1, "healthChecks": [{"protocol": "TCP"}],
            "upgradeStrategy": {"minimumHealthCapacity": health, "maximumOverCapacity": over}
        })),
        tasks: Vec::new(),
        leaving: BTreeSet::new(),
        backoff: Backoff::default(),
        drawn: 0,
    };
    for _ in 0..5 {
        world.step();
        world.happen(&Happening::Progress);
    }
    assert!(world.is_settled(), "{:?}", world.tasks);
    assert!(world.tasks.iter().all(|i| i.agent.id == "agent-w0"));
    let limits = replace::Limits {
        instances: instances as usize,
        minimum_health: health,
        over_capacity: over,
    };
    world.leaving = ["agent-w0".to_owned()].into();
    for _ in 0..40 {
        let most = replace::most(&limits, world.healthy()).max(instances as usize);
        world.step();
        assert!(world.healthy() >= always_healthy, "{:?}", world.tasks);
        assert!(world.tasks.len() <= most, "{} > {most}", world.tasks.len());
        world.happen(&Happening::Progress);
    }
    assert!(world.is_settled(), "{:?}", world.tasks);
}
