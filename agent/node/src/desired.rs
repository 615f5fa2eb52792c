//! Whether a new desired set (or removal) may replace the one in the ledger. Pure.

use crate::component::{DesiredSet, Removal};

/// Ids that senders knew before they said so.
const FIRST_IDS: [&str; 3] = ["zookeeper", "master", "agent"];

/// The ids of all components that a sender could want; empty when it does not say. What it does not know was sent by a
/// newer version, and is not taken away by this one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KnownIds(pub(crate) Vec<String>);

impl KnownIds {
    fn contains(&self, id: &str) -> bool {
        match self.0.is_empty() {
            true => FIRST_IDS.contains(&id),
            false => self.0.iter().any(|known| known == id),
        }
    }
}

/// What to do with an accepted request.
#[derive(Debug, PartialEq)]
pub(crate) enum Accepted {
    /// Store it and converge.
    Store(DesiredSet),
    /// The same set is stored already: nothing to do.
    AlreadyStored,
}

/// Why a request is refused (FAILED_PRECONDITION on the wire).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("generation {given} is older than generation {known}, which this node already has")]
    OlderGeneration { given: u64, known: u64 },
    #[error(
        "generation {generation} was sent before with different content; send changes under a newer generation"
    )]
    ChangedContent { generation: u64 },
    #[error("cluster {cluster} is being removed from this node; apply again when it is gone")]
    BeingRemoved { cluster: String },
}

/// Accepts a desired set over the known one. Components that the sender does not know stay in it.
pub(crate) fn apply(
    known: Option<&DesiredSet>,
    mut new: DesiredSet,
    sender: &KnownIds,
) -> Result<Accepted, Refusal> {
    if let Some(known) = known {
        let foreign = known.components.iter().filter(|c| !sender.contains(&c.id));
        let stay: Vec<_> = foreign.filter(|c| new.component(&c.id).is_none()).collect();
        new.components.extend(stay.into_iter().cloned());
    }
    new.components.sort_by(|a, b| a.id.cmp(&b.id));
    date_live_settings(known, &mut new);
    let Some(known) = known else {
        return Ok(Accepted::Store(new));
    };
    let (given, have) = (new.generation, known.generation);
    if given < have {
        return Err(Refusal::OlderGeneration { given, known: have });
    }
    if known.removing.is_some() {
        return Err(Refusal::BeingRemoved {
            cluster: known.cluster.name.clone(),
        });
    }
    match (given == have, known.components == new.components) {
        (true, true) => Ok(Accepted::AlreadyStored),
        (true, false) => Err(Refusal::ChangedContent { generation: given }),
        (false, _) => Ok(Accepted::Store(new)),
    }
}

/// Live settings that have not changed keep the generation that brought them; defaults need none.
fn date_live_settings(known: Option<&DesiredSet>, new: &mut DesiredSet) {
    for component in &mut new.components {
        let before = known.and_then(|set| set.component(&component.id));
        let before = before.map(|component| component.live).unwrap_or_default();
        component.live.generation = match before.says_the_same(component.live) {
            true => before.generation,
            false => new.generation,
        };
    }
}

/// A request to remove a set.
#[derive(Debug, Clone, Default)]
pub(crate) struct RemovalRequest {
    pub(crate) generation: u64,
    /// Whether data is archived; else it is deleted.
    pub(crate) archive: bool,
    /// Components that a later removal takes.
    pub(crate) keep: Vec<String>,
    pub(crate) sender: KnownIds,
}

impl RemovalRequest {
    /// A removal that keeps nothing and does not limit itself is the end of the owner, whoever sends it.
    fn takes_everything(&self) -> bool {
        self.keep.is_empty() && self.sender.0.is_empty()
    }

    fn leaves(&self, id: &str) -> bool {
        self.keep.iter().any(|kept| kept == id) || (!self.takes_everything() && !self.sender.contains(id))
    }
}

/// Accepts a removal of the known set, or a step of it. Data is archived if any request of the removal has said so.
pub(crate) fn remove(known: &DesiredSet, request: &RemovalRequest) -> Result<Accepted, Refusal> {
    let generation = request.generation;
    if generation < known.generation {
        return Err(Refusal::OlderGeneration {
            given: generation,
            known: known.generation,
        });
    }
    let removal = Removal {
        archive: request.archive || known.removing.is_some_and(|r| r.archive),
    };
    // What an earlier step took away does not come back.
    let left = known.components.iter().filter(|c| request.leaves(&c.id));
    let components: Vec<_> = left.cloned().collect();
    // Whoever sent what stays goes on with it: for them nothing is being removed.
    let ends = request.keep.is_empty() && !components.is_empty();
    let new = DesiredSet {
        cluster: known.cluster.clone(),
        generation,
        components,
        removing: (!ends).then_some(removal),
    };
    Ok(if new == *known {
        Accepted::AlreadyStored
    } else {
        Accepted::Store(new)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::fixtures::{set, zookeeper};
    use crate::component::{Component, Live};

    #[test]
    fn generations_only_go_forward() {
        let plain = || vec![zookeeper()];
        let changed = || {
            vec![Component {
                restart_token: "x".into(),
                ..zookeeper()
            }]
        };
        let known = set(5, plain());
        let sender = KnownIds::default();
        let given = |generation, components| apply(Some(&known), set(generation, components), &sender);
        assert_eq!(given(5, plain()), Ok(Accepted::AlreadyStored));
        assert_eq!(
            given(5, changed()),
            Err(Refusal::ChangedContent { generation: 5 })
        );
        assert_eq!(given(5, vec![]), Err(Refusal::ChangedContent { generation: 5 }));
        assert_eq!(
            given(4, plain()),
            Err(Refusal::OlderGeneration { given: 4, known: 5 })
        );
        assert_eq!(given(6, plain()), Ok(Accepted::Store(set(6, plain()))));
        assert_eq!(given(6, changed()), Ok(Accepted::Store(set(6, changed()))));
        assert_eq!(
            apply(None, set(1, changed()), &sender),
            Ok(Accepted::Store(set(1, changed())))
        );
    }

    #[test]
    fn live_settings_keep_the_generation_that_brought_them() {
        let mut known: Option<DesiredSet> = None;
        for (generation, may_lead, brought_by) in [
            (1, None, 0),
            (2, Some(false), 2),
            (3, Some(false), 2),
            (4, Some(true), 4),
            (5, Some(false), 5),
        ] {
            let master = |may_lead| Component {
                live: Live {
                    may_lead,
                    ..Live::default()
                },
                ..zookeeper()
            };
            let sender = KnownIds::default();
            let Ok(Accepted::Store(stored)) =
                apply(known.as_ref(), set(generation, vec![master(may_lead)]), &sender)
            else {
                unreachable!()
            };
            assert_eq!(stored.components[0].live.generation, brought_by);
            let again = |may_lead| apply(Some(&stored), set(generation, vec![master(may_lead)]), &sender);
            assert_eq!(again(may_lead), Ok(Accepted::AlreadyStored));
            let other = again(may_lead.map_or(Some(true), |may_lead| Some(!may_lead)));
            assert_eq!(other, Err(Refusal::ChangedContent { generation }));
            known = Some(stored);
        }
    }

    #[test]
    fn the_order_of_components_means_nothing() {
        let other = || Component {
            id: "agent".into(),
            ..zookeeper()
        };
        let sender = KnownIds::default();
        let Ok(Accepted::Store(known)) = apply(None, set(1, vec![zookeeper(), other()]), &sender) else {
            unreachable!()
        };
        assert_eq!(
            apply(Some(&known), set(1, vec![other(), zookeeper()]), &sender),
            Ok(Accepted::AlreadyStored)
        );
    }

    fn named(id: &str) -> Component {
        Component {
            id: id.into(),
            ..zookeeper()
        }
    }

    /// What is stored, and the ids in it.
    fn stored(accepted: Result<Accepted, Refusal>) -> (DesiredSet, Vec<String>) {
        match accepted {
            Ok(Accepted::Store(set)) => {
                let ids = set.components.iter().map(|c| c.id.clone()).collect();
                (set, ids)
            }
            other => panic!("{other:?}"),
        }
    }

    fn ids<const N: usize>(names: [&str; N]) -> Vec<String> {
        names.map(str::to_owned).to_vec()
    }

    #[test]
    fn a_removal_sticks_and_never_turns_from_archiving_into_deleting() {
        let known = set(5, vec![zookeeper()]);
        let removal = |generation, archive| RemovalRequest {
            generation,
            archive,
            ..RemovalRequest::default()
        };
        assert!(matches!(
            remove(&known, &removal(4, true)),
            Err(Refusal::OlderGeneration { .. })
        ));
        let (removing, _) = stored(remove(&known, &removal(5, true)));
        for archive in [true, false] {
            let again = remove(&removing, &removal(5, archive));
            assert_eq!(again, Ok(Accepted::AlreadyStored));
        }
        assert!(matches!(
            apply(Some(&removing), set(6, vec![]), &KnownIds::default()),
            Err(Refusal::BeingRemoved { .. })
        ));
    }

    #[test]
    fn a_removal_in_steps_takes_what_is_not_kept_and_brings_nothing_back() {
        let step = |generation, keep: &[&str]| RemovalRequest {
            generation,
            archive: true,
            keep: keep.iter().map(|&id| id.to_owned()).collect(),
            ..RemovalRequest::default()
        };
        let both = ["zookeeper", "master"];
        let known = set(5, vec![named("agent"), named("master"), named("zookeeper")]);
        let (first, left) = stored(remove(&known, &step(6, &both)));
        assert_eq!(left, ["master", "zookeeper"]);
        assert_eq!(remove(&first, &step(6, &both)), Ok(Accepted::AlreadyStored));
        let (second, left) = stored(remove(&first, &step(7, &both[..1])));
        assert_eq!(left, ["zookeeper"]);
        assert_eq!(stored(remove(&second, &step(8, &both))).1, ["zookeeper"]);
        assert!(stored(remove(&second, &step(9, &[]))).1.is_empty());
    }

    /// An older sender leaves alone what a newer one added; the newer one takes it away.
    #[test]
    fn what_a_sender_does_not_know_stays() {
        let newer = KnownIds(ids(["zookeeper", "master", "agent", "zookeeper2"]));
        let told = KnownIds(ids(["zookeeper", "master", "agent"]));
        let known = set(5, vec![named("zookeeper"), named("zookeeper2")]);
        for older in [KnownIds::default(), told] {
            let (kept, left) = stored(apply(Some(&known), set(6, vec![named("master")]), &older));
            assert_eq!(left, ["master", "zookeeper2"]);
            assert_eq!(kept.component("zookeeper2"), known.component("zookeeper2"));
            let again = apply(Some(&kept), set(6, vec![named("master")]), &older);
            assert_eq!(again, Ok(Accepted::AlreadyStored));
            let (_, left) = stored(apply(Some(&kept), set(7, vec![named("master")]), &newer));
            assert_eq!(left, ["master"]);
        }
    }

    /// Steps of a removal, and that of a node that its sender needs no more, take what the sender knows. The end of the
    /// owner takes everything.
    #[test]
    fn only_the_last_removal_takes_what_its_sender_does_not_know() {
        let known = set(5, vec![named("agent"), named("master"), named("zookeeper2")]);
        let request = |generation, keep: Vec<String>, sender: Vec<String>| RemovalRequest {
            generation,
            archive: true,
            keep,
            sender: KnownIds(sender),
        };
        let older = || ids(["zookeeper", "master", "agent"]);
        let (first, left) = stored(remove(&known, &request(6, ids(["master"]), vec![])));
        assert_eq!(left, ["master", "zookeeper2"]);
        let (second, left) = stored(remove(&first, &request(7, vec![], older())));
        assert_eq!((left, second.removing), (ids(["zookeeper2"]), None));
        let applied = apply(Some(&second), set(8, vec![named("master")]), &KnownIds::default());
        assert_eq!(stored(applied).1, ["master", "zookeeper2"]);
        let (all, left) = stored(remove(&second, &request(9, vec![], vec![])));
        assert!(left.is_empty() && all.removing.is_some());
        let nothing_else = set(5, vec![named("agent")]);
        let (gone, left) = stored(remove(&nothing_else, &request(6, vec![], older())));
        assert!(left.is_empty() && gone.removing.is_some());
    }
}
