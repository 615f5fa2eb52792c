//! `kubectl delete` of a cluster under running apps: nothing of it is left on any machine, then the apps go.

use anyhow::ensure;
use mesolith_testkit::{cgroups_of, task_processes_of, wait_until};

use crate::context::{Context, LIMIT, condition};
use crate::machine;

/// One native, one in a container; both take a while to end, well within their grace.
const APPS: &str = "
apiVersion: mesolith.io/v1alpha1
kind: MarathonApp
metadata: {name: staying, namespace: default}
spec:
  cmd: >-
    : 8640066; trap 'echo asked; sleep 12; echo ended by itself; exit 0' TERM;
    echo up; while true; do sleep 0.2; done
  taskKillGracePeriodSeconds: 45
  cpus: 0.1
  mem: 32
---
apiVersion: mesolith.io/v1alpha1
kind: MarathonApp
metadata: {name: staying-container, namespace: default}
spec:
  cmd: >-
    : 8640066; trap 'echo asked; sleep 12; echo ended by itself; exit 0' TERM;
    echo up; while true; do sleep 0.2; done
  taskKillGracePeriodSeconds: 45
  container: {type: DOCKER, docker: {image: 'mesolith/hello:latest'}}
  cpus: 0.1
  mem: 32
";
const NAMES: [&str; 2] = ["staying", "staying-container"];
const TASK: [&str; 1] = [": 8640066"];

pub(super) fn leaves_nothing(cx: &Context) -> anyhow::Result<()> {
    let kubectl = cx.kubectl();
    kubectl.apply(APPS)?;
    let mut tasks = Vec::new();
    for name in NAMES {
        tasks.extend(cx.wait_instances(name, 1)?);
    }
    ensure!(machine::pids(&TASK).len() >= 2, "{:?}", machine::pids(&TASK));
    ensure!(
        !task_processes_of(cx.world.dir()).is_empty(),
        "no native task in a control group"
    );
    let uid = cx.get("mesoscluster", "local")?["metadata"]["uid"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    kubectl.run(&["delete", "mc", "local", "--wait=false"])?;
    tasks_are_counted(cx)?;
    // The next operator goes on where this one was.
    cx.world
        .operator()
        .ok_or_else(|| anyhow::anyhow!("no operator"))?
        .kill()?;
    cx.world.start_operator()?;
    wait_until("the cluster to be gone", LIMIT, || {
        let left = kubectl.run(&["get", "mc", "-o", "wide"])?;
        ensure!(left.trim().is_empty(), "{left}");
        Ok(())
    })?;
    nothing_is_left(cx, &uid)?;
    for task in &tasks {
        let said = cx.last_words(task["taskId"].as_str().unwrap_or_default())?;
        ensure!(
            said.contains("ended by itself"),
            "a task did not get its grace, it said {said:?}: {task}"
        );
    }
    let events = kubectl.events("local", "AppsWithoutCluster")?;
    for name in NAMES {
        ensure!(events.contains(&format!("default/{name}")), "{events}");
    }

    kubectl.run(&["delete", "mapp", "--all", "--timeout=90s"])?;
    let table = kubectl.run(&["get", "mc,mapp,zkm", "-A"])?;
    ensure!(table.trim().is_empty(), "{table}");
    Ok(())
}

/// The tasks take their grace, and the condition says so; the apps say what becomes of their cluster.
fn tasks_are_counted(cx: &Context) -> anyhow::Result<()> {
    wait_until("the tasks to be counted", LIMIT, || {
        let found = condition(&cx.get("mesoscluster", "local")?, "Reconciling");
        let message = found["message"].as_str().unwrap_or_default();
        ensure!(
            found["reason"] == "Deleting" && message.contains("being stopped"),
            "it is {found}"
        );
        Ok(())
    })?;
    let left = machine::pids(&["mesos-agent", "--ip="]);
    ensure!(!left.is_empty(), "agents went before their tasks");
    ensure!(
        !machine::pids(&TASK).is_empty(),
        "the tasks did not get their grace"
    );
    cx.leader().map(drop)
}

/// Looked at on the machines, not at the objects.
fn nothing_is_left(cx: &Context, uid: &str) -> anyhow::Result<()> {
    let left = machine::pids(&TASK);
    ensure!(left.is_empty(), "tasks run on: {left:?}");
    let left = machine::containers(cx.docker())?;
    ensure!(left.is_empty(), "containers run on: {left:?}");
    let left = task_processes_of(cx.world.dir());
    ensure!(left.is_empty(), "processes in control groups of tasks: {left:?}");
    for n in 1..=3 {
        let ip = format!("--ip={}", cx.ip(n));
        let left = [
            machine::pids(&["master", &ip]),
            machine::pids(&["mesos-agent", &ip]),
        ]
        .concat();
        ensure!(left.is_empty(), "node{n} still runs {left:?}");
        let node = cx.node_dir(n);
        ensure!(
            machine::pids(&["zoo.cfg", &node]).is_empty(),
            "node{n} still runs ZooKeeper"
        );
        let archives = cx.node_at(&cx.ip(n))?.dir().join("state/archive");
        let kept = std::fs::read_dir(&archives).map_or(0, Iterator::count);
        ensure!(kept >= 3, "{kept} archives in {}", archives.display());
    }
    let groups = cgroups_of(&format!("mesolith/{uid}"));
    ensure!(groups.is_empty(), "{groups:?} are left");
    Ok(())
}
