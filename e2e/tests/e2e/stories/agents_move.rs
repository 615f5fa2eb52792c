//! The cluster moves to new agents too, and back: tasks of apps are replaced first, and those of another framework are
//! asked for in Mesos's own way.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use mesolith_testkit::{Process, root, wait_until};
use serde_json::Value;

use super::migration::{rolled_back, show, wait_at};
use crate::context::{Context, LIMIT};
use crate::http;
use crate::machine;

/// Of cluster B's agents.
const PORT: u16 = 5061;
/// Their nodes: node1 has no agent of B, so that its machine can be scheduled for maintenance.
const TARGET: [u8; 2] = [2, 3];

const APP: &str = "
apiVersion: mesolith.io/v1alpha1
kind: MarathonApp
metadata: {name: wandering, namespace: default}
spec: {cmd: exec sleep 8640098, instances: 2, cpus: 0.1, mem: 32, portDefinitions: []}
";
const TASK: [&str; 2] = ["sleep", "8640098"];

pub(super) fn agents_move_and_come_back(cx: &Context) -> anyhow::Result<()> {
    cx.kubectl().apply(APP)?;
    cx.wait_instances("wandering", 2)?;
    let counter = Counter::start();
    let example = cx.example("move-local.yaml")?;
    let drain = example
        .replace(
            "agentStrategy: Repoint",
            "agentStrategy: Drain\n  agentDrain: {notice: 10s, timeout: 10m}",
        )
        .replace(
            "port: 5060}",
            "port: 5060}\n    agents: {nodes: 'node[2-3]', port: 5061, \
             resources: 'cpus:8;mem:8192;disk:8192;ports:[31300-31399]', attributes: {side: b}}",
        );
    ensure!(drain.contains("side: b") && drain.contains("notice"), "{drain}");
    cx.kubectl().apply(&drain)?;
    wait_at(cx, ("RetireMasters", "AwaitingApproval", "Forward"))?;
    let foreign = Foreign::start(cx)?;
    let moved = forward(cx, &foreign);
    let log = foreign.process.log_tail(40);
    // It knows one master only, and ends with its leadership.
    foreign.process.stop(Duration::from_secs(5))?;
    let back = moved.and_then(|()| back(cx));
    let fewest = counter.stop();
    back.with_context(|| format!("the other framework said:\n{log}"))?;
    println!("    at least {fewest} of 2 instances ran all the time");
    ensure!(fewest == 2, "only {fewest} of 2 instances ran at some time");
    cx.kubectl()
        .run(&["delete", "zkm", "move-local", "--timeout=60s"])?;
    cx.kubectl()
        .run(&["delete", "mapp", "wandering", "--timeout=90s"])?;
    cx.wait_instances("hello", 1).map(drop)
}

fn forward(cx: &Context, foreign: &Foreign) -> anyhow::Result<()> {
    let begun = Instant::now();
    wait_at(cx, ("DeployAgents", "AwaitingApproval", "Forward"))?;
    let probe = cx.get("marathonapp", "move-local-probe")?;
    let agent = probe["status"]["instanceList"][0]["agentId"].clone();
    let agents = operator(cx)?["agents"].clone();
    let on = &agents[agent.as_str().unwrap_or_default()];
    ensure!(on["port"] == PORT, "the probe is on {on}");
    println!(
        "    the probe runs on cluster B after {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    let begun = Instant::now();
    let object = wait_at(cx, ("DrainAgents", "AwaitingApproval", "Forward"))?;
    println!(
        "    agents of A are empty and gone after {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    show(&object);
    let tasks = &object["status"]["tasks"];
    ensure!(tasks["failed"] == 0 && tasks["source"] == 0, "{tasks}");
    ensure!(agents_on(cx, 5051).is_empty(), "agents of A are left");
    ensure!(
        agents_on(cx, PORT).len() == TARGET.len(),
        "{:?}",
        agents_on(cx, PORT)
    );
    nothing_is_left(cx)?;
    foreign.has_moved(2)?;
    let log = foreign.process.log_tail(200);
    ensure!(log.contains("inverse offer"), "it was not asked to move: {log}");
    for instance in cx.wait_instances("wandering", 2)? {
        let agent = instance["agentId"].as_str().unwrap_or_default().to_owned();
        let on = operator(cx)?["agents"][agent].clone();
        ensure!(on["port"] == PORT, "{instance} is on {on}");
    }
    cx.wait_instances("hello", 1).map(drop)
}

fn back(cx: &Context) -> anyhow::Result<()> {
    let begun = Instant::now();
    rolled_back(cx)?;
    println!("    back after {:.1} s", begun.elapsed().as_secs_f64());
    ensure!(agents_on(cx, PORT).is_empty(), "agents of B are left");
    let cluster = cx.wait_ready("mesoscluster", "local")?;
    let status = &cluster["status"];
    ensure!(status["agents"]["summary"] == "3/3", "{}", status["agents"]);
    nothing_is_left(cx)?;
    cx.wait_instances("wandering", 2).map(drop)
}

/// The master has nothing of the migration: no machine is scheduled, every agent is offered; and the probe is gone.
fn nothing_is_left(cx: &Context) -> anyhow::Result<()> {
    let leader = cx.leader()?;
    let schedule = http::json(&format!("http://{leader}/maintenance/schedule"))?;
    let windows = schedule["windows"].as_array().map_or(0, Vec::len);
    ensure!(windows == 0, "{schedule}");
    let agents = operator(cx)?["agents"].clone();
    let out = |agent: &Value| agent["deactivated"] == true;
    ensure!(
        !agents.as_object().context("agents")?.values().any(out),
        "{agents}"
    );
    ensure!(
        cx.get("marathonapp", "move-local-probe").is_err(),
        "the probe is left"
    );
    Ok(())
}

fn operator(cx: &Context) -> anyhow::Result<Value> {
    http::json(&format!("http://{}/mesolith/agents", cx.leader()?))
}

/// Pids of agents that listen on a port.
fn agents_on(cx: &Context, port: u16) -> Vec<u32> {
    (1..=3)
        .flat_map(|n| {
            let ip = format!("--ip={}", cx.ip(n));
            machine::pids(&["mesos-agent", &ip, &format!("--port={port}")])
        })
        .collect()
}

/// A framework that knows only Mesos's API.
struct Foreign {
    process: Process,
    _work: tempfile::TempDir,
}

impl Foreign {
    fn start(cx: &Context) -> anyhow::Result<Self> {
        let work = tempfile::tempdir()?;
        let mut command = Command::new("python3");
        command
            .arg("-u")
            .arg(root().join("e2e/foreign/scheduler.py"))
            .args([cx.leader()?, cx.ip(1)])
            .current_dir(work.path());
        let this = Self {
            process: Process::start(work.path(), "foreign", command)?,
            _work: work,
        };
        this.has_moved(1)?;
        Ok(this)
    }

    /// Its task runs for the so-many-th time.
    fn has_moved(&self, times: usize) -> anyhow::Result<()> {
        let runs = format!("foreign-{times} TASK_RUNNING");
        wait_until(&runs, LIMIT, || {
            let log = self.process.log_tail(200);
            ensure!(log.contains(&runs), "{log}");
            Ok(())
        })
    }
}

/// Counts the app's processes all the time.
struct Counter {
    stopped: Arc<AtomicBool>,
    fewest: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl Counter {
    fn start() -> Self {
        let (stopped, fewest) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(usize::MAX)),
        );
        let (stop, least) = (stopped.clone(), fewest.clone());
        let thread = std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                least.fetch_min(machine::pids(&TASK).len(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(100)); // a rate, not a wait
            }
        });
        Self {
            stopped,
            fewest,
            thread,
        }
    }

    fn stop(self) -> usize {
        self.stopped.store(true, Ordering::Relaxed);
        self.thread.join().ok();
        self.fewest.load(Ordering::Relaxed)
    }
}
