//! Where an app can go, and the reason that its status shows when it can go nowhere.

use mesolith_marathon::shortage::Kind;
use mesolith_proto::mesos::v1::{Address, Offer, Url, resource::AllocationInfo, scheduler::call::Type};
use serde_json::json;

use super::master::{FRAMEWORK, Master, Subject, offer, offers};

fn offer_to(role: &str, id: &str) -> Offer {
    let mut offer = offer(id, "S1", 4.0);
    let allocation = Some(AllocationInfo {
        role: Some(role.to_owned()),
    });
    offer.allocation_info.clone_from(&allocation);
    for resource in &mut offer.resources {
        resource.allocation_info.clone_from(&allocation);
    }
    offer
}

/// The app's role is subscribed to, and only offers to that role are taken for it.
#[tokio::test]
async fn an_app_with_a_role_gets_offers_of_that_role() {
    let master = Master::start().await;
    let subject = Subject::start(&[&master]);
    subject.define(json!({"role": "slave_public"}));
    let roles = |master: &Master| {
        let updates = master.calls(Type::UpdateFramework).into_iter();
        let updates = updates
            .filter_map(|(call, _)| call.update_framework)
            .map(|u| u.framework_info);
        let subscribes = master.calls(Type::Subscribe).into_iter();
        let subscribes = subscribes
            .filter_map(|(call, _)| call.subscribe)
            .map(|s| s.framework_info);
        subscribes
            .chain(updates)
            .last()
            .map(|info| info.roles)
            .unwrap_or_default()
    };
    super::master::eventually(
        || roles(&master) == ["*", "slave_public"],
        || format!("{:?}", roles(&master)),
    )
    .await;
    master.wait_calls(Type::Revive, 1).await;
    let view = subject.wait_view(|view| view.shortage.is_some()).await;
    assert_eq!(
        view.shortage.unwrap().sentence,
        "the master has not offered any agent's resources to role slave_public yet"
    );
    master.send(offers(vec![offer_to("*", "o1")]));
    master.wait_calls(Type::Decline, 1).await;
    assert!(master.launched().is_empty());
    master.send(offers(vec![offer_to("slave_public", "o2")]));
    master.wait_launched(1).await;

    // The next subscription has it from the beginning.
    master.cut();
    master.wait_calls(Type::Subscribe, 2).await;
    let (last, _) = master.calls(Type::Subscribe).remove(1);
    assert_eq!(
        last.subscribe.unwrap().framework_info.roles,
        ["*", "slave_public"]
    );
}

/// An instance would move twice from an agent that leaves later; where there is no other place it starts there.
#[tokio::test]
async fn an_agent_that_leaves_later_comes_last() {
    let master = Master::start().await;
    let subject = Subject::start(&[&master]);
    let later = ["host:5051".to_owned()].into();
    subject.scheduler.leaving_later(later);
    subject.define(json!({"instances": 1, "cpus": 3}));
    master.wait_calls(Type::Revive, 1).await;
    let on = |port: i32, id: &str, agent: &str| Offer {
        url: Some(Url {
            scheme: "http".to_owned(),
            address: Address {
                hostname: Some("host".to_owned()),
                port,
                ..Address::default()
            },
            ..Url::default()
        }),
        ..offer(id, agent, 4.0)
    };
    let placed = || -> Vec<String> {
        let accepts = master.calls(Type::Accept).into_iter();
        let operations = accepts
            .filter_map(|(call, _)| call.accept)
            .flat_map(|accept| accept.operations);
        let launches = operations.filter_map(|operation| operation.launch);
        let tasks = launches.flat_map(|launch| launch.task_infos);
        tasks.map(|task| task.agent_id.value).collect()
    };
    // By its id, the one that leaves later comes first.
    master.send(offers(vec![on(5051, "o1", "S1"), on(5061, "o2", "S2")]));
    master.wait_launched(1).await;
    assert_eq!(placed(), ["S2"]);
    subject.define(json!({"instances": 2, "cpus": 3}));
    master.wait_calls(Type::Revive, 2).await;
    master.send(offers(vec![on(5051, "o3", "S1")]));
    master.wait_launched(2).await;
    assert_eq!(placed(), ["S2", "S1"], "there is no other place");
}

/// No offer is needed to know that an agent has no such port.
#[tokio::test]
async fn a_port_that_no_agent_has_is_no_shortage() {
    let master = Master::start().await;
    master.set_state(json!({
        "slaves": [{"id": "S1", "hostname": "host-S1", "resources": {"cpus": 4.0, "ports": "[31000-31099, 32000-32000]"}}],
        "frameworks": [{"id": FRAMEWORK, "tasks": []}]
    }));
    let subject = Subject::start(&[&master]);
    subject.define(json!({"portDefinitions": [{"port": 80}], "requirePorts": true}));
    let view = subject.wait_view(|view| view.shortage.is_some()).await;
    let shortage = view.shortage.unwrap();
    assert_eq!(shortage.kind, Kind::NoSuchPort);
    assert!(
        shortage
            .sentence
            .starts_with("no agent has port 80: theirs are 31000-31099, 32000-32000"),
        "{}",
        shortage.sentence
    );
}

/// An update in place that cannot happen names what is in the way.
#[tokio::test]
async fn a_port_of_the_apps_own_instance_is_named() {
    let master = Master::start().await;
    let subject = Subject::start(&[&master]);
    let port = json!([{"port": 31000}]);
    subject.define(json!({"portDefinitions": port, "requirePorts": true}));
    master.wait_calls(Type::Revive, 1).await;
    master.offer("o1", "S1", 4.0);
    let task = master.wait_launched(1).await.remove(0);
    master.update(&task, mesolith_proto::mesos::v1::TaskState::TaskRunning);
    subject.define(json!({"portDefinitions": port, "requirePorts": true, "labels": {"new": "one"}}));
    let view = subject
        .wait_view(|view| {
            view.shortage
                .as_ref()
                .is_some_and(|s| s.sentence.contains("31000"))
        })
        .await;
    let sentence = view.shortage.unwrap().sentence;
    assert!(
        sentence.starts_with("port 31000 is in use by this app's own instance on host-S1"),
        "{sentence}"
    );
}
