//! An agent is taken out of the cluster while tasks run on it: they move first, or, with Force, end with their grace.

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
    cx.kubectl().apply(&without(&all, node)?)?;

    let drained = moved(cx, &before, &ip);
    let same = others();
    // The world as it was, whether the story failed or not.
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

/// The example cluster without the agent of a node.
fn without(all: &str, node: u8) -> anyhow::Result<String> {
    let entry = format!("nodes: node{node}, resources");
    let without: Vec<&str> = all.lines().filter(|line| !line.contains(&entry)).collect();
    ensure!(
        without.len() + 1 == all.lines().count(),
        "no single line has {entry:?}"
    );
    Ok(without.join("\n"))
}

/// It takes a moment to end, well within its grace.
const STUBBORN: &str = "
apiVersion: mesolith.io/v1alpha1
kind: MarathonApp
metadata: {name: forced, namespace: default}
spec:
  cmd: >-
    : 8640055; trap 'sleep 4; echo ended by itself; exit 0' TERM;
    while true; do sleep 0.2; done
  taskKillGracePeriodSeconds: 30
  cpus: 0.1
  mem: 32
  constraints: [[rack, LIKE, b]]
";

pub(super) fn forced(cx: &Context) -> anyhow::Result<()> {
    cx.kubectl().apply(STUBBORN)?;
    let before = cx.wait_instances("forced", 1)?[0].clone();
    let host = before["host"].as_str().unwrap_or_default().to_owned();
    let node = (1..=3).find(|n| cx.ip(*n) == host).context("an unknown host")?;
    let all = cx.example("cluster.yaml")?;
    let forced = format!("{}\n  agentRemoval: {{mode: Force}}\n", without(&all, node)?);
    cx.kubectl().apply(&forced)?;
    let removed = ended(cx, &before, node);
    cx.kubectl().apply(&all)?;
    removed?;
    cx.wait_ready("mesoscluster", "local")?;
    cx.kubectl().run(&["delete", "mapp", "forced", "--timeout=90s"])?;
    cx.wait_instances("hello", 1).map(drop)
}

/// The task ended by itself before its agent went, and the master forgot both at once.
fn ended(cx: &Context, before: &Value, node: u8) -> anyhow::Result<()> {
    let host = cx.ip(node);
    let agent = ["mesos-agent", &*format!("--ip={host}")];
    let work = format!("{}state/", cx.node_dir(node));
    let tasks = || {
        let here = |pid: &u32| {
            std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&work))
        };
        machine::pids(&[": 8640055"])
            .into_iter()
            .filter(here)
            .collect::<Vec<_>>()
    };
    ensure!(!tasks().is_empty(), "no task below {work}");
    let reason = ("Reconciling", "True", "StoppingTasks");
    let said = cx.wait_condition("mesoscluster", "local", reason)?;
    let message = said["message"].as_str().unwrap_or_default();
    ensure!(message.starts_with(&format!("node{node}: ")), "{said}");
    wait_until("the agent to be gone", LIMIT, || {
        let (alive, tasks) = (machine::pids(&agent), tasks());
        assert!(
            !alive.is_empty() || tasks.is_empty(),
            "the agent went before its tasks {tasks:?}"
        );
        ensure!(alive.is_empty(), "pid {alive:?}, tasks {tasks:?}");
        Ok(())
    })?;
    let state = cx.state()?;
    let slaves = state["slaves"].as_array().cloned().unwrap_or_default();
    ensure!(
        slaves.iter().all(|slave| slave["hostname"] != host.as_str()),
        "the master still counts {host}"
    );
    let now = cx.wait_instances("forced", 1)?;
    ensure!(
        now[0]["taskId"] != before["taskId"] && now[0]["host"] != before["host"],
        "{now:?}"
    );
    let failure = cx.get("marathonapp", "forced")?["status"]["lastTaskFailure"].clone();
    ensure!(failure.is_null(), "its end counts as a failure: {failure}");
    let said = cx.last_words(before["taskId"].as_str().unwrap_or_default())?;
    ensure!(said.contains("ended by itself"), "no grace, it said {said:?}");
    Ok(())
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
