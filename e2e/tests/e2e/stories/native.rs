//! A command task without any container engine: a process in a control group of its own.

use anyhow::ensure;
use mesolith_testkit::wait_until;

use crate::context::{Context, LIMIT};
use crate::machine;

const APP: &str = "
apiVersion: mesolith.io/v1alpha1
kind: MarathonApp
metadata: {name: native, namespace: default}
spec:
  cmd: 'echo started on $PORT0; exec sleep 8640077'
  cpus: 0.1
  mem: 32
  instances: 1
";

pub(super) fn outlives_its_agent(cx: &Context) -> anyhow::Result<()> {
    cx.kubectl().apply(APP)?;
    let instance = cx.wait_instances("native", 1)?[0].clone();
    let task = ["sleep", "8640077"];
    let pid = machine::pid(&task)?;
    let cgroup = std::fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
    ensure!(
        cgroup.contains("/mesos/"),
        "it is not in a control group of its own:\n{cgroup}"
    );

    let host = instance["host"].as_str().unwrap_or_default();
    let agent = ["mesos-agent", &*format!("--ip={host}")];
    let old = machine::pid(&agent)?;
    machine::kill_9(old)?;
    wait_until("the Mesos agent to come back", LIMIT, || {
        ensure!(machine::pid(&agent)? != old, "still pid {old}");
        Ok(())
    })?;
    cx.wait_ready("mesoscluster", "local")?;
    ensure!(machine::pid(&task)? == pid, "the task was restarted");

    machine::kill_9(pid)?;
    wait_until("the task to be restarted", LIMIT, || {
        ensure!(machine::pid(&task)? != pid, "still pid {pid}");
        Ok(())
    })?;
    cx.wait_instances("native", 1)?;
    cx.kubectl().run(&["delete", "mapp", "native", "--timeout=90s"])?;
    wait_until("the process to end", LIMIT, || {
        ensure!(machine::pids(&task).is_empty(), "{:?}", machine::pids(&task));
        Ok(())
    })
}
