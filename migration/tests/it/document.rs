//! The file of PRD 19.3, word for word, and slips in it.

use mesolith_crds::v1alpha1::mesos_cluster::NodeTable;
use mesolith_migration::{Document, DocumentFile, Overrides, Planned};
use rstest::rstest;
use serde_json::{Value, json};
use std::path::PathBuf;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(golden(name)).unwrap()
}

fn prd() -> Document {
    let file: DocumentFile = serde_saphyr::from_str(&read("prd-19.3.yaml")).unwrap();
    file.migration
}

/// Compares with a file; `UPDATE_GOLDEN=1` writes it.
fn compare(name: &str, found: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(golden(name), found).unwrap();
    }
    assert_eq!(found, read(name), "{name}; UPDATE_GOLDEN=1 writes it anew");
}

fn lines(planned: &Planned) -> String {
    let mut text = String::new();
    for fate in &planned.fates {
        let mark = if fate.acts { ' ' } else { '-' };
        text += &format!("{mark} {} = {}\n    {}\n", fate.field, fate.value, fate.becomes);
    }
    text
}

#[test]
fn the_file_of_the_requirements_is_taken_word_for_word() {
    let planned = prd().plan().unwrap();
    compare(
        "prd-19.3.object.yaml",
        &serde_saphyr::to_string(&planned.object).unwrap(),
    );
    compare("prd-19.3.fates.txt", &lines(&planned));
    let secrets: Vec<(&str, &str)> = planned
        .secrets
        .iter()
        .map(|(key, value)| (key.as_str(), value.expose()))
        .collect();
    assert_eq!(
        secrets,
        [
            ("pagerduty", "XXX"),
            ("slack", "https://hooks.slack.com/services/XXX")
        ]
    );
    let shown = lines(&planned) + &format!("{:?}", planned.object);
    assert!(!shown.contains("hooks.slack.com"), "a secret is shown: {shown}");
}

#[test]
fn the_nodes_that_come_out_are_those_that_went_in() {
    let spec = prd().plan().unwrap().object.spec;
    let table = NodeTable::new(&spec.target.nodes).unwrap();
    let hosts = |expression: &str| -> Vec<String> {
        let nodes = table.select("f", expression).unwrap();
        nodes.into_iter().map(|node| node.host().to_owned()).collect()
    };
    assert_eq!(
        hosts(&spec.target.masters.nodes),
        ["10.1.2.10", "10.1.2.11", "10.1.2.12"]
    );
    assert_eq!(
        hosts(&spec.target.agents.unwrap().nodes),
        ["10.1.3.10", "10.1.3.11"]
    );
    assert_eq!(
        hosts(&spec.target.zookeeper.nodes.unwrap()),
        ["10.1.1.10", "10.1.1.11", "10.1.1.12"]
    );
}

#[test]
fn the_body_of_a_request_is_the_same_in_short() {
    let document: Document = serde_json::from_value(json!({
        "name": "prod-migration-2024-01",
        "source": {
            "zookeeper": "zk-a1:2181,zk-a2:2181,zk-a3:2181",
            "mesos_masters": ["master-a1:5050", "master-a2:5050"]
        },
        "target": {
            "zookeeper": "zk-b1:2181,zk-b2:2181,zk-b3:2181",
            "mesos_masters": ["master-b1:5050", "master-b2:5050"]
        },
        "config": {
            "require_manual_approval": true, "sync_lag_threshold_ms": 100, "health_check_interval_sec": 10
        }
    }))
    .unwrap();
    let spec = serde_json::to_value(document.plan().unwrap().object.spec).unwrap();
    assert_eq!(spec["agentStrategy"], "Repoint", "B has no agents of its own");
    assert_eq!(spec["sync"]["lagThreshold"], "100ms");
    assert_eq!(spec["orchestration"]["approval"], "Manual");
    assert_eq!(spec["orchestration"]["healthCheckInterval"], "10s");
    assert_eq!(
        spec["target"]["nodes"][0],
        json!({"name": "zk[1-3]", "address": "zk-b[1-3]:7070"})
    );
}

#[test]
fn what_is_given_beside_the_file_comes_first() {
    let planned = prd()
        .with(Overrides {
            name: Some("mine".into()),
            source_cluster: Some("prod".into()),
            target_zookeeper: Some("b1:2182,b2:2182".into()),
            target_exists: true,
            agent_strategy: Some("repoint".into()),
            node_agent_port: Some(7171),
            ..Overrides::default()
        })
        .plan()
        .unwrap();
    assert_eq!(planned.object.metadata.name.as_deref(), Some("mine"));
    let spec = serde_json::to_value(&planned.object.spec).unwrap();
    assert_eq!(spec["source"], json!({"clusterRef": {"name": "prod"}}));
    assert_eq!(
        spec["target"]["zookeeper"],
        json!({"external": "zk://b1:2182,b2:2182/mesos"})
    );
    assert_eq!(
        spec["target"]["nodes"],
        json!([{"name": "master[1-3]", "address": "10.1.2.[10-12]:7171"}])
    );
    assert_eq!(spec["target"].get("agents"), None);
    let idle: Vec<&str> = planned
        .fates
        .iter()
        .filter(|fate| !fate.acts)
        .map(|fate| fate.field.as_str())
        .collect();
    assert_eq!(
        idle,
        [
            "source.zookeeper",
            "source.mesos_masters",
            "source.mesos_agents",
            "target.mesos_agents",
            "sync.max_retries",
            "sync.retry_backoff_ms"
        ]
    );
}

#[rstest]
#[case::no_name(json!({"name": null}), "name is missing: name the migration")]
#[case::a_name_of_signs(json!({"name": "__"}), "name: \"__\" has no letter or digit")]
#[case::no_masters(json!({"target": {"zookeeper": "b:2181"}}), "target.mesos_masters is missing")]
#[case::no_source(json!({"source": {}}), "source.zookeeper is missing")]
#[case::no_agents(json!({"agent_strategy": "drain"}), "target.mesos_agents is missing")]
#[case::strategy(json!({"agent_strategy": "drian"}), "agent_strategy: \"drian\" is no strategy: drain or repoint")]
#[case::conflict(json!({"sync": {"conflict_resolution": "target-wins"}}), "sync.conflict_resolution: \"target-wins\" is not known")]
#[case::alert(json!({"alerts": {"alert_on": ["sync_lag_hgih"]}}), "alerts.alert_on: \"sync_lag_hgih\" is not known")]
#[case::ports(
    json!({"target": {"zookeeper": "b1:2181,b2:2182", "mesos_masters": ["b1:5050"]}}),
    "target.zookeeper: \"b2:2182\" has another port than 2181"
)]
fn slips_are_named(#[case] slip: Value, #[case] expected: &str) {
    let mut body = json!({
        "name": "m", "source": {"zookeeper": "a:2181", "mesos_masters": ["a:5050"]},
        "target": {"zookeeper": "b:2181", "mesos_masters": ["b:5050"]}
    });
    for (key, value) in slip.as_object().unwrap() {
        body[key] = value.clone();
    }
    let document: Document = serde_json::from_value(body).unwrap();
    let error = document.plan().unwrap_err().to_string();
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn an_unknown_field_is_refused_by_name() {
    let text = read("prd-19.3.yaml").replace("lag_threshold_ms", "lag_treshold_ms");
    let error = serde_saphyr::from_str::<DocumentFile>(&text)
        .unwrap_err()
        .to_string();
    assert!(error.contains("lag_treshold_ms"), "{error}");
}
