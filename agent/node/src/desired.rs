//! Whether a new desired set (or removal) may replace the one in the ledger. Pure.

use crate::component::{DesiredSet, Removal};

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

/// Accepts a desired set over the known one.
pub(crate) fn apply(known: Option<&DesiredSet>, mut new: DesiredSet) -> Result<Accepted, Refusal> {
    new.components.sort_by(|a, b| a.id.cmp(&b.id));
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

/// Accepts a removal of the known set but for the components with the ids in `keep`, which a later removal takes.
/// Data is archived if any request of the removal has said so.
pub(crate) fn remove(
    known: &DesiredSet,
    generation: u64,
    archive: bool,
    keep: &[String],
) -> Result<Accepted, Refusal> {
    if generation < known.generation {
        return Err(Refusal::OlderGeneration {
            given: generation,
            known: known.generation,
        });
    }
    let removal = Removal {
        archive: archive || known.removing.is_some_and(|r| r.archive),
    };
    let new = DesiredSet {
        cluster: known.cluster.clone(),
        generation,
        // What an earlier step took away does not come back.
        components: known
            .components
            .iter()
            .filter(|component| keep.contains(&component.id))
            .cloned()
            .collect(),
        removing: Some(removal),
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
    use crate::component::Component;
    use crate::component::fixtures::{set, zookeeper};

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
        let given = |generation, components| apply(Some(&known), set(generation, components));
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
            apply(None, set(1, changed())),
            Ok(Accepted::Store(set(1, changed())))
        );
    }

    #[test]
    fn the_order_of_components_means_nothing() {
        let other = || Component {
            id: "agent".into(),
            ..zookeeper()
        };
        let Ok(Accepted::Store(known)) = apply(None, set(1, vec![zookeeper(), other()])) else {
            unreachable!()
        };
        assert_eq!(
            apply(Some(&known), set(1, vec![other(), zookeeper()])),
            Ok(Accepted::AlreadyStored)
        );
    }

    #[test]
    fn a_removal_sticks_and_never_turns_from_archiving_into_deleting() {
        let known = set(5, vec![zookeeper()]);
        assert!(matches!(
            remove(&known, 4, true, &[]),
            Err(Refusal::OlderGeneration { .. })
        ));
        let Ok(Accepted::Store(removing)) = remove(&known, 5, true, &[]) else {
            unreachable!()
        };
        assert_eq!(remove(&removing, 5, true, &[]), Ok(Accepted::AlreadyStored));
        assert_eq!(remove(&removing, 5, false, &[]), Ok(Accepted::AlreadyStored));
        assert!(matches!(
            apply(Some(&removing), set(6, vec![])),
            Err(Refusal::BeingRemoved { .. })
        ));
    }
    #[test]
    fn a_removal_in_steps_takes_what_is_not_kept_and_brings_nothing_back() {
        let named = |id: &str| Component {
            id: id.into(),
            ..zookeeper()
        };
        let ids = |accepted: Result<Accepted, Refusal>| match accepted {
            Ok(Accepted::Store(set)) => {
                let ids: Vec<String> = set.components.iter().map(|c| c.id.clone()).collect();
                (set, ids)
            }
            other => panic!("{other:?}"),
        };
        let keep = ["zookeeper".to_owned(), "master".to_owned()];
        let known = set(5, vec![named("agent"), named("master"), named("zookeeper")]);
        let (first, left) = ids(remove(&known, 6, true, &keep));
        assert_eq!(left, ["master", "zookeeper"]);
        assert_eq!(remove(&first, 6, true, &keep), Ok(Accepted::AlreadyStored));
        let (second, left) = ids(remove(&first, 7, true, &keep[..1]));
        assert_eq!(left, ["zookeeper"]);
        assert_eq!(ids(remove(&second, 8, true, &keep)).1, ["zookeeper"]);
        assert!(ids(remove(&second, 9, true, &[])).1.is_empty());
    }
}
