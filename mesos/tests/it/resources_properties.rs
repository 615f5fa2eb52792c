//! What holds for all resources.

use mesolith_mesos::{Range, Ranges, Reservation, Resource, Resources, Scalar, Value};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

fn ranges() -> impl Strategy<Value = Ranges> {
    vec((0u64..200, 0u64..20), 0..6).prop_map(|all| {
        all.into_iter()
            .map(|(begin, n)| Range {
                begin,
                end: begin + n,
            })
            .collect::<Vec<_>>()
            .into()
    })
}

fn resource() -> impl Strategy<Value = Resource> {
    let value = prop_oneof![
        ("(cpus|mem|disk)", 0i64..5_000_000).prop_map(|(n, v)| (n, Value::Scalar(Scalar::from_millis(v)))),
        ranges().prop_map(|r| ("ports".to_owned(), Value::Ranges(r))),
        btree_set("[a-c]", 0..3).prop_map(|s| ("labels".to_owned(), Value::Set(s))),
    ];
    (value, prop::option::of("(ops|eng|eng/web)")).prop_map(|((name, value), role)| {
        let one = Resource::new(&name, value);
        match role {
            Some(role) => one.reserved(Reservation::fixed(&role)),
            None => one,
        }
    })
}

fn resources() -> impl Strategy<Value = Resources> {
    vec(resource(), 0..8).prop_map(|all| all.into_iter().collect())
}

proptest! {
    #[test]
    fn taking_away_and_giving_back_changes_nothing(have in resources(), other in resources()) {
        // Any part of `have`: what both share of `other`.
        let part = have.saturating_sub(&have.saturating_sub(&other));
        prop_assert!(have.contains(&part));
        let left = have.checked_sub(&part).unwrap();
        prop_assert_eq!(left + &part, have);
    }

    #[test]
    fn a_sum_contains_both_and_scalars_come_back(a in resources(), b in resources()) {
        let sum = a.clone() + &b;
        prop_assert!(sum.contains(&a) && sum.contains(&b));
        prop_assert_eq!(sum.clone(), b.clone() + &a);
        let scalars = |all: &Resources| all.filter(|r| matches!(r.value, Value::Scalar(_)));
        prop_assert_eq!(scalars(&sum.checked_sub(&b).unwrap()), scalars(&a.saturating_sub(&Resources::default())));
    }

    #[test]
    fn contains_is_monotone(a in resources(), b in resources(), more in resources()) {
        if a.contains(&b) {
            prop_assert!((a.clone() + &more).contains(&b));
            prop_assert!(a.contains(&b.saturating_sub(&more)));
        }
        prop_assert_eq!(a.contains(&b), a.checked_sub(&b).is_ok());
    }

    #[test]
    fn unreserved_text_round_trips(all in resources()) {
        let flat = all.flatten();
        if !flat.is_empty() {
            prop_assert_eq!(flat.to_string().parse::<Resources>().unwrap(), flat);
        }
    }

    #[test]
    fn stored_form_round_trips(all in resources()) {
        let json = serde_json::to_string(&all.allocate("r")).unwrap();
        prop_assert_eq!(serde_json::from_str::<Resources>(&json).unwrap(), all.allocate("r"));
    }

    #[test]
    fn ranges_are_sets_of_integers(a in ranges(), b in ranges()) {
        let set = |r: &Ranges| r.iter().collect::<std::collections::BTreeSet<_>>();
        prop_assert_eq!(set(&a.union(&b)), &set(&a) | &set(&b));
        prop_assert_eq!(set(&a.difference(&b)), &set(&a) - &set(&b));
        prop_assert_eq!(a.contains(&b), set(&b).is_subset(&set(&a)));
        prop_assert_eq!(a.len(), set(&a).len() as u64);
        prop_assert_eq!(a.iter().collect::<Ranges>(), a);
    }

    #[test]
    fn what_is_found_is_there_and_enough(offer in resources(), wanted in resources()) {
        if let Some(found) = offer.find(&wanted, "eng/web") {
            prop_assert!(offer.allocatable_to("eng/web").contains(&found));
            prop_assert_eq!(found.flatten(), wanted.flatten());
        }
    }
}
