//! The agent as a process.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::master::Master;
use crate::{eventually, free_port};

pub(crate) struct Agent {
    pub(crate) dir: TempDir,
    pub(crate) port: u16,
    pub(crate) master: Master,
    /// Where it registers.
    address: String,
    arguments: Vec<String>,
    process: Option<Child>,
}

impl Agent {
    /// An agent that registered with a master of its own.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let master = Master::start().await;
        let address = master.address();
        let agent = Self::under(master, address, arguments);
        agent.master.hello(1).await;
        // A hello comes before the registration, which writes the identity.
        let identity = agent.work_dir().join("meta/slaves/latest");
        eventually("the agent is registered", async || {
            identity.exists().then_some(())
        })
        .await;
        agent
    }

    /// An agent of another master than the scripted one.
    pub(crate) async fn of(address: String) -> Self {
        Self::under(Master::start().await, address, &[])
    }

    fn under(master: Master, address: String, arguments: &[&str]) -> Self {
        let mut agent = Self {
            dir: tempfile::Builder::new().prefix("magent-").tempdir().unwrap(),
            port: free_port(),
            master,
            address,
            arguments: arguments.iter().map(ToString::to_string).collect(),
            process: None,
        };
        agent.process = Some(agent.command(arguments).spawn().unwrap());
        agent
    }

    pub(crate) fn work_dir(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    pub(crate) fn command(&self, more: &[&str]) -> Command {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.dir.path().join("log"))
            .unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mesolith-mesos-agent"));
        command
            .args([
                "--ip=127.0.0.1",
                "--resources=cpus:4;mem:2048;disk:1000",
                "--registration_backoff_factor=10ms",
            ])
            .arg(format!("--port={}", self.port))
            .arg(format!("--master={}", self.address))
            .arg(format!("--work_dir={}", self.work_dir().display()))
            .args(self.runtime_dir(more))
            .args(more)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        command
    }

    /// A runtime directory of this test's own, unless the test names one.
    fn runtime_dir(&self, more: &[&str]) -> Option<String> {
        let said = more.iter().any(|argument| argument.starts_with("--runtime_dir"));
        (!said).then(|| format!("--runtime_dir={}", self.dir.path().join("run").display()))
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// kill -NAME.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.process.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> std::process::ExitStatus {
        let mut process = self.process.take().unwrap();
        eventually("the agent ends", async || process.try_wait().unwrap()).await
    }

    /// Runs it with `--leave`, while its master goes on.
    pub(crate) async fn leave(&self, more: &[&str]) -> std::process::ExitStatus {
        let mut process = self.command(&[&["--leave"], more].concat()).spawn().unwrap();
        eventually("it has left", async || process.try_wait().unwrap()).await
    }

    /// Starts it again and waits until it said hello.
    pub(crate) async fn restart(&mut self) {
        let before = self.master.state().hellos.len();
        self.again();
        self.master.hello(before + 1).await;
    }

    /// Starts it again.
    pub(crate) fn again(&mut self) {
        let arguments = self.arguments.clone();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.process = Some(self.command(&arguments).spawn().unwrap());
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        reqwest::get(format!("http://127.0.0.1:{}{path}", self.port))
            .await
            .unwrap()
    }

    pub(crate) async fn state(&self) -> Value {
        self.get("/state").await.json().await.unwrap()
    }

    /// The sandbox of a task's newest run.
    pub(crate) fn sandbox(&self, task: &str) -> PathBuf {
        let executors = format!("slaves/M-S0/frameworks/{}/executors", crate::master::FRAMEWORK);
        self.work_dir().join(executors).join(task).join("runs/latest")
    }

    pub(crate) async fn output(&self, task: &str, contains: &str) -> String {
        let path = self.sandbox(task).join("stdout");
        eventually(&format!("{} contains {contains:?}", path.display()), async || {
            text(&path).filter(|text| text.contains(contains))
        })
        .await
    }

    /// Waits until every checkpoint is gone; names those that stay, and what the agent said.
    pub(crate) async fn nothing_is_left(&self) {
        let gone = eventually("nothing is left", async || {
            self.checkpoints().is_empty().then_some(())
        });
        let left = tokio::time::timeout(std::time::Duration::from_secs(50), gone).await;
        assert!(left.is_ok(), "{:?} stay\n{}", self.checkpoints(), self.log());
    }

    /// Checkpoints that are left.
    pub(crate) fn checkpoints(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut todo = vec![self.work_dir().join("meta/slaves/M-S0/frameworks")];
        while let Some(dir) = todo.pop() {
            for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    todo.push(entry.path())
                } else {
                    found.push(entry.path())
                }
            }
        }
        found
    }

    pub(crate) fn log(&self) -> String {
        text(&self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- agent log\n{}", self.log());
        }
        // What tests leave running is in control groups that have the names of the sandboxes.
        let mut todo = vec![self.work_dir().join("slaves")];
        while let Some(dir) = todo.pop() {
            if dir.file_name().is_some_and(|n| n == "runs") {
                for run in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
                    let group = Path::new("/sys/fs/cgroup/freezer/mesos")
                        .join(run.file_name())
                        .join("cgroup.procs");
                    for pid in text(&group).unwrap_or_default().lines() {
                        Command::new("kill").args(["-9", pid]).status().ok();
                    }
                }
                continue;
            }
            let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
            todo.extend(entries.map(|e| e.path()).filter(|p| p.is_dir()));
        }
    }
}

pub(crate) fn text(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}
