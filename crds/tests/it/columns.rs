//! What `kubectl get` shows, and the scale subresource.

use mesolith_testkit::{ApiServer, Kubectl};
use serde_json::json;

use crate::api::Resource;

fn columns(kubectl: &Kubectl, resource: &str, wide: bool) -> Vec<String> {
    let mut arguments = vec!["get", resource];
    if wide {
        arguments.extend(["-o", "wide"]);
    }
    let table = kubectl.run(&arguments).unwrap();
    let header = table.lines().next().unwrap_or_default();
    // Two spaces separate columns; names have single ones.
    header
        .split("  ")
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_shows_what_people_need() {
    let server = ApiServer::start().unwrap();
    let kubectl = server.kubectl().unwrap();
    let client = server.client().await.unwrap();
    let ready = |reason: &str, message: &str| {
        json!([{"type": "Ready", "status": "False", "reason": reason, "message": message,
                "lastTransitionTime": "2026-01-01T00:00:00Z"}])
    };

    let clusters = Resource::new(client.clone(), "MesosCluster", "mesosclusters");
    let nodes = json!({"nodes": [{"name": "n", "address": "h:7070"}], "zookeeper": {"nodes": "n"},
                       "masters": {"nodes": "n"}});
    clusters.create("prod", &nodes).await.unwrap();
    let status = json!({
        "conditions": ready("WaitingForQuorum", "2 of 3 ZooKeeper servers up"),
        "leader": "192.0.2.12:5050", "masters": {"ready": 3, "desired": 3, "summary": "3/3"},
        "agents": {"ready": 9, "desired": 9, "summary": "9/9"}, "tasks": 2113, "version": "0.1.0",
        "resources": {"cpus": {"used": 412.0, "total": 15840.0, "summary": "412/15840"},
                      "mem": {"used": 0.0, "total": 0.0, "summary": "0/0"},
                      "disk": {"used": 0.0, "total": 0.0, "summary": "0/0"}},
    });
    clusters.set_status("prod", &status).await.unwrap();
    assert_eq!(
        columns(&kubectl, "mc", false),
        [
            "NAME", "READY", "LEADER", "MASTERS", "AGENTS", "CPUS", "TASKS", "VERSION", "AGE"
        ]
    );
    assert_eq!(columns(&kubectl, "mc", true)[9..], ["REASON", "MESSAGE"]);
    let row = kubectl.run(&["get", "mc", "-o", "wide", "--no-headers"]).unwrap();
    for value in [
        "False",
        "192.0.2.12:5050",
        "3/3",
        "9/9",
        "412/15840",
        "2113",
        "0.1.0",
        "WaitingForQuorum",
    ] {
        assert!(row.contains(value), "{value} is not in {row}");
    }

    let apps = Resource::new(client.clone(), "MarathonApp", "marathonapps");
    apps.create("etl", &json!({"cmd": "sleep 1000"})).await.unwrap();
    let status = json!({"appId": "/production/etl", "instances": 0, "healthyInstances": 0, "updatedInstances": 1,
                        "instancesSummary": "0/1", "selector": "mesolith.io/app=etl",
                        "summary": "Waiting: no agent has 64 cpus", "conditions": ready("InsufficientResources", "x")});
    apps.set_status("etl", &status).await.unwrap();
    assert_eq!(
        columns(&kubectl, "mapp", false),
        [
            "NAME",
            "APP ID",
            "READY",
            "INSTANCES",
            "HEALTHY",
            "UPDATED",
            "STATUS",
            "AGE"
        ]
    );
    kubectl.run(&["scale", "mapp", "etl", "--replicas", "3"]).unwrap();
    assert_eq!(
        kubectl
            .run(&["get", "mapp", "etl", "-o", "jsonpath={.spec.instances}"])
            .unwrap(),
        "3"
    );

    let migrations = Resource::new(client, "ZkMigration", "zkmigrations");
    let spec = json!({"source": {"clusterRef": {"name": "prod"}}, "agentStrategy": "Repoint",
                      "target": {"zookeeper": {"nodes": "n"}, "masters": {"nodes": "n"}}});
    migrations.create("to-dc2", &spec).await.unwrap();
    assert_eq!(
        columns(&kubectl, "zkm", false),
        [
            "NAME",
            "PHASE",
            "STAGE",
            "STEP",
            "LAG P95",
            "DIFF",
            "TASKS A/B",
            "WAITING FOR",
            "AGE"
        ]
    );

    let all = kubectl.run(&["get", "mesolith", "-o", "name"]).unwrap();
    assert_eq!(all.lines().count(), 3, "{all}");
    assert!(
        kubectl
            .run(&["explain", "zkm.spec.rollback"])
            .unwrap()
            .contains("Legal in every phase")
    );
    // A value that is let pass for our own sentence has no type for kubectl.
    for (field, words) in [
        ("mapp.spec.cpus", "A number. Processors"),
        ("mapp.spec.instances", "A whole number. How many"),
        ("mapp.spec.tty", "True or false. Whether"),
    ] {
        let explained = kubectl.run(&["explain", field]).unwrap();
        assert!(explained.contains(words), "{explained}");
    }
}
