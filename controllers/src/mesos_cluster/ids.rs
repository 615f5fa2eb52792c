//! ZooKeeper server ids: once given, a node keeps its id, whatever happens to the list. Pure.

use std::collections::BTreeMap;

/// ZooKeeper's largest server id.
const LAST: u32 = 255;

/// Ids of `nodes`; those recorded before stay, others get the next number that was never used, here or in the ensemble
/// `beside` this one: a server that talks to one of the wrong ensemble is refused by its id.
///
/// Removed nodes keep their record: their id must not come back while the others may still know it. Only when all
/// 255 are used up are the ids of removed nodes given out again.
pub(crate) fn assign(
    recorded: &BTreeMap<String, u32>,
    beside: &BTreeMap<String, u32>,
    nodes: &[String],
) -> BTreeMap<String, u32> {
    let mut ids = recorded.clone();
    for node in nodes {
        if ids.contains_key(node) {
            continue;
        }
        let highest = ids.values().chain(beside.values()).copied().max().unwrap_or(0);
        let id = if highest < LAST {
            highest + 1
        } else {
            reclaim(&mut ids, beside, nodes)
        };
        ids.insert(node.clone(), id);
    }
    ids
}

fn reclaim(ids: &mut BTreeMap<String, u32>, beside: &BTreeMap<String, u32>, nodes: &[String]) -> u32 {
    let free = (1..=LAST).find(|id| !ids.values().chain(beside.values()).any(|used| used == id));
    if let Some(id) = free {
        return id;
    }
    let gone = ids
        .iter()
        .find(|(node, _)| !nodes.contains(node))
        .map(|(node, id)| (node.clone(), *id));
    match gone {
        Some((node, id)) => {
            ids.remove(&node);
            id
        }
        None => LAST, // more than 255 servers: refused by the CRD's bound long before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|s| s.to_string()).collect()
    }

    #[test]
    fn editing_the_list_never_renumbers() {
        let first = assign(&BTreeMap::new(), &BTreeMap::new(), &names(&["a", "b", "c"]));
        assert_eq!(first.values().copied().collect::<Vec<_>>(), [1, 2, 3]);
        let second = assign(&first, &BTreeMap::new(), &names(&["d", "c", "a"]));
        assert_eq!((second["a"], second["c"], second["d"]), (1, 3, 4));
        assert_eq!(assign(&second, &BTreeMap::new(), &names(&["b"]))["b"], 2);
    }

    #[test]
    fn ids_of_removed_nodes_come_back_only_when_all_are_used() {
        let mut recorded: BTreeMap<String, u32> = (1..=255).map(|i| (format!("n{i}"), i)).collect();
        recorded.remove("n7");
        assert_eq!(assign(&recorded, &BTreeMap::new(), &names(&["new"]))["new"], 7);
    }

    proptest::proptest! {
        #[test]
        fn ids_are_distinct_and_stable(edits in proptest::collection::vec(proptest::collection::vec(0_u8..20, 0..7), 1..12)) {
            let mut ids = BTreeMap::new();
            for edit in edits {
                let nodes: Vec<String> = edit.iter().map(|n| format!("n{n}")).collect();
                let next = assign(&ids, &BTreeMap::new(), &nodes);
                for (node, id) in &ids {
                    proptest::prop_assert_eq!(next.get(node), Some(id));
                }
                let distinct: std::collections::BTreeSet<_> = next.values().collect();
                proptest::prop_assert_eq!(distinct.len(), next.len());
                ids = next;
            }
        }
    }
}
