//! kill -9 of one part after the other: what should live lives, and the world converges.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use mesolith_testkit::wait_until;

use crate::context::{Context, LIMIT, condition};
use crate::machine;

pub(super) fn task(cx: &Context) -> anyhow::Result<()> {
    let before = cx.wait_instances("hello", 1)?[0]["taskId"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let container = machine::container_of(cx.docker(), &before)?;
    let begun = Instant::now();
    let pid = cx
        .docker()
        .run(&["inspect", "--format", "{{.State.Pid}}", &container])?;
    machine::kill_9(pid.parse()?)?;
    wait_until("another instance", LIMIT, || {
        let now = cx.wait_instances("hello", 1)?;
        ensure!(now[0]["taskId"] != before.as_str(), "it is still {before}");
        Ok(())
    })?;
    println!("    replaced after {:.1} s", begun.elapsed().as_secs_f64());
    let failure = cx.get("marathonapp", "hello")?["status"]["lastTaskFailure"].clone();
    ensure!(
        failure["taskId"] == before.as_str(),
        "lastTaskFailure is {failure}"
    );
    Ok(())
}

pub(super) fn mesos_agent(cx: &Context) -> anyhow::Result<()> {
    let instance = cx.wait_instances("hello", 1)?[0].clone();
    let containers = machine::containers(cx.docker())?;
    let host = instance["host"].as_str().context("host")?.to_owned();
    let agent = ["mesos-agent", &*format!("--ip={host}")];
    let pid = machine::pid(&agent)?;
    machine::kill_9(pid)?;
    wait_until("the Mesos agent to come back", LIMIT, || {
        let now = machine::pid(&agent)?;
        ensure!(now != pid, "still pid {pid}");
        Ok(())
    })?;
    cx.wait_ready("mesoscluster", "local")?;
    same_task(cx, &instance, &containers)?;
    // Recovered, not only alive: the new agent notices when the task ends.
    task(cx)
}

pub(super) fn node_agent(cx: &Context) -> anyhow::Result<()> {
    let instance = cx.wait_instances("hello", 1)?[0].clone();
    let containers = machine::containers(cx.docker())?;
    let ip = cx.ip(1);
    let components = || -> anyhow::Result<[u32; 3]> {
        Ok([
            machine::pid(&["zoo.cfg", &cx.node_dir(1)])?,
            machine::pid(&["master", &format!("--ip={ip}"), "--quorum"])?,
            machine::pid(&["mesos-agent", &format!("--ip={ip}")])?,
        ])
    };
    let before = components()?;
    let node = cx.node_at(&ip)?;
    node.process().context("the node agent does not run")?.kill()?;
    cx.wait_condition(
        "mesoscluster",
        "local",
        ("NodesReachable", "False", "NodeUnreachable"),
    )?;
    ensure!(components()? == before, "a component died with its node agent");
    cx.world.start_node(node.options())?;
    cx.wait_ready("mesoscluster", "local")?;
    ensure!(
        components()? == before,
        "components were restarted: {before:?} -> {:?}",
        components()?
    );
    same_task(cx, &instance, &containers)?;

    // Adopted, not only tolerated: a component that dies now is started again.
    machine::kill_9(before[2])?;
    wait_until("the adopted Mesos agent to be restarted", LIMIT, || {
        let now = components()?;
        ensure!(
            now[2] != before[2] && now[..2] == before[..2],
            "{before:?} -> {now:?}"
        );
        Ok(())
    })?;
    cx.wait_ready("mesoscluster", "local").map(drop)
}

pub(super) fn zookeeper(cx: &Context) -> anyhow::Result<()> {
    let instance = cx.wait_instances("hello", 1)?[0].clone();
    let containers = machine::containers(cx.docker())?;
    let dir = cx.node_dir(2);
    let find = || machine::pid(&["zoo.cfg", &dir]);
    let pid = find()?;
    machine::kill_9(pid)?;
    wait_until("the ZooKeeper server to come back", LIMIT, || {
        ensure!(find()? != pid, "still pid {pid}");
        Ok(())
    })?;
    std::thread::sleep(Duration::from_secs(1));
    let cluster = cx.wait_ready("mesoscluster", "local")?;
    let summary = &cluster["status"]["zookeeper"]["summary"];
    ensure!(summary == "3/3", "zookeeper {summary}");
    same_task(cx, &instance, &containers)
}

pub(super) fn operator(cx: &Context) -> anyhow::Result<()> {
    let instance = cx.wait_instances("hello", 1)?[0].clone();
    cx.world.operator().context("no operator")?.kill()?;
    let before = cx.state()?["frameworks"].as_array().map_or(0, Vec::len);
    let ready = condition(&cx.get("mesoscluster", "local")?, "Ready");
    cx.world.start_operator()?;
    cx.kubectl().run(&["scale", "mapp", "hello", "--replicas", "2"])?;
    let two = cx.wait_instances("hello", 2)?;
    ensure!(
        two.iter().any(|i| i["taskId"] == instance["taskId"]),
        "the old instance was not kept: {two:?}"
    );
    let after = cx.state()?["frameworks"].as_array().map_or(0, Vec::len);
    ensure!(
        before == after,
        "{before} frameworks became {after}: it did not resume its own"
    );
    cx.kubectl().run(&["scale", "mapp", "hello", "--replicas", "1"])?;
    cx.wait_instances("hello", 1)?;
    let now = condition(&cx.wait_ready("mesoscluster", "local")?, "Ready");
    ensure!(
        now["lastTransitionTime"] == ready["lastTransitionTime"],
        "Ready was lost while the operator asked its nodes: {ready} -> {now}"
    );
    Ok(())
}

/// The same task in the same container with the same first process, and shown as running by the leader.
pub(super) fn same_task(
    cx: &Context,
    instance: &serde_json::Value,
    containers: &std::collections::BTreeMap<String, String>,
) -> anyhow::Result<()> {
    let now = machine::containers(cx.docker())?;
    ensure!(now == *containers, "containers were {containers:?}, are {now:?}");
    let task = instance["taskId"].as_str().unwrap_or_default();
    wait_until("the leader to show the task as running", LIMIT, || {
        let tasks = cx.running_tasks()?;
        ensure!(tasks.iter().any(|t| t == task), "it shows {tasks:?}, not {task}");
        Ok(())
    })?;
    let instances = cx.wait_instances("hello", 1)?;
    ensure!(
        instances[0]["taskId"] == task,
        "the operator replaced {task}: {instances:?}"
    );
    Ok(())
}
