//! `kubectl apply` of a cluster and an app, and what kubectl shows of them.

use std::time::Instant;

use anyhow::{Context as _, ensure};

use crate::context::Context;
use crate::http;

pub(super) fn cluster_and_app(cx: &Context) -> anyhow::Result<()> {
    let begun = Instant::now();
    let cluster = cx.wait_ready("mesoscluster", "local")?;
    println!(
        "    cluster ready {:.1} s after the story began",
        begun.elapsed().as_secs_f64()
    );
    for part in ["zookeeper", "masters", "agents"] {
        let summary = &cluster["status"][part]["summary"];
        ensure!(summary == "3/3", "{part}: {summary}");
    }
    let instances = cx.wait_instances("hello", 1)?;
    println!(
        "    app healthy {:.1} s after the story began",
        begun.elapsed().as_secs_f64()
    );
    ensure!(
        cx.page(&instances[0], "/")?.contains("Hello"),
        "the page of hello"
    );

    let task = instances[0]["taskId"].as_str().unwrap_or_default();
    ensure!(
        cx.running_tasks()?.iter().any(|id| id == task),
        "/state does not show {task}"
    );
    let slaves = http::json(&format!("http://{}/slaves", cx.leader()?))?;
    let registered = slaves["slaves"].as_array().map_or(0, Vec::len);
    ensure!(registered == 3, "/slaves shows {registered} agents");
    for n in 1..=3 {
        let health = http::text(&format!("http://{}:5050/health", cx.ip(n)));
        ensure!(health.is_ok(), "master {n}: {health:?}");
    }
    Ok(())
}

pub(super) fn kubectl(cx: &Context) -> anyhow::Result<()> {
    let kubectl = cx.kubectl();
    cx.apply_example("migration.yaml")?;
    let table = kubectl.run(&["get", "mesosclusters,marathonapps,zkmigrations", "-A"])?;
    println!("      {}", table.trim_end().replace('\n', "\n      "));
    for column in [
        "READY",
        "LEADER",
        "MASTERS",
        "AGENTS",
        "INSTANCES",
        "HEALTHY",
        "PHASE",
    ] {
        ensure!(table.contains(column), "no column {column} in\n{table}");
    }
    for short in ["mc", "mapp", "zkm", "mesolith"] {
        kubectl.run(&["get", short, "-A"])?;
    }
    for (field, word) in [
        ("mesosclusters.spec.zookeeper", "ensemble"),
        ("marathonapps.spec.upgradeStrategy", "healthy"),
        ("zkmigrations.spec.orchestration", "approv"),
    ] {
        let text = kubectl.run(&["explain", field])?;
        ensure!(
            text.to_lowercase().contains(word),
            "explain {field} says nothing about {word}:\n{text}"
        );
    }
    for object in ["mc/local", "mapp/hello"] {
        kubectl.run(&["wait", object, "--for=condition=Ready", "--timeout=60s"])?;
    }
    // Nobody has the example's addresses, and its Ready condition says so.
    let name = kubectl.run(&["get", "zkm", "-o", "name"])?;
    kubectl.run(&[
        "wait",
        name.trim(),
        "--for=condition=Ready=False",
        "--timeout=60s",
    ])?;
    kubectl.run(&["delete", name.trim(), "--timeout=60s"])?;
    preflight(cx)
}

/// The preflight asks the real node agents: nodes with free ports are ready, and a node with a taken port is named.
fn preflight(cx: &Context) -> anyhow::Result<()> {
    let migration = |name: &str, master_port: u16| {
        format!(
            "apiVersion: mesolith.io/v1alpha1
kind: ZkMigration
metadata: {{name: {name}, namespace: default}}
spec:
  paused: true
  source: {{clusterRef: {{name: local}}}}
  sync: {{paths: [/mesos]}}
  target:
    zookeeper: {{nodes: node1, clientPort: 12181, quorumPort: 12888, electionPort: 13888}}
    masters: {{nodes: node1, port: {master_port}}}
    agents: {{nodes: node1, port: 15051}}
"
        )
    };
    for (name, port, truth, reason) in [
        ("fits", 15050, "True", "ChecksPassed"),
        ("taken", 5050, "False", "ChecksFailed"),
    ] {
        cx.kubectl().apply(&migration(name, port))?;
        cx.wait_condition("zkmigration", name, ("PreflightPassed", truth, reason))?;
    }
    let taken = cx.get("zkmigration", "taken")?;
    let checks = taken["status"]["preflight"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let nodes = checks.iter().find(|check| check["name"] == "TargetNodes");
    let nodes = nodes.context("no check TargetNodes")?;
    let message = nodes["message"].as_str().unwrap_or_default();
    ensure!(
        nodes["reason"] == "PortInUse" && message.contains("port 5050, needed for the master, is in use ("),
        "{nodes}"
    );
    cx.kubectl()
        .run(&["delete", "zkm/fits", "zkm/taken", "--timeout=60s"])?;
    Ok(())
}
