//! Tables over worlds and wishes.

use super::super::fixtures::*;
use super::*;
use mesolith_proto::node::v1::Phase;
use rstest::rstest;
use serde_json::json;

fn rules() -> Rules {
    Rules {
        generation: 2,
        ..Rules::default()
    }
}

/// `cp1:zookeeper,master` for an apply, `cp1:-` for a removal.
fn effects(decision: &Decision) -> Vec<String> {
    let text = |Effect { node, order }: &Effect| match order {
        Order::Apply { components, .. } => {
            let ids: Vec<&str> = components.iter().map(|c| c.id.as_str()).collect();
            format!("{node}:{}", ids.join(","))
        }
        Order::Leave { .. } | Order::End { .. } => format!("{node}:-"),
    };
    decision.effects.iter().map(text).collect()
}

fn reasons(decision: &Decision) -> Vec<&str> {
    decision.waits.iter().map(|w| w.reason.as_str()).collect()
}

fn with_flag() -> Desired {
    let mut spec = three_nodes();
    spec["masters"]["flags"] = json!({"offer_timeout": "5secs"});
    desired(spec)
}

#[test]
fn nothing_to_do_when_everything_is_as_wanted() {
    let wanted = desired(three_nodes());
    let decision = decide(&wanted, &serving(&wanted), &rules());
    assert_eq!(decision, Decision::default());
    assert!(converged(&wanted, &serving(&wanted)));
}

#[test]
fn a_new_cluster_comes_up_in_order() {
    let wanted = desired(three_nodes());
    let mut world = empty_world(&wanted);
    let first = decide(&wanted, &world, &rules());
    assert_eq!(
        effects(&first),
        ["cp1:zookeeper", "cp2:zookeeper", "cp3:zookeeper"]
    );
    assert_eq!(first.plan.len(), 8);
    assert_eq!(
        (first.plan[0].component.as_str(), first.plan[0].action.as_str()),
        ("zookeeper", "Start")
    );

    // One server short of a quorum: masters wait. With two of three they start, also beside a server that is down.
    let zookeeper = |world: &mut World, node: &str, phase| {
        let digest = wanted[node][&Kind::ZooKeeper.into()].spec_digest.clone();
        let ledger = ledger(world, node);
        (ledger.present, ledger.generation) = (true, 2 << 20);
        ledger.parts.insert(Kind::ZooKeeper.into(), part(phase, &digest));
    };
    zookeeper(&mut world, "cp1", Phase::Running);
    zookeeper(&mut world, "cp2", Phase::Starting);
    zookeeper(&mut world, "cp3", Phase::Failed);
    assert_eq!(effects(&decide(&wanted, &world, &rules())), Vec::<String>::new());
    zookeeper(&mut world, "cp2", Phase::Running);
    let second = decide(&wanted, &world, &rules());
    assert_eq!(
        effects(&second),
        [
            "cp1:zookeeper,master",
            "cp2:zookeeper,master",
            "cp3:zookeeper,master"
        ]
    );

    // Agents wait for a leader.
    let mut world = serving(&wanted);
    for node in ["w1", "w2"] {
        *ledger(&mut world, node) = Ledger {
            settled: true,
            ..Ledger::default()
        };
    }
    let mut leaderless = world.clone();
    ledger(&mut leaderless, "cp2")
        .parts
        .get_mut(&Kind::Master.into())
        .unwrap()
        .facts
        .clear();
    assert_eq!(
        effects(&decide(&wanted, &leaderless, &rules())),
        Vec::<String>::new()
    );
    assert_eq!(
        effects(&decide(&wanted, &world, &rules())),
        ["w1:agent", "w2:agent"]
    );
}

#[test]
fn generations_only_grow() {
    let ledger = |generation| Ledger {
        generation,
        ..Ledger::default()
    };
    assert_eq!(next_generation(&ledger(0), &rules()), 2 << 20);
    assert_eq!(next_generation(&ledger(2 << 20), &rules()), (2 << 20) + 1);
    assert_eq!(next_generation(&ledger(9 << 20), &rules()), (9 << 20) + 1);
}

#[test]
fn a_changed_spec_rolls_one_node_at_a_time_with_the_leader_last() {
    let wanted = with_flag();
    let mut world = serving(&desired(three_nodes()));
    let mut order = Vec::new();
    for _ in 0..3 {
        let decision = decide(&wanted, &world, &rules());
        let [
            Effect {
                node,
                order:
                    Order::Apply {
                        generation,
                        components,
                    },
            },
        ] = decision.effects.as_slice()
        else {
            panic!("{decision:?}")
        };
        assert!(
            decision
                .plan
                .iter()
                .all(|step| step.action == "Restart" && step.component == "master")
        );
        order.push(node.clone());
        let ledger = ledger(&mut world, node);
        let master = components.iter().find(|c| c.id == "master").unwrap();
        ledger.generation = *generation;
        let part = ledger.parts.get_mut(&Kind::Master.into()).unwrap();
        (part.digest, part.phase) = (master.spec_digest.clone(), Phase::Starting);
        // While it starts, nobody else is touched.
        let waiting = decide(&wanted, &world, &rules());
        assert_eq!(effects(&waiting), Vec::<String>::new());
        set_phase(
            &mut world,
            &order[order.len() - 1],
            Kind::Master,
            Phase::Running,
            None,
            "",
        );
    }
    assert_eq!(order, ["cp1", "cp3", "cp2"]);
    assert!(converged(&wanted, &world));
}

#[test]
fn nothing_rolls_below_quorum() {
    let mut world = serving(&desired(three_nodes()));
    cut_off(&mut world, "cp3");
    let decision = decide(&with_flag(), &world, &rules());
    assert_eq!(effects(&decision), Vec::<String>::new());
    assert_eq!(decision.waits[0].reason.as_str(), "WaitingForMasters");
    assert_eq!(
        decision.waits[0].message,
        "master on cp1 is not restarted: 1 of the other masters serve, 2 are needed"
    );
}

#[test]
fn a_roll_stops_at_a_member_that_does_not_come_back() {
    let wanted = with_flag();
    let mut world = serving(&desired(three_nodes()));
    let digest = wanted["cp1"][&Kind::Master.into()].spec_digest.clone();
    ledger(&mut world, "cp1")
        .parts
        .get_mut(&Kind::Master.into())
        .unwrap()
        .digest = digest;
    set_phase(
        &mut world,
        "cp1",
        Kind::Master,
        Phase::BackOff,
        Reason::CrashLoop,
        "exited with 1",
    );
    let decision = decide(&wanted, &world, &rules());
    assert_eq!(effects(&decision), Vec::<String>::new());
    assert_eq!(decision.waits[0].reason.as_str(), "RollingOneByOne");
    assert!(
        decision.waits[0]
            .message
            .ends_with("master of cp1: BackOff (CrashLoop): exited with 1")
    );
}

#[test]
fn what_is_down_anyway_gets_its_new_set_at_once() {
    let mut world = serving(&desired(three_nodes()));
    for node in ["cp1", "cp2", "cp3"] {
        set_phase(
            &mut world,
            node,
            Kind::Master,
            Phase::BackOff,
            Reason::CrashLoop,
            "wrong flag",
        );
    }
    let decision = decide(&with_flag(), &world, &rules());
    assert_eq!(effects(&decision).len(), 3);
}

#[test]
fn a_node_that_has_not_shown_what_was_sent_is_left_alone_and_holds_the_others_back() {
    let mut world = serving(&desired(three_nodes()));
    ledger(&mut world, "cp1").stale = true;
    let decision = decide(&with_flag(), &world, &rules());
    assert_eq!(effects(&decision), Vec::<String>::new());
    assert_eq!(reasons(&decision), ["RollingOneByOne", "RollingOneByOne"]);
}

#[test]
fn one_server_has_no_spare_and_is_rolled_all_the_same() {
    let single = |flag: &str| {
        desired(json!({
            "nodes": [{"name": "n1", "address": "127.0.0.1:7070"}],
            "zookeeper": {"nodes": "n1", "config": {"a": flag}},
            "masters": {"nodes": "n1"}
        }))
    };
    let world = serving(&single("1"));
    assert_eq!(
        effects(&decide(&single("2"), &world, &rules())),
        ["n1:zookeeper,master"]
    );
}

#[rstest]
#[case::unknown(None, false, &[], &["AgentHasTasks"])]
#[case::busy(Some(3), false, &[], &["AgentHasTasks"])]
#[case::forced(Some(3), true, &["w2:-"], &[])]
#[case::drained(Some(0), false, &["w2:-"], &[])]
fn a_removed_agent_waits_for_its_tasks(
    #[case] tasks: Option<usize>,
    #[case] force_removal: bool,
    #[case] expected: &[&str],
    #[case] waits: &[&str],
) {
    let mut world = serving(&desired(three_nodes()));
    world.tasks_on = tasks.map(|n| ("w2".to_owned(), n)).into_iter().collect();
    let mut spec = three_nodes();
    spec["agents"][0]["nodes"] = json!("w1");
    let decision = decide(
        &desired(spec),
        &world,
        &Rules {
            force_removal,
            ..rules()
        },
    );
    assert_eq!(effects(&decision), expected);
    assert_eq!(reasons(&decision), waits);
}

#[test]
fn a_part_that_is_being_stopped_is_not_asked_to_go_again() {
    let mut world = serving(&desired(three_nodes()));
    ledger(&mut world, "w2")
        .parts
        .get_mut(&Kind::Agent.into())
        .unwrap()
        .digest
        .clear();
    let mut spec = three_nodes();
    spec["agents"][0]["nodes"] = json!("w1");
    assert_eq!(decide(&desired(spec), &world, &rules()).effects, []);
}

#[test]
fn a_leaving_server_goes_after_the_others_know() {
    let mut spec = three_nodes();
    spec["nodes"][0] = json!({"name": "cp[1-4]", "address": "192.0.2.1[1-4]:7070"});
    spec["zookeeper"]["nodes"] = json!("cp[1-4]");
    let mut world = serving(&desired(spec.clone()));
    spec["zookeeper"]["nodes"] = json!("cp[1-3]");
    let wanted = desired(spec);
    let decision = decide(&wanted, &world, &rules());
    assert_eq!(effects(&decision), ["cp1:zookeeper,master"], "a member first");
    for node in ["cp1", "cp2", "cp3"] {
        let digest = wanted[node][&Kind::ZooKeeper.into()].spec_digest.clone();
        ledger(&mut world, node)
            .parts
            .get_mut(&Kind::ZooKeeper.into())
            .unwrap()
            .digest = digest;
    }
    // Masters name the servers, too: they follow, then the fourth server goes.
    for node in ["cp1", "cp2", "cp3"] {
        let digest = wanted[node][&Kind::Master.into()].spec_digest.clone();
        ledger(&mut world, node)
            .parts
            .get_mut(&Kind::Master.into())
            .unwrap()
            .digest = digest;
    }
    for node in ["w1", "w2"] {
        let digest = wanted[node][&Kind::Agent.into()].spec_digest.clone();
        ledger(&mut world, node)
            .parts
            .get_mut(&Kind::Agent.into())
            .unwrap()
            .digest = digest;
    }
    assert_eq!(effects(&decide(&wanted, &world, &rules())), ["cp4:-"]);
}

/// The wait is reported even when nothing else is left to do.
#[test]
fn the_tasks_of_a_leaving_agent_are_said_until_it_is_gone() {
    let mut spec = three_nodes();
    spec["agents"][0]["nodes"] = json!("w1");
    let wanted = desired(spec);
    let mut world = serving(&desired(three_nodes()));
    agent_leaves(&mut world, "w2", 3);
    let decision = decide(&wanted, &world, &rules());
    assert_eq!((effects(&decision).len(), decision.plan.len()), (0, 0));
    assert_eq!(reasons(&decision), ["StoppingTasks"]);
    assert_eq!(decision.waits[0].message, "w2: 3 tasks are being stopped");
    ledger(&mut world, "w2").removing = true;
    assert_eq!(reasons(&decide(&wanted, &world, &rules())), ["StoppingTasks"]);
    *ledger(&mut world, "w2") = Ledger::default();
    assert_eq!(reasons(&decide(&wanted, &world, &rules())), Vec::<&str>::new());
}

#[test]
fn paused_plans_and_does_nothing() {
    let world = serving(&desired(three_nodes()));
    let decision = decide(
        &with_flag(),
        &world,
        &Rules {
            paused: true,
            ..rules()
        },
    );
    assert_eq!((decision.effects.len(), decision.plan.len()), (0, 3));
}
