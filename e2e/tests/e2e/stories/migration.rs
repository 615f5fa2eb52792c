//! A live cluster moves to another ensemble and other masters on the same machines, and goes back as if nothing had
//! been.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use mesolith_testkit::wait_until;
use serde_json::Value;

use crate::context::Context;
use crate::http;
use crate::machine;
use crate::stories::kill::same_task;

/// A phase starts servers; six of them start at once on a busy machine.
const LIMIT: Duration = Duration::from_secs(240);

const MIGRATION: &str = "
apiVersion: mesolith.io/v1alpha1
kind: ZkMigration
metadata: {name: beside, namespace: default}
spec:
  source: {clusterRef: {name: local}}
  target:
    zookeeper: {nodes: 'node[1-3]', clientPort: 2191, quorumPort: 2898, electionPort: 3898}
    masters: {nodes: 'node[1-3]', port: 5060}
  agentStrategy: Repoint
  sync: {paths: [/mesos], lagThreshold: 2s}
  orchestration: {approval: Automatic}
";

pub(super) fn masters_move_and_come_back(cx: &Context) -> anyhow::Result<()> {
    let instance = cx.wait_instances("hello", 1)?[0].clone();
    let containers = machine::containers(cx.docker())?;
    let spec = cx.get("mesoscluster", "local")?["spec"].clone();
    let begun = Instant::now();
    cx.kubectl().apply(MIGRATION)?;
    // The phases after this one are not run yet, and the migration says so.
    at(cx, "DeployAgents", "Preflight", "Forward")?;
    let leader = wait_until("a leader among the new masters", LIMIT, || led_at(cx, 5060))?;
    println!(
        "    {leader} leads {:.1} s after kubectl apply",
        begun.elapsed().as_secs_f64()
    );
    ensure!(led_at(cx, 5050).is_err(), "an old master leads too");
    same_task(cx, &instance, &containers)?;
    let agents = http::json(&format!("http://{leader}/slaves"))?;
    let active = agents["slaves"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|s| s["active"] == true);
    ensure!(active.count() == 3, "not every agent is at the new leader");
    ensure!(
        cx.get("mesoscluster", "local")?["spec"] == spec,
        "the spec is the user's"
    );

    let begun = Instant::now();
    let back = r#"{"spec": {"rollback": {"reason": "a story"}}}"#;
    cx.kubectl()
        .run(&["patch", "zkm", "beside", "--type=merge", "-p", back])?;
    at(cx, "DeployZk", "Done", "Back")?;
    println!("    back after {:.1} s", begun.elapsed().as_secs_f64());
    let cluster = cx.wait_ready("mesoscluster", "local")?;
    ensure!(
        cluster["status"]["form"].is_null(),
        "{}",
        cluster["status"]["form"]
    );
    led_at(cx, 5050)?;
    ensure!(
        machine::pid(&["master", "--port=5060"]).is_err(),
        "a master of the other side is left"
    );
    same_task(cx, &instance, &containers)?;
    cx.kubectl()
        .run(&["delete", "zkm", "beside", "--timeout=60s"])
        .map(drop)
}

/// Waits until the record of the migration stands there.
fn at(cx: &Context, phase: &str, stage: &str, direction: &str) -> anyhow::Result<Value> {
    wait_until(
        &format!("the migration at {phase} {stage} {direction}"),
        LIMIT,
        || {
            let object = cx.get("zkmigration", "beside")?;
            let status = &object["status"];
            ensure!(
                status["phase"] == phase && status["stage"] == stage && status["direction"] == direction,
                "it is at {} {} {}, waiting for {}",
                status["phase"],
                status["stage"],
                status["direction"],
                status["waitingForSummary"]
            );
            Ok(object)
        },
    )
}

/// The master that leads at that port, as its own answer says.
fn led_at(cx: &Context, port: u16) -> anyhow::Result<String> {
    let leads = |n: &u8| http::text_from_here(&format!("http://{}:{port}/state", cx.ip(*n))).is_ok();
    let one = (1..=3).find(leads).context("no master leads")?;
    Ok(format!("{}:{port}", cx.ip(one)))
}
