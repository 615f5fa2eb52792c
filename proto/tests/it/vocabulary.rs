//! Resources, attributes and ids there and back.

use mesolith_mesos::{AgentId, Attributes, Resources};
use mesolith_proto::json::{self, to_value};
use mesolith_proto::mesos::v1;
use mesolith_proto::vocabulary::{
    attributes_from_v1, attributes_to_v1, resources_from_v1, resources_to_v1, resources_to_v1_with_roles,
};

fn resources(text: &str) -> Resources {
    text.parse().unwrap()
}

#[test]
fn resources_come_back() {
    let all = resources("cpus:7.7;mem(ops):32;ports:[31000-32000];ids:{a,b}").allocate("ops");
    assert_eq!(resources_from_v1(&resources_to_v1(&all)).unwrap(), all);
    assert_eq!(resources_from_v1(&resources_to_v1_with_roles(&all)).unwrap(), all);
}

#[test]
fn offers_and_pages_of_operators_read_as_in_mesos() {
    let all = resources("cpus:7.9");
    let offer = to_value(&resources_to_v1(&all.allocate("*")));
    assert_eq!(
        offer.to_string(),
        r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":7.9},"allocation_info":{"role":"*"}}]"#
    );
    let page = to_value(&resources_to_v1_with_roles(&all));
    assert_eq!(
        page.to_string(),
        r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":7.9},"role":"*"}]"#
    );
}

#[test]
fn the_older_form_of_a_reservation_is_understood() {
    let older = br#"{"name":"cpus","type":"SCALAR","scalar":{"value":1},"role":"ops","reservation":{"principal":"me"}}"#;
    let wire: v1::Resource = json::from_slice(older).unwrap();
    let read = resources_from_v1(&[wire]).unwrap();
    assert_eq!(read.to_string(), "cpus(reservations: [(DYNAMIC,ops,me)]):1");
}

#[test]
fn what_arithmetic_does_not_know_is_refused_by_name() {
    let volume = br#"{"name":"disk","type":"SCALAR","scalar":{"value":1},"disk":{"persistence":{"id":"v"}}}"#;
    let wire: v1::Resource = json::from_slice(volume).unwrap();
    let error = resources_from_v1(&[wire]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Resource 'disk' uses 'disk', which this version does not support"
    );
}

#[test]
fn attributes_and_ids_come_back() {
    let attributes: Attributes = "rack:a;cpu:2.5;ports:[1-2];set:{x,y}".parse().unwrap();
    assert_eq!(attributes_from_v1(&attributes_to_v1(&attributes)), attributes);
    let id = AgentId::from("m-S1");
    assert_eq!(AgentId::from(v1::AgentId::from(&id)), id);
}
