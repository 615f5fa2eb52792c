//! Tasks of apps that were deleted while their agent was out of reach come back to an operator that never knew them.

use anyhow::{Context as _, ensure};
use mesolith_testkit::wait_until;

use crate::context::{Context, LIMIT};
use crate::machine;

/// One native task and one in a container, both on a given host.
fn apps(host: &str) -> String {
    format!(
        "apiVersion: mesolith.io/v1alpha1
kind: MarathonApp
metadata: {{name: deserted, namespace: default}}
spec: {{cmd: exec sleep 8640088, cpus: 0.1, mem: 32, constraints: [[hostname, LIKE, {host}]]}}
---
apiVersion: mesolith.io/v1alpha1
kind: MarathonApp
metadata: {{name: deserted-container, namespace: default}}
spec:
  cmd: exec sleep 8640088
  container: {{type: DOCKER, docker: {{image: 'mesolith/hello:latest'}}}}
  cpus: 0.1
  mem: 32
  constraints: [[hostname, LIKE, {host}]]
"
    )
}

const NAMES: [&str; 2] = ["deserted", "deserted-container"];
const TASK: [&str; 2] = ["sleep", "8640088"];

pub(super) fn is_stopped(cx: &Context) -> anyhow::Result<()> {
    let hello = cx.wait_instances("hello", 1)?[0].clone();
    let containers = machine::containers(cx.docker())?;
    let elsewhere = (1..=3).map(|n| cx.ip(n)).find(|ip| hello["host"] != ip.as_str());
    let host = elsewhere.context("hello is everywhere")?;
    cx.kubectl().apply(&apps(&host))?;
    for name in NAMES {
        cx.wait_instances(name, 1)?;
    }
    ensure!(machine::pids(&TASK).len() == 2, "{:?}", machine::pids(&TASK));

    let agent = machine::pid(&["mesos-agent", &format!("--ip={host}")])?;
    machine::signal(agent, "STOP")?;
    let told = deserted(cx);
    machine::signal(agent, "CONT")?;
    told?;
    wait_until("the tasks to go", LIMIT, || {
        let left = machine::pids(&TASK);
        ensure!(left.is_empty(), "pids {left:?}");
        let now = machine::containers(cx.docker())?;
        ensure!(now == containers, "containers were {containers:?}, are {now:?}");
        Ok(())
    })?;
    let events = cx.kubectl().events("local", "StrayTasksStopped")?;
    for name in NAMES {
        ensure!(
            events.contains(&format!("MarathonApp default/{name},")),
            "{events}"
        );
    }
    cx.wait_ready("mesoscluster", "local")?;
    let now = cx.wait_instances("hello", 1)?;
    ensure!(now[0]["taskId"] == hello["taskId"], "hello was touched: {now:?}");
    Ok(())
}

/// While the agent is frozen: the apps go, and with them all that the operator knew of their tasks.
fn deserted(cx: &Context) -> anyhow::Result<()> {
    // A kill that still reached the agent's socket would be heard when it goes on.
    wait_until("the master to give the agent up", LIMIT, || {
        for name in NAMES {
            let instances = cx.get("marathonapp", name)?["status"]["instanceList"].clone();
            ensure!(instances[0]["state"] != "TASK_RUNNING", "{name}: {instances}");
        }
        Ok(())
    })?;
    for name in NAMES {
        cx.kubectl().run(&["delete", "mapp", name, "--timeout=60s"])?;
    }
    ensure!(machine::pids(&TASK).len() == 2, "a task ended by itself");
    cx.world.operator().context("no operator")?.kill()?;
    cx.world.start_operator().map(drop)
}
