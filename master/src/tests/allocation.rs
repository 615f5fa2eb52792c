//! Offers and refusals.

use v1::scheduler::call;

use super::*;

const ALL: &str = "cpus:4;mem:1024";

#[test]
fn one_framework_gets_everything_at_once() {
    let mut world = World::new();
    let (first, _) = world.agent(ALL);
    let (_, _) = world.agent(ALL);
    let (scheduler, effects) = world.subscribe(aware(&["*"]));
    let offers = offers(&effects, &scheduler);
    assert_eq!(offers.len(), 2);
    assert_eq!(offers[0].id.value, "m-O0");
    assert_eq!(offers[0].agent_id.value, first.id.as_str());
    assert_eq!(
        kinds(&effects, &scheduler),
        [
            event::Type::Subscribed,
            event::Type::Heartbeat,
            event::Type::Offers
        ]
    );
    // Nothing is offered twice.
    assert!(super::offers(&world.pass(3), &scheduler).is_empty());
}

#[test]
fn refusals_hold_as_long_as_measured_on_mesos() {
    for (refuse, seconds) in [(None, 5), (Some(2.0), 2), (Some(-1.0), 5)] {
        let mut world = World::new();
        world.agent(ALL);
        let (scheduler, effects) = world.subscribe(aware(&["*"]));
        world.decline(&scheduler, &offers(&effects, &scheduler)[0], refuse);
        assert!(
            offers(&world.pass(seconds - 1), &scheduler).is_empty(),
            "{refuse:?}"
        );
        assert_eq!(offers(&world.pass(2), &scheduler).len(), 1, "{refuse:?}");
    }
}

#[test]
fn refusing_for_no_time_is_offered_at_the_next_run() {
    let mut world = World::new();
    world.agent(ALL);
    let (scheduler, effects) = world.subscribe(aware(&["*"]));
    world.decline(&scheduler, &offers(&effects, &scheduler)[0], Some(0.0));
    assert_eq!(offers(&world.pass(1), &scheduler).len(), 1);
}

#[test]
fn revive_forgets_refusals_and_suppress_stops_offers() {
    let mut world = World::new();
    world.agent(ALL);
    let (scheduler, effects) = world.subscribe(aware(&["*"]));
    world.decline(&scheduler, &offers(&effects, &scheduler)[0], Some(3600.0));
    let revived = world.call(&scheduler, call::Type::Revive, |_| {});
    let again = offers(&revived, &scheduler);
    world.call(&scheduler, call::Type::Suppress, |_| {});
    world.decline(&scheduler, &again[0], Some(0.0));
    assert!(offers(&world.pass(3), &scheduler).is_empty());
    let revived = world.call(&scheduler, call::Type::Revive, |_| {});
    assert_eq!(offers(&revived, &scheduler).len(), 1);
}

#[test]
fn more_than_was_refused_is_offered() {
    let mut world = World::new();
    let (node, _) = world.agent(ALL);
    let (scheduler, effects) = world.subscribe(aware(&["*"]));
    let offer = offers(&effects, &scheduler).remove(0);
    // The rest of this ACCEPT is refused for the default 5 s.
    world.launch(&scheduler, &[&offer], vec![task("t", &node.id, "cpus:1;mem:32")]);
    assert!(offers(&world.pass(2), &scheduler).is_empty());
    world.update(&node, &scheduler, "t", v1::TaskState::TaskFinished, &[1; 16]);
    assert_eq!(offers(&world.pass(1), &scheduler).len(), 1);
}

#[test]
fn old_frameworks_read_offers_in_their_form() {
    let mut world = World::new();
    world.agent(ALL);
    let (scheduler, effects) = world.subscribe(unaware());
    let offer = offers(&effects, &scheduler).remove(0);
    assert_eq!(offer.resources[0].role.as_deref(), Some("*"));
    assert_eq!(
        (offer.allocation_info, offer.resources[0].allocation_info.clone()),
        (None, None)
    );
}

#[test]
fn reserved_resources_go_to_their_role_only() {
    let mut world = World::new();
    world.agent("cpus:2;mem:512;cpus(ops):2;mem(ops):512");
    let (other, effects) = world.subscribe(aware(&["web"]));
    assert_eq!(
        wire::to_resources(&offers(&effects, &other)[0].resources).cpus(),
        2.0
    );
    let (ops, effects) = world.subscribe(aware(&["ops"]));
    let own = offers(&effects, &ops).remove(0);
    assert_eq!(own.resources[0].reservations[0].role.as_deref(), Some("ops"));
}

#[test]
fn gpus_are_hidden_from_those_who_do_not_ask() {
    let mut world = World::new();
    world.agent("cpus:2;mem:512;gpus:1");
    let (plain, effects) = world.subscribe(aware(&["*"]));
    assert!(offers(&effects, &plain).is_empty());
    let mut info = aware(&["*"]);
    let mut gpu = v1::framework_info::Capability::default();
    gpu.set_type(v1::framework_info::capability::Type::GpuResources);
    info.capabilities.push(gpu);
    let (wants, effects) = world.subscribe(info);
    assert_eq!(offers(&effects, &wants).len(), 1);
}

#[test]
fn unused_offers_are_withdrawn_when_so_configured() {
    let mut world = World::with(|config| config.offer_timeout = Some(Duration::from_secs(3)));
    world.agent(ALL);
    let (scheduler, _) = world.subscribe(aware(&["*"]));
    let effects = world.pass(4);
    let seen = kinds(&effects, &scheduler);
    assert!(seen.starts_with(&[event::Type::Rescind]), "{seen:?}");
    assert!(seen.contains(&event::Type::Offers));
}

#[test]
fn a_framework_says_for_each_role_what_is_worth_an_offer() {
    let filter = |cpus: Option<f64>| {
        let quantities = cpus.map(|value| v1::offer_filters::ResourceQuantities {
            quantities: std::iter::once(("cpus".to_owned(), v1::value::Scalar { value })).collect(),
        });
        v1::OfferFilters {
            min_allocatable_resources: Some(v1::offer_filters::MinAllocatableResources {
                quantities: quantities.into_iter().collect(),
            }),
        }
    };
    // Little is enough for a framework that takes anything; much is too little for one that wants more.
    for (resources, cpus, offered) in [
        ("cpus:0.005;mem:8", None, true),
        ("cpus:0.005;mem:8", Some(1.0), false),
        ("cpus:4;mem:1024", Some(5.0), false),
        ("cpus:4;mem:1024", Some(4.0), true),
    ] {
        let mut world = World::new();
        world.agent(resources);
        let mut info = aware(&["*"]);
        info.offer_filters.insert("*".into(), filter(cpus));
        let (scheduler, effects) = world.subscribe(info);
        assert_eq!(
            !offers(&effects, &scheduler).is_empty(),
            offered,
            "{resources} {cpus:?}"
        );
    }
}
