//! An agent is taken out of the cluster while tasks run on it: they move first.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use mesolith_testkit::wait_until;
use serde_json::Value;

use crate::context::{Context, LIMIT};
use crate::machine;

/// Two nodes are in that rack.
const APP: &str = "
apiVersion: mesolith.io/v1alpha1
kind: MarathonApp
metadata: {name: moving, namespace: default}
spec: {cmd: exec sleep 8640099, cpus: 0.1, mem: 32, constraints: [[rack, LIKE, b]]}
";
const TASK: [&str; 2] = ["sleep", "8640099"];

pub(super) fn tasks_move(cx: &Context) -> anyhow::Result<()> {
    cx.kubectl().apply(APP)?;
    let before = cx.wait_instances("moving", 1)?[0].clone();
    let host = before["host"]
        .as_str()
        .context("the instance has no host")?
        .to_owned();
    let node = (1..=3).find(|n| cx.ip(*n) == host).context("an unknown host")?;
    let ip = format!("--ip={host}");
    let others = || -> anyhow::Result<[u32; 2]> {
        Ok([
            machine::pid(&["zoo.cfg", &cx.node_dir(node)])?,
            machine::pid(&["master", &ip, "--quorum"])?,
        ])
    };
    let kept = others()?;

    let all = cx.example("cluster.yaml")?;
    let entry = format!("nodes: node{node}, resources");
    let without: Vec<&str> = all.lines().filter(|line| !line.contains(&entry)).collect();
    ensure!(
        without.len() + 1 == all.lines().count(),
        "no single line has {entry:?}"
    );
    cx.kubectl().apply(&without.join("\n"))?;

    let drained = moved(cx, &before, &ip);
    let same = others();
    // The world as it was, whatever came of it.
    cx.kubectl().apply(&all)?;
    drained?;
    ensure!(same? == kept, "other components of the node were touched");
    let cluster = cx.wait_ready("mesoscluster", "local")?;
    ensure!(
        cluster["status"]["agents"]["summary"] == "3/3",
        "{}",
        cluster["status"]["agents"]
    );
    cx.wait_instances("moving", 1)?;
    cx.kubectl().run(&["delete", "mapp", "moving", "--timeout=90s"])?;
    cx.wait_instances("hello", 1).map(drop)
}

/// The replacement runs before the old task ends, and the agent goes only after it.
fn moved(cx: &Context, before: &Value, ip: &str) -> anyhow::Result<()> {
    let agent = ["mesos-agent", ip];
    wait_until("the agent to be gone", LIMIT + Duration::from_secs(60), || {
        let (alive, tasks) = (machine::pids(&agent), machine::pids(&TASK));
        assert!(!tasks.is_empty(), "the app was down while it moved");
        ensure!(alive.is_empty(), "pid {alive:?}, tasks {tasks:?}");
        Ok(())
    })?;
    let now = cx.wait_instances("moving", 1)?;
    ensure!(
        now[0]["host"] != before["host"] && now[0]["taskId"] != before["taskId"],
        "it did not move: {now:?}"
    );
    ensure!(machine::pids(&TASK).len() == 1, "{:?}", machine::pids(&TASK));
    let failure = cx.get("marathonapp", "moving")?["status"]["lastTaskFailure"].clone();
    ensure!(failure.is_null(), "a task failed on the way: {failure}");
    let cluster = cx.wait_ready("mesoscluster", "local")?;
    let status = &cluster["status"];
    ensure!(
        status["agents"]["summary"] == "2/2",
        "agents: {}",
        status["agents"]
    );
    ensure!(
        status["drainingAgents"].as_array().is_none_or(Vec::is_empty),
        "still on record: {}",
        status["drainingAgents"]
    );
    Ok(())
}
