//! Which agents of cluster A may be emptied next, within the room that cluster B has. Pure.

use crate::fleet::Amounts;
use std::collections::BTreeSet;

/// Of everything that cluster B has, this part stays free: a failed agent's tasks need a place too.
const SPARE: f64 = 0.2;
/// The part of cluster A's agents that is emptied at the same time.
const AT_ONCE: usize = 10;
/// Most agents that are emptied at the same time.
const MOST: usize = 100;

/// What is known of the agents.
#[derive(Debug, Default)]
pub(super) struct Room<'a> {
    /// Agents of cluster A in the order in which they are emptied, with what is used of each; absent while it is not known.
    pub(super) source: Vec<(&'a str, Option<Amounts>)>,
    /// Nodes whose agents have been told to go and have not gone.
    pub(super) leaving: BTreeSet<&'a str>,
    /// Nodes whose agents were told to go.
    pub(super) retired: BTreeSet<&'a str>,
    /// What cluster B has, and what of it is used.
    pub(super) target: (Amounts, Amounts),
    /// Whether agents that are not known had the time to come back.
    pub(super) settled: bool,
}

/// The next ones. What is on its way to cluster B counts as if it were there.
pub(super) fn next(room: &Room<'_>) -> Vec<String> {
    let (total, used) = room.target;
    let mut free = each(total, used, |total, used| total * (1.0 - SPARE) - used);
    for (node, used) in &room.source {
        if room.leaving.contains(node) {
            free = each(free, used.unwrap_or_default(), |free, used| free - used);
        }
    }
    let most = room.source.len().div_ceil(AT_ONCE).clamp(1, MOST);
    let mut count = most.saturating_sub(room.leaving.len());
    let mut batch = Vec::new();
    for (node, used) in &room.source {
        if count == 0 {
            break;
        }
        if room.retired.contains(node) {
            continue;
        }
        let used = match used {
            Some(used) => *used,
            // It is dead, or has never come up: nothing of it can be moved, and what keeps it is said once it is to go.
            None if room.settled => Amounts::default(),
            None => continue,
        };
        if fits(used, free) {
            free = each(free, used, |free, used| free - used);
            batch.push((*node).to_owned());
            count -= 1;
        }
    }
    batch
}

/// What is not used needs no room, even where there is less than none.
fn fits(used: Amounts, free: Amounts) -> bool {
    let fits = |used: f64, free: f64| used <= 0.0 || used <= free;
    fits(used.cpus, free.cpus)
        && fits(used.mem, free.mem)
        && fits(used.disk, free.disk)
        && fits(used.gpus, free.gpus)
}

fn each(a: Amounts, b: Amounts, f: impl Fn(f64, f64) -> f64) -> Amounts {
    Amounts {
        cpus: f(a.cpus, b.cpus),
        mem: f(a.mem, b.mem),
        disk: f(a.disk, b.disk),
        gpus: f(a.gpus, b.gpus),
    }
}

/// The sum of amounts.
pub(super) fn sum(amounts: impl Iterator<Item = Amounts>) -> Amounts {
    amounts.fold(Amounts::default(), |a, b| each(a, b, |a, b| a + b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn amounts(cpus: f64, mem: f64) -> Amounts {
        Amounts {
            cpus,
            mem,
            ..Amounts::default()
        }
    }

    /// Twenty agents of A with so many processors used each; B has 10 processors and as much memory as anybody wants.
    fn room<'a>(names: &'a [String], used: f64) -> Room<'a> {
        Room {
            source: names
                .iter()
                .map(|name| (name.as_str(), Some(amounts(used, 1.0))))
                .collect(),
            target: (amounts(10.0, 1e6), Amounts::default()),
            ..Room::default()
        }
    }

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("a{n:05}")).collect()
    }

    #[rstest]
    #[case::a_tenth_at_once(1.0, 0, 0.0, &["a00000", "a00001"])]
    #[case::one_is_on_its_way(1.0, 1, 0.0, &["a00001"])]
    #[case::as_many_as_may(1.0, 2, 0.0, &[])]
    #[case::room_for_one(5.0, 0, 0.0, &["a00000"])]
    #[case::what_is_on_its_way_takes_room(5.0, 1, 0.0, &[])]
    #[case::the_spare_fifth_stays(8.0, 0, 0.0, &["a00000"])]
    #[case::not_a_bit_more(8.1, 0, 0.0, &[])]
    #[case::b_is_used_already(5.0, 0, 4.0, &[])]
    #[case::nothing_used_needs_nothing(0.0, 0, 99.0, &["a00000", "a00001"])]
    fn within_the_room(
        #[case] each: f64,
        #[case] leaving: usize,
        #[case] used_on_b: f64,
        #[case] expect: &[&str],
    ) {
        let names = names(20);
        let mut room = room(&names, each);
        room.target.1.cpus = used_on_b;
        room.leaving = names[..leaving].iter().map(String::as_str).collect();
        room.retired = room.leaving.clone();
        assert_eq!(next(&room), expect);
    }

    #[test]
    fn one_that_does_not_fit_does_not_hold_up_the_others() {
        let names = names(3);
        let mut room = room(&names, 1.0);
        room.source[0].1 = Some(amounts(100.0, 1.0));
        assert_eq!(next(&room), ["a00001"]);
        room.source[1].1 = Some(amounts(1.0, 1e9));
        assert_eq!(next(&room), ["a00002"], "each resource counts");
    }

    #[test]
    fn an_agent_that_the_leader_does_not_know_waits_until_it_had_the_time_to_come_back() {
        let names = names(2);
        let mut room = room(&names, 1.0);
        room.source[0].1 = None;
        assert_eq!(next(&room), ["a00001"]);
        room.settled = true;
        assert_eq!(next(&room), ["a00000"]);
    }

    /// All of cluster A in turn, each as soon as it may: never more than B takes with its spare part.
    #[test]
    fn all_agents_go_and_b_is_never_too_full() {
        let names = names(40);
        let mut room = room(&names, 0.19);
        while room.retired.len() < names.len() {
            let batch = next(&room);
            assert!(
                !batch.is_empty(),
                "{} of {} went",
                room.retired.len(),
                names.len()
            );
            for node in &names {
                if batch.contains(node) {
                    room.retired.insert(node);
                    room.target.1.cpus += 0.19;
                }
            }
            assert!(room.target.1.cpus <= 8.0);
        }
    }

    /// A figure for people, `cargo test -- --nocapture`: the decision over 10,000 agents.
    #[test]
    fn ten_thousand_agents() {
        let names = names(10_000);
        let mut room = room(&names, 1.0);
        room.target = (amounts(20_000.0, 1e6), Amounts::default());
        let start = std::time::Instant::now();
        let batch = next(&room);
        eprintln!("next batch of 10,000 agents: {:?}", start.elapsed());
        assert_eq!(batch.len(), MOST);
    }
}
