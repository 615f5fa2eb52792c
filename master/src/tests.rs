//! The state machine as values: inputs in, effects out. No clock, no network.

mod agents;
mod allocation;
mod executors;
mod launches;
mod maintenance;
mod operators;
mod properties;
mod reconcile;
mod tasks;
mod values;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mesolith_mesos::{AgentId, FrameworkId};
use mesolith_proto::mesos::v1;
use mesolith_proto::session::v1 as session;
use v1::scheduler::{Call, Event, call, event};

use self::values::*;
use crate::state::{Config, State};
use crate::{Effect, Input, Registry, SessionId, StreamId, Time, wire};

/// A master with a clock that the test moves.
struct World {
    state: State,
    now: Time,
    next: u64,
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Config)) -> Self {
        let master = v1::MasterInfo {
            id: "m".into(),
            ..Default::default()
        };
        let now = Time::from_secs(1000);
        let mut config = Config::new(master, now);
        change(&mut config);
        let mut world = Self {
            state: State::new(Arc::new(config)),
            now,
            next: 0,
        };
        world.apply(Input::Elected(Registry::default()));
        world
    }

    /// The registry takes every change, at once.
    fn apply(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = self.state.apply(self.now, input);
        self.check();
        let mut done = 0;
        while let Some(n) = effects[done..].iter().position(|e| matches!(e, Effect::Store(_))) {
            done += n + 1;
            effects.extend(self.state.apply(self.now, Input::Stored(Ok(()))));
            self.check();
        }
        effects
    }

    /// What must hold after every input.
    fn check(&self) {
        self.check_inverse();
        for agent in self.state.agents.values() {
            let held = agent.used_total().unallocate() + &agent.offered.unallocate();
            assert!(
                agent.total.contains(&held),
                "{} gave away {held} of {}",
                agent.id,
                agent.total
            );
            assert_eq!(agent.free() + &held, agent.total);
            let offered = agent
                .offers
                .iter()
                .map(|id| &self.state.offers[id].resources)
                .sum();
            assert_eq!(agent.offered, offered);
            let active = agent.is_connected() && !self.state.decisions.contains_key(&agent.id);
            assert!(
                active || agent.offers.is_empty(),
                "{} is not to be offered",
                agent.id
            );
            let alive = agent.tasks.iter().filter(|(framework, task)| {
                let task = self.state.task(framework.as_str(), task.as_str());
                task.is_some_and(|task| !task.state().is_terminal())
            });
            assert_eq!(agent.alive, alive.count());
            if agent.alive == 0 && agent.executors.is_empty() {
                assert!(agent.used.is_empty(), "{} holds {}", agent.id, agent.used_total());
            }
        }
    }

    /// Nobody is asked twice, and only about machines that are to leave.
    fn check_inverse(&self) {
        let mut asked = std::collections::BTreeSet::new();
        for offer in self.state.inverse.outstanding().values() {
            assert!(
                asked.insert((&offer.agent, &offer.framework)),
                "{offer:?} is there twice"
            );
            let agent = &self.state.agents[&offer.agent];
            assert!(agent.is_connected() && self.state.frameworks[&offer.framework].is_connected());
            assert!(self.state.maintenance.unavailability(&agent.machine).is_some());
        }
        for agent in self.state.agents.values() {
            assert!(!self.state.maintenance.is_down(&agent.machine));
        }
    }

    fn pass(&mut self, seconds: u64) -> Vec<Effect> {
        let mut effects = Vec::new();
        for _ in 0..seconds * 10 {
            self.now = self.now + Duration::from_millis(100);
            effects.extend(self.apply(Input::Tick));
        }
        effects
    }

    fn stream(&mut self) -> StreamId {
        self.next += 1;
        StreamId(format!("stream-{}", self.next))
    }

    fn session(&mut self) -> SessionId {
        self.next += 1;
        SessionId(self.next)
    }

    fn subscribe(&mut self, info: v1::FrameworkInfo) -> (Scheduler, Vec<Effect>) {
        let stream = self.stream();
        let subscribe = call::Subscribe {
            framework_info: info,
            ..Default::default()
        };
        let effects = self.apply(Input::Subscribe {
            stream: stream.clone(),
            subscribe: Box::new(subscribe),
        });
        let id = self
            .state
            .streams
            .get(&stream)
            .cloned()
            .unwrap_or_else(|| FrameworkId::from(""));
        (Scheduler { id, stream }, effects)
    }

    fn agent(&mut self, resources: &str) -> (Node, Vec<Effect>) {
        let session = self.session();
        let register = session::Register {
            agent: Some(agent_info(resources, None)),
            version: "1".into(),
            capabilities: draining(),
        };
        let effects = self.say(session, session::from_agent::Message::Register(register));
        // One that is turned away has none.
        let id = self.state.sessions.get(&session).cloned();
        let id = id.unwrap_or_else(|| AgentId::from(""));
        (Node { id, session }, effects)
    }

    fn reregister(
        &mut self,
        id: &str,
        resources: &str,
        tasks: Vec<v1::Task>,
        frameworks: Vec<v1::FrameworkInfo>,
    ) -> (Node, Vec<Effect>) {
        let session = self.session();
        let agent = Some(agent_info(resources, Some(id)));
        let again = session::Reregister {
            agent,
            version: "1".into(),
            tasks,
            frameworks,
            executors: Vec::new(),
            capabilities: draining(),
        };
        let effects = self.say(session, session::from_agent::Message::Reregister(again));
        (
            Node {
                id: AgentId::from(id),
                session,
            },
            effects,
        )
    }

    fn say(&mut self, session: SessionId, message: session::from_agent::Message) -> Vec<Effect> {
        self.apply(Input::Agent {
            session,
            peer: "192.0.2.1".into(),
            message: Box::new(message),
        })
    }

    fn update(
        &mut self,
        node: &Node,
        scheduler: &Scheduler,
        task: &str,
        state: v1::TaskState,
        uuid: &[u8],
    ) -> Vec<Effect> {
        let mut status = v1::TaskStatus {
            task_id: v1::TaskId { value: task.into() },
            ..Default::default()
        };
        status.set_state(state);
        status.uuid = Some(uuid.to_vec().into());
        let framework_id = Some(v1::FrameworkId {
            value: scheduler.id.to_string(),
        });
        let update = session::StatusUpdate {
            framework_id,
            status: Some(status),
            latest_state: state as i32,
        };
        self.say(node.session, session::from_agent::Message::StatusUpdate(update))
    }

    fn call(&mut self, scheduler: &Scheduler, kind: call::Type, fill: impl FnOnce(&mut Call)) -> Vec<Effect> {
        let mut call = Call::default();
        call.set_type(kind);
        fill(&mut call);
        let stream = Some(scheduler.stream.0.clone());
        let (framework, trace) = (scheduler.id.clone(), HashMap::new());
        self.apply(Input::Call {
            framework,
            stream,
            call: Box::new(call),
            trace,
        })
    }

    fn decline(
        &mut self,
        scheduler: &Scheduler,
        offer: &v1::Offer,
        refuse_seconds: Option<f64>,
    ) -> Vec<Effect> {
        let filters = refuse_seconds.map(|s| v1::Filters {
            refuse_seconds: Some(s),
        });
        let decline = call::Decline {
            offer_ids: vec![offer.id.clone()],
            filters,
        };
        self.call(scheduler, call::Type::Decline, |call| {
            call.decline = Some(decline)
        })
    }

    fn launch(
        &mut self,
        scheduler: &Scheduler,
        offers: &[&v1::Offer],
        tasks: Vec<v1::TaskInfo>,
    ) -> Vec<Effect> {
        let mut operation = v1::offer::Operation::default();
        operation.set_type(v1::offer::operation::Type::Launch);
        operation.launch = Some(v1::offer::operation::Launch { task_infos: tasks });
        self.accept(scheduler, offers, operation)
    }

    fn accept(
        &mut self,
        scheduler: &Scheduler,
        offers: &[&v1::Offer],
        operation: v1::offer::Operation,
    ) -> Vec<Effect> {
        let offer_ids = offers.iter().map(|o| o.id.clone()).collect();
        let accept = call::Accept {
            offer_ids,
            operations: vec![operation],
            filters: None,
        };
        self.call(scheduler, call::Type::Accept, |call| call.accept = Some(accept))
    }
}
