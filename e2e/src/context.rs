//! What every story has at hand: the world and questions about it, in a user's words.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use mesolith_testkit::{Docker, Kubectl, Node, Options, Progress, World, root, wait_until};
use serde_json::Value;

use crate::{http, machine};

/// Of the example cluster's masters, and of those that a migration moves it to.
const MASTER_PORTS: [u16; 2] = [5050, 5060];
/// Long enough for two busy cores.
pub const LIMIT: Duration = Duration::from_secs(120);

/// A world on real parts, with the example cluster and app.
pub struct Context {
    /// The world.
    pub world: World,
    /// Receives the traces of the world's programs.
    pub collector: crate::trace_collector::Collector,
    key: u8,
}

impl Context {
    /// Brings the world up and applies the example cluster and app. `key` is the third byte of its addresses, so that it
    /// meets neither `make up`'s world nor others of its kind.
    pub fn up(name: &str, key: u8) -> anyhow::Result<Self> {
        let dir = std::env::temp_dir().join(name);
        let mut options = Options::new(&dir, key, 3);
        // A run that was interrupted leaves a world that looks alive and is not what this run wants.
        World::down(&options).context("remove the world of an earlier run")?;
        let collector = crate::trace_collector::Collector::start()?;
        options
            .env
            .push(("OTEL_EXPORTER_OTLP_ENDPOINT".into(), collector.endpoint()));
        let world = World::up(options, &Progress::shown())?;
        let this = Self {
            world,
            collector,
            key,
        };
        this.apply_example("cluster.yaml")?;
        this.apply_example("hello.yaml")?;
        Ok(this)
    }

    /// Takes the world down.
    pub fn down(self) -> anyhow::Result<()> {
        World::down(self.world.options())
    }

    /// Applies one of `manifests/examples`, moved to this world's addresses. Those reserved for documentation become
    /// loopback addresses where nobody answers.
    pub fn apply_example(&self, file: &str) -> anyhow::Result<()> {
        self.kubectl().apply(&self.example(file)?).map(drop)
    }

    /// The text of an example, moved in the same way.
    pub fn example(&self, file: &str) -> anyhow::Result<String> {
        let text = std::fs::read_to_string(root().join("manifests/examples").join(file))?;
        Ok(text
            .replace("127.0.0.", &format!("127.0.{}.", self.key))
            .replace("192.0.2.", "127.192.2.")
            .replace("198.51.100.", "127.198.51."))
    }

    /// The world's kubectl.
    pub fn kubectl(&self) -> &Kubectl {
        self.world.kubectl()
    }

    /// The world's Docker engine.
    pub fn docker(&self) -> &Docker {
        self.world.docker()
    }

    /// Address of node `n` (from 1).
    pub fn ip(&self, n: u8) -> String {
        format!("127.0.{}.{}", self.key, 10 + n)
    }

    /// The node agent with that address.
    pub fn node_at(&self, ip: &str) -> anyhow::Result<&Node> {
        let found = self
            .world
            .nodes()
            .iter()
            .find(|node| node.address().to_string() == ip);
        found.with_context(|| format!("no node at {ip}"))
    }

    /// The directory of node `n` with a slash at its end: what the command lines of its components contain.
    pub fn node_dir(&self, n: u8) -> String {
        format!("{}/nodes/node{n}/", self.world.dir().display())
    }

    /// An object as JSON.
    pub fn get(&self, kind: &str, name: &str) -> anyhow::Result<Value> {
        let text = self
            .kubectl()
            .run(&["get", kind, name, "-n", "default", "-o", "json"])?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Waits for Ready=True at the present generation.
    pub fn wait_ready(&self, kind: &str, name: &str) -> anyhow::Result<Value> {
        wait_until(&format!("{kind} {name} to be ready"), LIMIT, || {
            let object = self.get(kind, name)?;
            let ready = condition(&object, "Ready");
            let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
            ensure!(current && ready["status"] == "True", "Ready is {ready}");
            Ok(object)
        })
    }

    /// Waits until a condition has this status and reason, and returns it.
    pub fn wait_condition(
        &self,
        kind: &str,
        name: &str,
        (type_, status, reason): (&str, &str, &str),
    ) -> anyhow::Result<Value> {
        wait_until(
            &format!("{kind} {name}: {type_}={status}, {reason}"),
            LIMIT,
            || {
                let found = condition(&self.get(kind, name)?, type_);
                ensure!(
                    found["status"] == status && found["reason"] == reason,
                    "it is {found}"
                );
                Ok(found)
            },
        )
    }

    /// Waits until an app has exactly so many ready instances, and returns them.
    pub fn wait_instances(&self, app: &str, count: usize) -> anyhow::Result<Vec<Value>> {
        wait_until(&format!("{app} to have {count} instances"), LIMIT, || {
            let object = self.get("marathonapp", app)?;
            let instances = object["status"]["instanceList"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let ready = condition(&object, "Ready");
            let running = instances.iter().filter(|i| i["state"] == "TASK_RUNNING").count();
            ensure!(
                ready["status"] == "True" && instances.len() == count && running == count,
                "Ready is {ready}, instances {instances:?}"
            );
            Ok(instances)
        })
    }

    /// The leading master's `ip:port`: the one that answers `/state` itself, as only a leader does.
    pub fn leader(&self) -> anyhow::Result<String> {
        let leading = http::all_that_lead(&self.masters());
        match &leading[..] {
            [one] => Ok(one.clone()),
            [] => bail!("no master leads"),
            _ => bail!("masters {leading:?} lead at once"),
        }
    }

    /// `ip:port` of every master that this world may have.
    pub fn masters(&self) -> Vec<String> {
        let of_port = |port: u16| (1..=3).map(move |n| (n, port));
        let all = MASTER_PORTS.into_iter().flat_map(of_port);
        all.map(|(n, port)| format!("{}:{port}", self.ip(n))).collect()
    }

    /// Pids of this world's masters that listen on a port.
    pub fn masters_on(&self, port: u16) -> Vec<u32> {
        let port = format!("--port={port}");
        let on = |n: u8| machine::pids(&["master", &format!("--ip={}", self.ip(n)), &port]);
        (1..=3).flat_map(on).collect()
    }

    /// Pids of this world's ZooKeeper servers with a component id: `zookeeper`, or `zookeeper2` of a cluster that moves.
    pub fn servers(&self, id: &str) -> Vec<u32> {
        let on = |n: u8| machine::pids(&["zoo.cfg", &self.node_dir(n), &format!("/{id}/")]);
        (1..=3).flat_map(on).collect()
    }

    /// Pids of this world's sync engines.
    pub fn engines(&self) -> Vec<u32> {
        let on = |n: u8| machine::pids(&["--foreground", &format!("--state-dir={}", self.node_dir(n))]);
        (1..=3).flat_map(on).collect()
    }

    /// The leading master's `/state`.
    pub fn state(&self) -> anyhow::Result<Value> {
        http::json(&format!("http://{}/state", self.leader()?))
    }

    /// Ids of the tasks that the leading master shows as running.
    pub fn running_tasks(&self) -> anyhow::Result<Vec<String>> {
        let state = self.state()?;
        let frameworks = state["frameworks"].as_array().cloned().unwrap_or_default();
        let tasks = frameworks
            .iter()
            .flat_map(|f| f["tasks"].as_array().cloned().unwrap_or_default());
        let running = tasks.filter(|t| t["state"] == "TASK_RUNNING");
        Ok(running
            .filter_map(|t| t["id"].as_str().map(str::to_owned))
            .collect())
    }

    /// Where an instance answers.
    pub fn url(&self, instance: &Value) -> anyhow::Result<String> {
        let host = instance["host"].as_str().context("the instance has no host")?;
        let port = instance["ports"][0]
            .as_i64()
            .context("the instance has no port")?;
        Ok(format!("http://{host}:{port}/"))
    }

    /// The page of an instance.
    pub fn page(&self, instance: &Value, path: &str) -> anyhow::Result<String> {
        http::text(&format!(
            "{}{}",
            self.url(instance)?,
            path.trim_start_matches('/')
        ))
    }

    /// What a task wrote, from its sandbox in the archives of components that were removed.
    pub fn last_words(&self, task: &str) -> anyhow::Result<String> {
        let mut said = String::new();
        for n in 1..=3 {
            let archives = self.node_at(&self.ip(n))?.dir().join("state/archive");
            for archive in std::fs::read_dir(archives).into_iter().flatten().flatten() {
                let slaves = archive.path().join("work/slaves");
                for slave in std::fs::read_dir(slaves).into_iter().flatten().flatten() {
                    let frameworks = std::fs::read_dir(slave.path().join("frameworks"));
                    for framework in frameworks.into_iter().flatten().flatten() {
                        let runs = framework.path().join("executors").join(task).join("runs");
                        for run in std::fs::read_dir(runs).into_iter().flatten().flatten() {
                            let stdout = run.path().join("stdout");
                            said.push_str(&std::fs::read_to_string(stdout).unwrap_or_default());
                        }
                    }
                }
            }
        }
        Ok(said)
    }

    /// Prints what a person would look at first.
    pub fn show_state(&self) {
        for arguments in [
            &["get", "mc,mapp,zkm", "-A", "-o", "wide"][..],
            &["get", "events", "-A"][..],
        ] {
            match self.kubectl().run(arguments) {
                Ok(text) => {
                    let lines: Vec<&str> = text.lines().collect();
                    let last = &lines[lines.len().saturating_sub(12)..];
                    println!(
                        "    $ kubectl {}\n      {}",
                        arguments.join(" "),
                        last.join("\n      ")
                    );
                }
                Err(error) => println!("    {error:#}"),
            }
        }
    }

    /// Copies the logs out of the world's directory, which is about to be removed.
    pub fn keep_logs(&self) {
        let kept: PathBuf = std::env::temp_dir().join(format!("mesolith-e2e-logs-{}", std::process::id()));
        let script = format!(
            "cd {} && find . -name '*.log' -size -20M -print0 | tar --null -T - -cf - | (mkdir -p {kept} && tar -C {kept} -xf -)",
            self.world.dir().display(),
            kept = kept.display()
        );
        std::process::Command::new("sh")
            .args(["-c", &script])
            .status()
            .ok();
        println!("    logs are kept in {}", kept.display());
    }
}

/// One condition of an object; null when it has none of that type.
pub fn condition(object: &Value, type_: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .find(|c| c["type"] == type_)
        .cloned()
        .unwrap_or(Value::Null)
}
