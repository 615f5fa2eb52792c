//! Whatever happens in whatever order, nothing is given away twice and the shares stay fair.

use std::collections::{BTreeMap, BTreeSet};

use mesolith_mesos::{Resources, Scalar};
use proptest::prelude::*;

use super::*;
use crate::allocator::{Candidate, Filters, Picture, Pool, Shares, allocate};
use crate::operation::Operation;
use crate::state::Decision;

#[derive(Debug, Clone)]
enum Step {
    Agent(u8),
    Subscribe(u8),
    Close(u8),
    Decline(u8, u8),
    Launch(u8, u8),
    Finish(u8),
    Break(u8),
    Return(u8),
    Revive(u8),
    Suppress(u8),
    Teardown(u8),
    Drain(u8, bool),
    Deactivate(u8),
    Reactivate(u8),
    MarkGone(u8),
    Acknowledge(u8),
    Schedule(u8),
    Down,
    Up,
    AnswerInverse(u8, bool, u8),
    Pass(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1..5u8).prop_map(Step::Agent),
        any::<u8>().prop_map(Step::Subscribe),
        any::<u8>().prop_map(Step::Close),
        (any::<u8>(), 0..8u8).prop_map(|(o, s)| Step::Decline(o, s)),
        (any::<u8>(), any::<u8>()).prop_map(|(o, c)| Step::Launch(o, c)),
        any::<u8>().prop_map(Step::Finish),
        any::<u8>().prop_map(Step::Break),
        any::<u8>().prop_map(Step::Return),
        any::<u8>().prop_map(Step::Revive),
        any::<u8>().prop_map(Step::Suppress),
        any::<u8>().prop_map(Step::Teardown),
        (any::<u8>(), any::<bool>()).prop_map(|(a, gone)| Step::Drain(a, gone)),
        any::<u8>().prop_map(Step::Deactivate),
        any::<u8>().prop_map(Step::Reactivate),
        any::<u8>().prop_map(Step::MarkGone),
        any::<u8>().prop_map(Step::Acknowledge),
        (0..3u8).prop_map(Step::Schedule),
        Just(Step::Down),
        Just(Step::Up),
        (any::<u8>(), any::<bool>(), 0..8u8).prop_map(|(o, yes, s)| Step::AnswerInverse(o, yes, s)),
        (1..40u8).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 1..60)
}

/// One of a list, if there is any.
fn pick<T: Clone>(list: &[T], n: u8) -> Option<T> {
    (!list.is_empty()).then(|| list[usize::from(n) % list.len()].clone())
}

fn run(world: &mut World, step: Step) {
    let connected: Vec<_> = world
        .state
        .frameworks
        .values()
        .filter_map(|f| Some((f.id.clone(), f.stream.clone()?)))
        .collect();
    let scheduler = |n| pick(&connected, n).map(|(id, stream)| Scheduler { id, stream });
    let offers: Vec<_> = world.state.offers.values().cloned().collect();
    let sessions: Vec<_> = world.state.sessions.keys().copied().collect();
    let agents: Vec<_> = world.state.agents.keys().cloned().collect();
    match step {
        Step::Agent(cpus) => drop(world.agent(&format!("cpus:{cpus};mem:1024;cpus(b):1;ports:[1-9]"))),
        Step::Subscribe(n) => {
            drop(world.subscribe(aware(&[["*"], ["a"], ["b"], ["a/b"]][usize::from(n % 4)])))
        }
        Step::Close(n) => {
            if let Some(gone) = scheduler(n) {
                world.apply(Input::StreamClosed { stream: gone.stream });
            }
        }
        Step::Decline(n, seconds) => {
            let Some(offer) = pick(&offers, n) else { return };
            let stream = world.state.frameworks[&offer.framework].stream.clone().unwrap();
            let wire = v1::Offer {
                id: v1::OfferId {
                    value: offer.id.to_string(),
                },
                ..Default::default()
            };
            world.decline(
                &Scheduler {
                    id: offer.framework.clone(),
                    stream,
                },
                &wire,
                Some(f64::from(seconds)),
            );
        }
        Step::Launch(n, cpus) => {
            let Some(offer) = pick(&offers, n) else { return };
            let stream = world.state.frameworks[&offer.framework].stream.clone().unwrap();
            let wire = v1::Offer {
                id: v1::OfferId {
                    value: offer.id.to_string(),
                },
                ..Default::default()
            };
            let task = task(
                &format!("t{}", world.next),
                &offer.agent,
                &format!("cpus:{}", f64::from(cpus % 20) / 10.0),
            );
            world.next += 1;
            world.launch(
                &Scheduler {
                    id: offer.framework.clone(),
                    stream,
                },
                &[&wire],
                vec![task],
            );
        }
        Step::Finish(n) => {
            let tasks = world
                .state
                .agents
                .values()
                .filter_map(|a| Some((a.id.clone(), a.session?, a.tasks.first()?.clone())));
            let Some((id, session, (framework, task))) = pick(&tasks.collect::<Vec<_>>(), n) else {
                return;
            };
            let owner = Scheduler {
                id: framework,
                stream: StreamId(String::new()),
            };
            world.update(
                &Node { id, session },
                &owner,
                task.as_str(),
                v1::TaskState::TaskFinished,
                &[7; 16],
            );
        }
        Step::Break(n) => {
            if let Some(session) = pick(&sessions, n) {
                world.apply(Input::SessionClosed { session });
            }
        }
        Step::Return(n) => {
            let away: Vec<_> = world
                .state
                .agents
                .values()
                .filter(|a| !a.is_connected())
                .cloned()
                .collect();
            let Some(agent) = pick(&away, n) else { return };
            let tasks = agent
                .tasks
                .iter()
                .filter_map(|(f, t)| world.state.task(f.as_str(), t.as_str()))
                .map(|t| t.wire.clone());
            let tasks = tasks.collect();
            world.reregister(
                agent.id.as_str(),
                "cpus:4;mem:1024;cpus(b):1;ports:[1-9]",
                tasks,
                Vec::new(),
            );
        }
        Step::Revive(n) => {
            if let Some(who) = scheduler(n) {
                world.call(&who, call::Type::Revive, |_| {});
            }
        }
        Step::Suppress(n) => {
            if let Some(who) = scheduler(n) {
                world.call(&who, call::Type::Suppress, |_| {});
            }
        }
        Step::Teardown(n) => {
            if let Some(who) = scheduler(n) {
                world.call(&who, call::Type::Teardown, |_| {});
            }
        }
        Step::Drain(n, mark_gone) => {
            let Some(agent) = pick(&agents, n) else { return };
            let config = v1::DrainConfig {
                mark_gone: Some(mark_gone),
                ..Default::default()
            };
            world.apply(Input::Operator(Operation::Drain { agent, config }));
        }
        Step::Deactivate(n) => {
            if let Some(agent) = pick(&agents, n) {
                world.apply(Input::Operator(Operation::Deactivate(agent)));
            }
        }
        Step::Reactivate(n) => {
            if let Some(agent) = pick(&agents, n) {
                world.apply(Input::Operator(Operation::Reactivate(agent)));
            }
        }
        Step::MarkGone(n) => {
            if let Some(agent) = pick(&agents, n) {
                world.apply(Input::Operator(Operation::MarkGone(agent)));
            }
        }
        Step::Acknowledge(n) => {
            let ended = world.state.frameworks.values().filter_map(|f| {
                let stream = f.stream.clone()?;
                let task = f.tasks.values().find(|t| t.state().is_terminal())?;
                Some((f.id.clone(), stream, task.wire.clone()))
            });
            let Some((id, stream, task)) = pick(&ended.collect::<Vec<_>>(), n) else {
                return;
            };
            acknowledge(world, &Scheduler { id, stream }, &task);
        }
        // All agents are on one machine. 0 clears the schedule, others differ in when.
        Step::Schedule(0) => drop(world.apply(Input::Operator(maintenance::schedule(&[])))),
        Step::Schedule(n) => drop(world.apply(Input::Operator(maintenance::schedule(&[(
            maintenance::here(),
            i64::from(n),
        )])))),
        Step::Down => {
            let start = Operation::StartMaintenance(vec![maintenance::here()]);
            world.apply(Input::Operator(start));
        }
        Step::Up => {
            let stop = Operation::StopMaintenance(vec![maintenance::here()]);
            world.apply(Input::Operator(stop));
        }
        Step::AnswerInverse(n, accepted, seconds) => {
            let asked = world.state.inverse.outstanding().iter();
            let asked: Vec<_> = asked
                .map(|(id, offer)| (id.clone(), offer.framework.clone()))
                .collect();
            let Some((id, framework)) = pick(&asked, n) else {
                return;
            };
            let stream = world.state.frameworks[&framework].stream.clone().unwrap();
            let scheduler = Scheduler {
                id: framework,
                stream,
            };
            maintenance::answer(world, &scheduler, id.as_str(), accepted, Some(f64::from(seconds)));
        }
        Step::Pass(seconds) => drop(world.pass(u64::from(seconds))),
    }
}

fn acknowledge(world: &mut World, scheduler: &Scheduler, task: &v1::Task) {
    let acknowledge = call::Acknowledge {
        agent_id: task.agent_id.clone(),
        task_id: task.task_id.clone(),
        uuid: task.status_update_uuid.clone().unwrap_or_default(),
    };
    world.call(scheduler, call::Type::Acknowledge, |call| {
        call.acknowledge = Some(acknowledge)
    });
}

/// Everything that runs ends, and every end is acknowledged.
fn end_all(world: &mut World) {
    for framework in world.state.frameworks.values().cloned().collect::<Vec<_>>() {
        let Some(stream) = framework.stream.clone() else {
            continue;
        };
        let scheduler = Scheduler {
            id: framework.id.clone(),
            stream,
        };
        for task in framework.tasks.keys() {
            let known = world.state.task(framework.id.as_str(), task.as_str()).unwrap();
            let (id, alive) = (known.agent(), !known.state().is_terminal());
            let Some(session) = world.state.agents[&id].session else {
                continue;
            };
            if alive {
                let killed = v1::TaskState::TaskKilled;
                world.update(&Node { id, session }, &scheduler, task.as_str(), killed, &[9; 16]);
            }
            if let Some(ended) = world.state.task(framework.id.as_str(), task.as_str()) {
                let wire = ended.wire.clone();
                acknowledge(world, &scheduler, &wire);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// `World::check` runs after every input: used + offered + free is what the agent has.
    #[test]
    fn nothing_is_given_away_twice(steps in steps()) {
        // An agent may come back smaller than what runs on it; this test leaves that out.
        let mut world = World::new();
        for step in steps {
            let step = match step { Step::Agent(_) => Step::Agent(4), other => other };
            run(&mut world, step);
        }
        for offer in world.state.offers.values() {
            let framework = &world.state.frameworks[&offer.framework];
            prop_assert!(framework.is_connected());
            prop_assert!(framework.roles().contains(&offer.role));
            prop_assert!(world.state.config.is_allocatable(&offer.resources));
        }
    }

    /// `World::check` runs after every input: no offer of an agent that is drained or deactivated, the counters are
    /// right, and where nothing runs nothing is in use. Once all has ended, no drain goes on.
    #[test]
    fn a_drain_ends_whatever_else_happens(steps in steps()) {
        let mut world = World::new();
        world.agent("cpus:4;mem:1024;cpus(b):1;ports:[1-9]");
        world.subscribe(aware(&["*"]));
        for step in steps {
            let step = match step { Step::Agent(_) => Step::Agent(4), other => other };
            run(&mut world, step);
        }
        end_all(&mut world);
        world.pass(1);
        for (id, decision) in world.state.decisions.iter() {
            let Some(agent) = world.state.agents.get(id) else { continue };
            prop_assert!(!matches!(decision, Decision::Gone(_)));
            let away = |framework: &FrameworkId| !world.state.frameworks[framework].is_connected();
            let waits = !agent.is_connected() || agent.tasks.iter().any(|(framework, _)| away(framework));
            if let Decision::Draining(drain) = decision && !waits {
                prop_assert_eq!(drain.state(Some(agent.tasks.len())), v1::DrainState::Drained);
                prop_assert!(!drain.config.mark_gone(), "it is marked gone at its end");
            }
        }
    }

    /// Every grant is free, large enough and wanted, and holds all that its role may have on the agent.
    #[test]
    fn grants_are_sound(pools in 1..6usize, frameworks in 1..5usize, refuse in any::<u8>(), weight in 1..4u8) {
        let config = config(f64::from(weight));
        let picture = picture(pools, frameworks);
        let mut filters = Filters::default();
        let refused = FrameworkId::from(format!("f{}", usize::from(refuse) % frameworks));
        for pool in &picture.pools {
            filters.add(&refused, "r0", &pool.id, &pool.free, Time::from_secs(10));
        }
        let grants = allocate(&config, &picture, &filters, Time::from_secs(5));
        let mut given: BTreeMap<_, Resources> = BTreeMap::new();
        for grant in &grants {
            *given.entry(grant.agent.clone()).or_default() += &grant.resources;
            prop_assert!(config.is_allocatable(&grant.resources));
            prop_assert!(!(grant.framework == refused && grant.role == "r0"));
        }
        for pool in &picture.pools {
            let given = given.get(&pool.id).cloned().unwrap_or_default();
            prop_assert!(pool.free.contains(&given));
        }
        // Nothing worth offering is left while somebody wants it.
        let taker = picture.candidates.iter().any(|c| c.id != refused || c.roles.iter().any(|role| role != "r0"));
        prop_assert_eq!(given.len() == picture.pools.len(), taker);
    }

    /// With equal agents, dominant shares by weight differ by no more than one agent's.
    #[test]
    fn shares_are_fair_to_within_one_agent(pools in 1..24usize, frameworks in 1..6usize, weight in 1..4u8) {
        let config = config(f64::from(weight));
        let picture = picture(pools, frameworks);
        let grants = allocate(&config, &picture, &Filters::default(), Time::from_secs(5));
        let mut shares = Shares::new(&picture.total, &config.weights);
        for grant in &grants {
            shares.add(&grant.framework, &grant.role, &grant.resources.scalars());
        }
        let roles: BTreeSet<_> = picture.candidates.iter().flat_map(|c| &c.roles).collect();
        let of_roles: Vec<_> = roles.iter().map(|role| shares.of_role(role)).collect();
        let spread = of_roles.iter().copied().fold(0.0, f64::max) - of_roles.iter().copied().fold(f64::MAX, f64::min);
        #[allow(clippy::cast_precision_loss)]
        let one = 1.0 / pools as f64;
        prop_assert!(spread <= one + 1e-9, "{of_roles:?}");
    }
}

fn config(weight: f64) -> Config {
    let mut config = Config::new(v1::MasterInfo::default(), Time::default());
    config.weights.insert("r0".into(), weight);
    config
}

/// Equal agents; framework i is in role i modulo 2.
fn picture(pools: usize, frameworks: usize) -> Picture {
    let free: Resources = "cpus:4;mem:1024".parse().unwrap();
    let pool = |i| Pool {
        id: AgentId::from(format!("a{i}")),
        free: free.clone(),
        gpus: false,
    };
    let candidate = |i: usize| Candidate {
        id: FrameworkId::from(format!("f{i}")),
        roles: vec![format!("r{}", i % 2)],
        gpus: false,
        least: BTreeMap::new(),
    };
    let all: Vec<_> = (0..pools).map(|_| free.clone()).collect();
    let total: BTreeMap<String, Scalar> = all.iter().sum::<Resources>().scalars();
    Picture {
        pools: (0..pools).map(pool).collect(),
        candidates: (0..frameworks).map(candidate).collect(),
        total,
        held: Vec::new(),
    }
}
