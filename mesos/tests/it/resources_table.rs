//! Exact texts and choices.

use mesolith_mesos::{Reservation, Resource, Resources, Scalar, Value};

fn resources(text: &str) -> Resources {
    text.parse().unwrap()
}

#[test]
fn the_agents_flag_parses_and_prints_as_mesos_does() {
    let all = resources("cpus:7.7;mem:16288;disk:20416;ports:[31000-32000]");
    assert_eq!(
        all.to_string(),
        "cpus:7.7; mem:16288; disk:20416; ports:[31000-32000]"
    );
    assert_eq!(all.cpus(), 7.7);
    assert_eq!(all.ports().len(), 1001);
    assert_eq!(Resources::default().to_string(), "{}");
}

#[test]
fn the_sentence_of_a_refused_reservation_is_mesos_own() {
    let have = resources("cpus:7.7; mem:16288; disk:20416; ports:[31000-32000]");
    let error = have.checked_sub(&resources("cpus:5000")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cpus:7.7; mem:16288; disk:20416; ports:[31000-32000] does not contain cpus:5000"
    );
}

#[test]
fn json_and_text_mean_the_same() {
    let json = r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":2}},
        {"name":"mem","type":"SCALAR","scalar":{"value":64.0},"role":"ops"},
        {"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":2},{"begin":3,"end":4}]}},
        {"name":"gpu_ids","type":"SET","set":{"item":["b","a"]}}]"#;
    assert_eq!(
        resources(json),
        resources("cpus:2;mem(ops):64;ports:[1-4];gpu_ids:{a,b}")
    );
    let dynamic = r#"[{"name":"cpus","scalar":{"value":1},"reservations":[{"type":"DYNAMIC","role":"ops","principal":"me"}]}]"#;
    assert_eq!(
        resources(dynamic).to_string(),
        "cpus(reservations: [(DYNAMIC,ops,me)]):1"
    );
}

#[test]
fn wrong_text_names_what_is_wrong() {
    for (text, message) in [
        (
            "cpus",
            "'cpus' is not a resource; write it as name:value, several separated by ';'",
        ),
        (
            "cpus:two",
            "resource 'cpus': 'two' is not an amount; give a number, [ranges] or {a,set}",
        ),
        (
            "cpus:-1",
            "resource 'cpus': '-1' is not an amount; give a number, [ranges] or {a,set}",
        ),
        ("ports:[2-1]", "resource 'ports': range 2-1 ends before it begins"),
        (
            "cpus(/x):1",
            "resource 'cpus': Role '/x' cannot start with a slash",
        ),
    ] {
        assert_eq!(text.parse::<Resources>().unwrap_err().to_string(), message);
    }
}

#[test]
fn the_summary_is_the_one_of_state() {
    let summary = resources("cpus:8;cpus(ops):0.5;ports:[31000-32000]").summary();
    let json = serde_json::to_string(&summary).unwrap();
    assert_eq!(
        json,
        r#"{"disk":0.0,"mem":0.0,"gpus":0.0,"cpus":8.5,"ports":"[31000-32000]"}"#
    );
}

#[test]
fn roles_see_what_is_theirs_and_what_is_everyones() {
    let all = resources("cpus:4;cpus(eng):2;cpus(eng/web):1;cpus(ops):8");
    assert_eq!(all.allocatable_to("eng/web").cpus(), 7.0);
    assert_eq!(all.allocatable_to("eng").cpus(), 6.0);
    assert_eq!(all.allocatable_to("other").cpus(), 4.0);
    assert_eq!(all.reserved()["ops"].cpus(), 8.0);
    assert_eq!(all.unreserved().cpus(), 4.0);
    assert_eq!(all.flatten(), resources("cpus:15"));
}

#[test]
fn find_takes_reserved_resources_first() {
    let offer = resources("cpus:4;cpus(eng):2;ports:[1-10]").allocate("eng");
    let found = offer.find(&resources("cpus:3;ports:[5-5]"), "eng").unwrap();
    assert!(offer.contains(&found));
    assert_eq!(found.flatten(), resources("cpus:3;ports:[5-5]"));
    assert_eq!(found.reserved()["eng"].cpus(), 2.0);
    assert!(offer.find(&resources("cpus:7"), "eng").is_none());
    assert!(
        offer.find(&resources("cpus:5"), "ops").is_none(),
        "what others reserved is not taken"
    );
}

#[test]
fn reserved_resources_are_not_the_unreserved_ones() {
    assert!(!resources("cpus(ops):4").contains(&resources("cpus:1")));
    let one = Resource::new("cpus", Value::Scalar(Scalar::from(1.0)));
    let stacked: Resources = [one
        .reserved(Reservation::fixed("a"))
        .reserved(Reservation::dynamic("a/b", None))]
    .into_iter()
    .collect();
    assert!(
        stacked.allocatable_to("a").is_empty(),
        "the last reservation says who may use it"
    );
    assert_eq!(stacked.allocatable_to("a/b").cpus(), 1.0);
}
