//! Tasks of three kinds that run while a cluster moves: containers, plain processes, and those of somebody else's framework.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use mesolith_testkit::{Process, root, wait_until};

use super::frameworks;
use crate::context::{Context, LIMIT};
use crate::machine;

/// Instances of the app, which are plain processes.
const PROCESSES: usize = 14;
/// Tasks of the framework.
const FOREIGN: usize = 5;
const APP: &str = "
apiVersion: mesolith.io/v1alpha1
kind: MarathonApp
metadata: {name: crowd, namespace: default}
spec: {cmd: exec sleep 8640111, cpus: 0.1, mem: 16, instances: 14}
";

/// What runs, and what it looked like.
pub(super) struct Crowd {
    framework: Process,
    work: tempfile::TempDir,
    pids: BTreeSet<u32>,
}

impl Crowd {
    /// Starts it, and waits until all of it runs.
    pub(super) fn start(cx: &Context) -> anyhow::Result<Self> {
        cx.kubectl().apply(APP)?;
        let work = tempfile::tempdir()?;
        let servers: Vec<String> = (1..=3).map(|n| format!("{}:2181", cx.ip(n))).collect();
        let mut command = Command::new(frameworks::installed()?.join("bin/python"));
        command
            .arg("-u")
            .arg(root().join("e2e/pymesos/steady.py"))
            .arg(format!("zk://{}/mesos", servers.join(",")))
            .arg(FOREIGN.to_string())
            .current_dir(work.path());
        let framework = Process::start(work.path(), "steady", command)?;
        cx.wait_instances("crowd", PROCESSES)?;
        let pids = wait_until("the tasks of the framework", LIMIT, || {
            let pids = pids();
            ensure!(
                pids.len() == PROCESSES + FOREIGN,
                "{} processes; {}",
                pids.len(),
                framework.log_tail(5)
            );
            Ok(pids)
        })?;
        Ok(Self {
            framework,
            work,
            pids,
        })
    }

    /// How many tasks it has.
    pub(super) fn len(&self) -> usize {
        self.pids.len()
    }

    /// The same processes run, and nobody was told that one has ended.
    pub(super) fn is_untouched(&self, cx: &Context) -> anyhow::Result<()> {
        ensure!(
            pids() == self.pids,
            "processes were {:?}, are {:?}",
            self.pids,
            pids()
        );
        self.framework.check()?;
        let log = std::fs::read_to_string(self.framework.log())?;
        let ended = |line: &&str| {
            line.starts_with("steady-") && !line.contains("TASK_STARTING") && !line.contains("TASK_RUNNING")
        };
        let bad: Vec<&str> = log.lines().filter(ended).collect();
        ensure!(bad.is_empty(), "the framework was told {bad:?}");
        wait_until("the leader to show the framework with its tasks", LIMIT, || {
            let state = cx.state()?;
            let mut frameworks = state["frameworks"].as_array().into_iter().flatten();
            let ours = frameworks.find(|framework| framework["name"] == "pymesos-steady");
            let ours = ours.context("the leader does not show it")?;
            let tasks = ours["tasks"].as_array().map_or(0, Vec::len);
            ensure!(
                ours["connected"] == true && tasks == FOREIGN,
                "{tasks} tasks, connected {}",
                ours["connected"]
            );
            Ok(())
        })
    }

    /// Ends it.
    pub(super) fn end(self, cx: &Context) -> anyhow::Result<()> {
        cx.kubectl().run(&["delete", "mapp", "crowd", "--timeout=90s"])?;
        let state = cx.state()?;
        let mut frameworks = state["frameworks"].as_array().into_iter().flatten();
        let id = frameworks.find(|framework| framework["name"] == "pymesos-steady");
        let id = id
            .and_then(|framework| framework["id"].as_str())
            .context("its id")?
            .to_owned();
        self.framework.stop(Duration::from_secs(5))?;
        crate::http::post(
            &format!("http://{}/master/teardown", cx.leader()?),
            &format!("frameworkId={id}"),
        )?;
        wait_until("its processes to end", LIMIT, || {
            ensure!(pids().is_empty(), "{:?}", pids());
            Ok(())
        })?;
        self.work.close().map_err(Into::into)
    }
}

/// Of the app's instances and of the framework's tasks.
fn pids() -> BTreeSet<u32> {
    let of = |seconds: &str| machine::pids(&["sleep", seconds]);
    of("8640111").into_iter().chain(of("8640222")).collect()
}
