//! Which side's masters may lead. Two that act as leader must be impossible in every order of events. Pure.
//!
//! A master follows what its node was told last, also while the node, the operator or the network is away. So the order
//! is: nobody new is let lead until every master of the other side has said itself that it may not, or is gone.
//!
//! ```text
//! A may, B may not ─► (enough of B serve) ─► nobody may ─► (A has said so) ─► B may
//! ```

use crate::mesos_cluster::model::{Desired, World, members, quorum};
use crate::nodes::{Kind, NodeView, Part, Slot};
use crate::problem::Problem;
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::ClusterSide;

/// Which side's masters may lead now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Permits {
    /// The sides that may not.
    withheld: Vec<ClusterSide>,
    /// Why it is not yet as it should be.
    pub(super) wait: Option<Problem>,
}

impl Permits {
    /// A cluster that does not move has one side, which may lead. Otherwise `leads` should.
    pub(super) fn of(desired: &Desired, world: &World, leads: Option<ClusterSide>) -> Self {
        let Some(to) = leads else {
            return Self::default();
        };
        let from = to.other();
        // What a side was told stays in force. It was let lead when the other could not any more.
        if is_let_lead(world, to) {
            return Self::only(to);
        }
        let Some(why) = may_still_lead(desired, world, from) else {
            return Self::only(to);
        };
        let slot = Slot::on(to, Kind::Master);
        let masters = members(desired, slot);
        let (serving, all) = (world.running(slot, masters.clone()), masters.count());
        // Until others can take over, those that lead go on.
        if is_let_lead(world, from) && (all == 0 || serving < quorum(all)) {
            return Self {
                wait: Some(Problem::new(
                    Reason::WaitingForMasters,
                    format!("{serving} of the {all} masters that are to lead serve"),
                )),
                ..Self::only(from)
            };
        }
        Self {
            withheld: vec![from, to],
            wait: Some(Problem::new(Reason::WaitingForPin, why)),
        }
    }

    fn only(side: ClusterSide) -> Self {
        Self {
            withheld: vec![side.other()],
            wait: None,
        }
    }

    /// Whether a component may lead; what is no master is never told.
    pub(super) fn may_lead(&self, slot: Slot) -> bool {
        slot.kind != Kind::Master || !self.withheld.contains(&slot.side)
    }
}

/// Whether a master of that side has been told that it may lead.
fn is_let_lead(world: &World, side: ClusterSide) -> bool {
    let masters = |view: &NodeView| {
        let parts = view.ledger()?.parts.get(&Slot::on(side, Kind::Master))?;
        Some(!parts.digest.is_empty() && parts.told_to_lead())
    };
    world.nodes.values().any(|view| masters(view) == Some(true))
}

/// The master of that side of which it is not certain that it cannot lead.
fn may_still_lead(desired: &Desired, world: &World, side: ClusterSide) -> Option<String> {
    let slot = Slot::on(side, Kind::Master);
    world.nodes.iter().find_map(|(node, view)| match view {
        NodeView::Seen(ledger) if ledger.stale => Some(format!("{node} has not shown what it was told last")),
        NodeView::Seen(ledger) => {
            let part = ledger.parts.get(&slot)?;
            (!part.cannot_lead).then(|| format!("the master of {node} has not said yet that it cannot lead"))
        }
        NodeView::Unknown | NodeView::Unreachable(_) => {
            // A node that has nothing but an agent by the present sets has never been told to run a master.
            let other = desired
                .get(node)
                .is_some_and(|set| set.keys().all(|s| s.kind == Kind::Agent));
            (!other).then(|| format!("{node} does not answer; its master could still lead"))
        }
    })
}

impl Part {
    /// What the node was told of it: a master may lead unless it was told otherwise.
    pub(super) fn told_to_lead(&self) -> bool {
        self.may_lead.unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesos_cluster::fixtures::part;
    use crate::nodes::Ledger;
    use mesolith_proto::node::v1::{Component, Phase};
    use proptest::prelude::*;

    /// A master: what its node was told, and what the process does.
    #[derive(Debug, Clone, Copy)]
    struct Master {
        side: ClusterSide,
        told: Option<bool>,
        acts: bool,
        runs: bool,
        reachable: bool,
    }

    impl Master {
        fn view(&self) -> NodeView {
            if !self.reachable {
                return NodeView::Unreachable(Problem::new(Reason::NodeUnreachable, String::new()));
            }
            let mut shown = part(if self.runs { Phase::Running } else { Phase::BackOff }, "d");
            shown.may_lead = self.told;
            shown.cannot_lead = self.told == Some(false) && !self.acts;
            NodeView::Seen(Ledger {
                present: true,
                parts: [(Slot::on(self.side, Kind::Master), shown)].into(),
                ..Ledger::default()
            })
        }
    }

    fn world(masters: &[Master]) -> (Desired, World) {
        let mut desired = Desired::new();
        let mut world = World::default();
        for (n, master) in masters.iter().enumerate() {
            let slot = Slot::on(master.side, Kind::Master);
            desired.insert(format!("n{n}"), [(slot, Component::default())].into());
            world.nodes.insert(format!("n{n}"), master.view());
        }
        (desired, world)
    }

    fn both() -> Vec<Master> {
        let master = |side| Master {
            side,
            told: (side == ClusterSide::Target).then_some(false),
            acts: side == ClusterSide::Source,
            runs: true,
            reachable: true,
        };
        [ClusterSide::Source, ClusterSide::Target]
            .into_iter()
            .flat_map(|side| [master(side); 3])
            .collect()
    }

    fn tell(masters: &mut [Master], leads: ClusterSide, lost: impl Fn(usize) -> bool) {
        let (desired, world) = world(masters);
        let permits = Permits::of(&desired, &world, Some(leads));
        for (n, master) in masters.iter_mut().enumerate() {
            if master.reachable && !lost(n) {
                master.told = Some(permits.may_lead(Slot::on(master.side, Kind::Master)));
            }
        }
    }

    fn acting(masters: &[Master], side: ClusterSide) -> usize {
        masters.iter().filter(|m| m.side == side && m.acts).count()
    }

    #[test]
    fn nobody_new_leads_before_the_last_of_the_others_has_said_that_it_may_not() {
        let mut masters = both();
        tell(&mut masters, ClusterSide::Target, |_| false);
        assert!(masters.iter().all(|m| m.told == Some(false)));
        // Two have read it, one is paused.
        (masters[0].acts, masters[1].acts) = (false, false);
        tell(&mut masters, ClusterSide::Target, |_| false);
        assert!(masters.iter().all(|m| m.told == Some(false)));
        masters[2].reachable = false;
        tell(&mut masters, ClusterSide::Target, |_| false);
        assert!(
            masters[3..].iter().all(|m| m.told == Some(false)),
            "its node does not answer"
        );
        (masters[2].reachable, masters[2].acts) = (true, false);
        tell(&mut masters, ClusterSide::Target, |_| false);
        assert!(masters[3..].iter().all(|m| m.told == Some(true)));
    }

    #[test]
    fn the_others_keep_leading_while_too_few_serve_to_take_over() {
        let mut masters = both();
        (masters[3].runs, masters[4].runs) = (false, false);
        let (desired, seen) = world(&masters);
        let permits = Permits::of(&desired, &seen, Some(ClusterSide::Target));
        assert!(permits.may_lead(Slot::on(ClusterSide::Source, Kind::Master)));
        assert_eq!(permits.wait.unwrap().reason, Reason::WaitingForMasters);
        let still = Permits::of(&desired, &seen, None);
        assert!(
            still.may_lead(Slot::on(ClusterSide::Target, Kind::Master)),
            "it does not move"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// Whatever is lost, late, cut off or turned back: masters of two sides never lead at once; and in the end the
        /// right ones may.
        #[test]
        fn two_sides_never_lead(steps in proptest::collection::vec((0_u8..6, 0_usize..6, any::<bool>(), any::<u8>()), 1..80)) {
            let mut masters = both();
            let mut leads = ClusterSide::Source;
            for (what, n, flag, lost) in steps {
                match what {
                    0 => leads = if flag { ClusterSide::Source } else { ClusterSide::Target },
                    1 => masters[n].reachable = flag,
                    2 => masters[n].runs = flag,
                    3 => masters[n].acts = masters[n].told.unwrap_or(true) && masters[n].runs,
                    _ => tell(&mut masters, leads, |n| lost >> n & 1 == 1),
                }
                let (a, b) = (acting(&masters, ClusterSide::Source), acting(&masters, ClusterSide::Target));
                prop_assert!(a == 0 || b == 0, "{masters:?}");
            }
            for _ in 0..4 {
                for master in &mut masters {
                    (master.reachable, master.runs) = (true, true);
                    master.acts = master.told.unwrap_or(true);
                }
                tell(&mut masters, leads, |_| false);
            }
            prop_assert_eq!(acting(&masters, leads), 3);
            prop_assert_eq!(acting(&masters, leads.other()), 0);
        }
    }
}
