//! Tests the real decision with toy nodes that start slowly, crash, vanish and lose their agents, in random order by
//! seed.
//!
//! Safety, at every step: a call never takes a quorum away that was there. Liveness: once the faults end, the world
//! becomes what is wanted, and then nothing is done any more.

use super::super::fixtures::{cut_off, desired, empty_world, part, three_nodes};
use super::*;
use crate::nodes::NodeView;
use mesolith_proto::node::v1::{Component, Phase};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A node as it really is, reachable or not.
struct Toy {
    ledger: Ledger,
    reachable: bool,
}

struct Toys {
    nodes: BTreeMap<String, Toy>,
    rng: StdRng,
}

impl Toys {
    fn new(wanted: &Desired, seed: u64) -> Self {
        let nodes = empty_world(wanted).nodes.into_keys();
        let fresh = || Toy {
            ledger: Ledger {
                settled: true,
                ..Ledger::default()
            },
            reachable: true,
        };
        Self {
            nodes: nodes.map(|n| (n, fresh())).collect(),
            rng: StdRng::seed_from_u64(seed),
        }
    }

    fn world(&self) -> World {
        let mut world = World::default();
        for (name, toy) in &self.nodes {
            world
                .nodes
                .insert(name.clone(), NodeView::Seen(toy.ledger.clone()));
            if !toy.reachable {
                cut_off(&mut world, name);
            }
            world.tasks_on.insert(name.clone(), 0);
        }
        world
    }

    /// Members of a kind that really serve.
    fn serving(&self, kind: Kind) -> usize {
        self.nodes
            .values()
            .filter(|toy| toy.ledger.parts.get(&kind.into()).is_some_and(|p| p.runs()))
            .count()
    }

    fn carry_out(&mut self, effect: &Effect) {
        let toy = self.nodes.get_mut(&effect.node).unwrap();
        if !toy.reachable {
            return;
        }
        match &effect.order {
            Order::Apply {
                generation,
                components,
            } => {
                assert!(*generation > toy.ledger.generation, "generations only grow");
                (toy.ledger.present, toy.ledger.generation) = (true, *generation);
                let slot = |component: &Component| Ids::default().slot(&component.id).unwrap();
                let wanted: BTreeMap<Slot, &Component> = components.iter().map(|c| (slot(c), c)).collect();
                toy.ledger.parts.retain(|slot, _| wanted.contains_key(slot));
                for (slot, component) in wanted {
                    let known = toy.ledger.parts.get(&slot);
                    if known.is_none_or(|p| p.digest != component.spec_digest) {
                        toy.ledger
                            .parts
                            .insert(slot, part(Phase::Pending, &component.spec_digest));
                    }
                }
            }
            Order::Leave { .. } | Order::End { .. } => {
                toy.ledger = Ledger {
                    settled: true,
                    ..Ledger::default()
                }
            }
        }
    }

    /// Time passes: starting components come up and masters elect a leader; with `faults`, parts also fail.
    fn tick(&mut self, faults: bool) {
        let names: Vec<String> = self.nodes.keys().cloned().collect();
        for name in names {
            let (slow, luck) = (self.rng.random_bool(0.4), self.rng.random_range(0..100));
            let toy = self.nodes.get_mut(&name).unwrap();
            for part in toy.ledger.parts.values_mut() {
                part.phase = match part.phase {
                    Phase::Running if faults && luck < 4 => Phase::BackOff,
                    Phase::Running => Phase::Running,
                    other if slow => other,
                    Phase::Pending => Phase::Starting,
                    _ => Phase::Running,
                };
            }
            if faults && luck >= 92 {
                toy.reachable = false;
            } else if !faults || luck < 30 {
                toy.reachable = true;
            }
        }
        self.elect(Kind::ZooKeeper, "mode", "leader");
        self.elect(Kind::Master, "leading", "true");
    }

    fn elect(&mut self, kind: Kind, key: &str, value: &str) {
        let mut free = true;
        for toy in self.nodes.values_mut() {
            if let Some(part) = toy.ledger.parts.get_mut(&kind.into()) {
                let keeps = free && part.phase == Phase::Running;
                free &= !keeps;
                if keeps {
                    part.facts.insert(key.into(), value.into());
                } else {
                    part.facts.remove(key);
                }
            }
        }
    }
}

/// The same cluster with other settings; `step` makes them differ.
fn variant(step: u32, touches: u8) -> Value {
    let mut spec = three_nodes();
    let value = step.to_string();
    if touches & 1 != 0 {
        spec["zookeeper"]["config"] = json!({"maxClientCnxns": value});
    }
    if touches & 2 != 0 {
        spec["masters"]["flags"] = json!({"a": value});
    }
    if touches & 4 != 0 {
        spec["agents"][0]["flags"] = json!({"b": value});
    }
    spec
}

fn round(wanted: &Desired, toys: &mut Toys, generation: u64) -> usize {
    let world = toys.world();
    let rules = Rules {
        generation,
        ..Rules::default()
    };
    let decision = decide(wanted, &world, &rules);
    let before = [Kind::ZooKeeper, Kind::Master].map(|kind| toys.serving(kind));
    let disturbed: Vec<&str> = decision
        .effects
        .iter()
        .map(|effect| effect.node.as_str())
        .collect();
    for effect in &decision.effects {
        toys.carry_out(effect);
    }
    for (kind, before) in [Kind::ZooKeeper, Kind::Master].into_iter().zip(before) {
        let after = toys.serving(kind);
        assert!(
            before < 2 || after >= 2,
            "{kind:?}: {before} -> {after} of 3 by {disturbed:?}"
        );
        assert!(
            before - after <= 1,
            "{kind:?}: one at a time, not {before} -> {after} by {disturbed:?}"
        );
    }
    decision.effects.len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn faults_never_make_a_roll_break_a_quorum_and_the_world_converges(
        seed in any::<u64>(),
        changes in proptest::collection::vec(0_u8..8, 1..4),
        faulty_rounds in 0_usize..30,
    ) {
        let mut toys = Toys::new(&desired(three_nodes()), seed);
        let mut wanted = desired(three_nodes());
        for (step, touches) in changes.iter().enumerate() {
            let step = u32::try_from(step).unwrap();
            let generation = u64::from(step) + 1;
            for i in 0..faulty_rounds {
                round(&wanted, &mut toys, generation);
                toys.tick(i % 3 == 0);
            }
            wanted = desired(variant(step, *touches));
        }
        let mut rounds = 0;
        while !converged(&wanted, &toys.world()) || !toys.world().nodes.values().all(all_run) {
            round(&wanted, &mut toys, 99);
            toys.tick(false);
            rounds += 1;
            prop_assert!(rounds < 400, "no convergence: {:?}", decide(&wanted, &toys.world(), &Rules::default()));
        }
        prop_assert_eq!(round(&wanted, &mut toys, 99), 0, "idle does nothing");
    }
}

fn all_run(view: &NodeView) -> bool {
    view.ledger()
        .is_some_and(|ledger| ledger.parts.values().all(|part| part.runs()))
}
