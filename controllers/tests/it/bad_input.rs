//! What a person sees when something is wrong: a typed reason, an event, and what to do.

use super::node::{FakeNode, Log};
use super::operator::{LIMIT, Operator, Turn};
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicyBinding;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::ApiResource;
use mesolith_crds::v1alpha1::MesosCluster;
use mesolith_pki::Authority;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PORT: u16 = 25_071;

fn one(address: &str, mtls: &str) -> Value {
    json!({
        "nodes": [{"name": "n1", "address": address}],
        "zookeeper": {"nodes": "n1"},
        "masters": {"nodes": "n1"},
        "security": {"mtls": mtls}
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spec_that_makes_no_sense_is_named_and_stops_no_other_cluster() {
    let turn = Turn::take().await;
    let operator = Operator::start(&turn, "a");
    let mut spec = one("127.0.25.11:7070", "Disabled");
    spec["masters"]["nodes"] = json!("n[1-2]");
    turn.apply("wrong", spec).await;
    let message = turn
        .wait_condition("wrong", "Ready", "False", "InvalidSpec")
        .await;
    assert!(
        message.starts_with("spec.masters.nodes: \"n2\" is not in spec.nodes"),
        "{message}"
    );

    let log = Log::default();
    let node =
        FakeNode::new("n1", ([127, 0, 25, 12], PORT).into(), &log).with_fact("master", "leading", "true");
    node.serve(None).await;
    turn.apply("right", one(&format!("127.0.25.12:{PORT}"), "Disabled"))
        .await;
    turn.wait_condition("right", "Ready", "True", "AllServing").await;
    turn.wait_event("wrong", "InvalidSpec").await;
    for name in ["wrong", "right"] {
        turn.delete(name).await;
        turn.wait_gone(name).await;
    }
    operator.stop().await;
    node.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_repeats_says_what_is_true_now() {
    let turn = Turn::take().await;
    let operator = Operator::start(&turn, "a");
    let spec = |masters: &str| {
        let mut spec = one("127.0.25.16:7070", "Disabled");
        spec["masters"]["nodes"] = json!(masters);
        spec
    };
    // Of the three conditions that such a spec changes, Ready has a message.
    let names = |event: &Event, node: &str| {
        let note = event.note.as_deref().unwrap_or_default();
        event.action.as_deref() == Some("Ready")
            && note.starts_with(&format!("spec.masters.nodes: \"{node}\""))
    };
    turn.apply("unsure", spec("n2")).await;
    turn.wait_event_like("unsure", "InvalidSpec", |event| names(event, "n2"))
        .await;
    // Valid meanwhile, so that the second time is a transition, too.
    turn.apply("unsure", spec("n1")).await;
    turn.wait_condition("unsure", "Ready", "False", "WaitingForQuorum")
        .await;
    turn.apply("unsure", spec("n3")).await;
    let event = turn
        .wait_event_like("unsure", "InvalidSpec", |event| names(event, "n3"))
        .await;
    assert_eq!(event.series.map(|series| series.count), Some(2));
    // An event that was deleted is no reason to keep silent.
    let events: Api<Event> = Api::namespaced(turn.client.clone(), "default");
    events
        .delete(&event.metadata.name.unwrap(), &DeleteParams::default())
        .await
        .unwrap();
    turn.apply("unsure", spec("n1")).await;
    turn.wait_condition("unsure", "Ready", "False", "WaitingForQuorum")
        .await;
    turn.apply("unsure", spec("n4")).await;
    let event = turn
        .wait_event_like("unsure", "InvalidSpec", |event| names(event, "n4"))
        .await;
    assert_eq!(event.series, None);
    turn.delete("unsure").await;
    turn.wait_gone("unsure").await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_does_not_answer_has_a_remedy_and_blocks_deletion_only_once_touched() {
    let turn = Turn::take().await;
    let operator = Operator::start(&turn, "a");
    let address = format!("127.0.25.13:{PORT}");
    turn.apply("away", one(&address, "Disabled")).await;
    let message = turn
        .wait_condition("away", "NodesReachable", "False", "NodeUnreachable")
        .await;
    let expected = format!(
        "n1 ({address}): connection refused. Is the node agent running? systemctl status mesolith-agent"
    );
    assert_eq!(message, expected);
    turn.wait_event("away", "NodeUnreachable").await;
    // Nothing was ever sent there: nothing to clean.
    turn.delete("away").await;
    turn.wait_gone("away").await;

    let log = Log::default();
    let node = FakeNode::new("n1", address.parse().unwrap(), &log).with_fact("master", "leading", "true");
    node.serve(None).await;
    turn.apply("lost", one(&address, "Disabled")).await;
    turn.wait_condition("lost", "Ready", "True", "AllServing").await;
    node.stop();
    turn.wait_condition("lost", "NodesReachable", "False", "NodeUnreachable")
        .await;
    turn.delete("lost").await;
    let message = turn
        .wait_condition("lost", "Stalled", "True", "NodeUnreachable")
        .await;
    assert!(message.contains("mesolith.io/skip-node-cleanup=n1"), "{message}");
    let annotation = json!({"metadata": {"annotations": {"mesolith.io/skip-node-cleanup": "n1"}}});
    turn.clusters()
        .patch("lost", &PatchParams::default(), &Patch::Merge(annotation))
        .await
        .unwrap();
    turn.wait_gone("lost").await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_cluster_is_not_trusted() {
    let turn = Turn::take().await;
    let operator = Operator::start(&turn, "a");
    let log = Log::default();
    let node = FakeNode::new("n1", ([127, 0, 25, 14], PORT).into(), &log);
    node.serve(Some(&Authority::create("other").unwrap())).await;
    turn.apply("strict", one(&format!("127.0.25.14:{PORT}"), "Enabled"))
        .await;
    let message = turn
        .wait_condition("strict", "NodesReachable", "False", "NodeUntrusted")
        .await;
    assert!(message.contains("mesolith pki issue"), "{message}");
    assert!(log.lock().unwrap().is_empty(), "nothing is sent to it");
    turn.delete("strict").await;
    turn.wait_gone("strict").await;
    operator.stop().await;
    node.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_cannot_start_is_reported_in_its_own_words() {
    let turn = Turn::take().await;
    let operator = Operator::start(&turn, "a");
    let log = Log::default();
    let sentence = "no java on this node; apt install default-jre-headless";
    let node = FakeNode::new("n1", ([127, 0, 25, 15], PORT).into(), &log).with_fault(
        "zookeeper",
        "JavaNotFound",
        sentence,
    );
    node.serve(None).await;
    turn.apply("bare", one(&format!("127.0.25.15:{PORT}"), "Disabled"))
        .await;
    let message = turn
        .wait_condition("bare", "Ready", "False", "JavaNotFound")
        .await;
    assert!(message.contains(sentence), "{message}");
    turn.wait_condition("bare", "Stalled", "True", "JavaNotFound")
        .await;
    turn.wait_event("bare", "JavaNotFound").await;
    turn.delete("bare").await;
    turn.wait_gone("bare").await;
    operator.stop().await;
    node.stop();
}

/// Asks again until there is an answer.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        match ask().await {
            Ok(found) => return found,
            Err(seen) => assert!(Instant::now() < end, "waited for {what}: {seen}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_policy_a_value_of_the_wrong_type_is_named_and_the_object_can_be_deleted() {
    let turn = Turn::take().await;
    let operator = Operator::start(&turn, "a");
    let address = format!("127.0.25.17:{PORT}");
    let log = Log::default();
    let node = FakeNode::new("n1", address.parse().unwrap(), &log).with_fact("master", "leading", "true");
    node.serve(None).await;
    let mut spec = one(&address, "Disabled");
    turn.apply("typed", spec.clone()).await;
    turn.wait_condition("typed", "Ready", "True", "AllServing").await;

    let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(turn.client.clone());
    bindings
        .delete("mesosclusters.mesolith.io", &DeleteParams::default())
        .await
        .unwrap();
    // The type of the resource cannot read what comes now.
    let kind = ApiResource::erase::<MesosCluster>(&());
    let clusters: Api<DynamicObject> = Api::namespaced_with(turn.client.clone(), "default", &kind);
    spec["masters"]["limits"] = json!({"cpus": "1"});
    let object = json!({
        "apiVersion": "mesolith.io/v1alpha1", "kind": "MesosCluster", "metadata": {"name": "typed"}, "spec": spec
    });
    let parameters = PatchParams::apply("test").force();
    until("the policy to end", async || {
        let answer = clusters.patch("typed", &parameters, &Patch::Apply(&object)).await;
        answer.map_err(|error| error.to_string())
    })
    .await;
    let message = until("InvalidSpec", async || {
        let object = clusters.get("typed").await.map_err(|error| error.to_string())?;
        let conditions = object.data["status"]["conditions"].as_array().cloned();
        let mut ready = conditions.iter().flatten().filter(|c| c["type"] == "Ready");
        let found = ready.find(|c| c["reason"] == "InvalidSpec");
        found
            .map(|c| c["message"].clone())
            .ok_or_else(|| format!("{conditions:?}"))
    })
    .await;
    assert_eq!(
        message,
        "spec.masters.limits.cpus: \"1\" is a text; write it without quotes: cpus: 1. What already runs is left as it is."
    );
    clusters.delete("typed", &DeleteParams::default()).await.unwrap();
    until("its end", async || match clusters.get_opt("typed").await {
        Ok(None) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    let api = turn.api.clone();
    tokio::task::spawn_blocking(move || api.apply_crds())
        .await
        .unwrap()
        .unwrap();
    operator.stop().await;
    node.stop();
}
