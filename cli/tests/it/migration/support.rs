//! One Kubernetes API for the tests of this program, and the program under its other name.

use mesolith_testkit::ApiServer;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};

static SHARED: Mutex<Weak<ApiServer>> = Mutex::new(Weak::new());

pub struct Api {
    server: Arc<ApiServer>,
}

/// What the program said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn json(&self) -> Value {
        let last = self.out.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The spec of a small migration.
pub fn spec() -> Value {
    json!({
        "source": {"clusterRef": {"name": "prod"}},
        "target": {
            "zookeeper": {"nodes": "zk[1-3]"}, "masters": {"nodes": "cp[1-3]"}, "agents": {"nodes": "worker[1-3]"}
        }
    })
}

/// A phase whose evidence waits.
pub fn awaiting(phase: &str, hash: &str) -> Value {
    json!({
        "phase": phase, "stage": "AwaitingApproval", "direction": "Forward", "since": "2026-03-01T14:02:11Z",
        "evidence": {
            "phase": phase, "hash": hash, "summary": "quorum 3/3 · conflicts 0", "since": "2026-03-01T14:02:11Z",
            "facts": {"quorum": "3/3", "conflicts": "0"}
        },
        "waitingFor": [{
            "reason": "WaitingForApproval", "message": format!("approve {phase}@{hash}"),
            "command": format!("mesolith.io/approve={phase}@{hash}")
        }],
        "waitingForSummary": format!("approve {phase}@{hash}")
    })
}

fn command(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mesolith"));
    command.arg0(name).args(args).stdin(Stdio::null());
    command
}

/// The program under a name.
pub fn program(name: &str, args: &[&str]) -> Said {
    said(command(name, args))
}

fn said(mut command: Command) -> Said {
    let output = command.output().unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Api {
    pub fn shared() -> Self {
        let mut shared = SHARED.lock().unwrap_or_else(|e| e.into_inner());
        let server = shared.upgrade().unwrap_or_else(|| {
            let fresh = Arc::new(ApiServer::start().unwrap());
            *shared = Arc::downgrade(&fresh);
            fresh
        });
        Self { server }
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.server.kubeconfig()
    }

    pub fn kubectl(&self, args: &[&str]) -> String {
        self.server.kubectl().unwrap().run(args).unwrap()
    }

    pub fn json(&self, args: &[&str]) -> Value {
        let args = [args, &["-o", "json"]].concat();
        serde_json::from_str(&self.kubectl(&args)).unwrap()
    }

    pub fn object(&self, name: &str) -> Value {
        self.json(&["get", "zkm", name])
    }

    /// A migration with a status, as an operator would have written it.
    pub fn create(&self, name: &str, spec: Value, status: Value) {
        let object = json!({
            "apiVersion": "mesolith.io/v1alpha1", "kind": "ZkMigration", "metadata": {"name": name}, "spec": spec
        });
        let kubectl = self.server.kubectl().unwrap();
        kubectl
            .run_with_input(&["create", "-f", "-"], &object.to_string())
            .unwrap();
        self.status(name, status);
    }

    /// Replaces the fields of the status; those that are not given go.
    pub fn status(&self, name: &str, status: Value) {
        let patch = json!([{"op": "add", "path": "/status", "value": status}]).to_string();
        self.kubectl(&[
            "patch",
            "zkm",
            name,
            "--subresource=status",
            "--type=json",
            "-p",
            &patch,
        ]);
    }

    pub fn migrate(&self, args: &[&str]) -> Said {
        let mut command = command("/usr/bin/mesos-migrate", args);
        command.env("KUBECONFIG", self.kubeconfig());
        said(command)
    }

    /// As a ServiceAccount without any right.
    pub fn migrate_as(&self, account: &str, args: &[&str]) -> Said {
        self.kubectl(&["create", "serviceaccount", account]);
        let file = tempfile::NamedTempFile::new().unwrap();
        self.server
            .service_account("default", account, file.path())
            .unwrap();
        let mut command = command("mesos-migrate", args);
        command.env("KUBECONFIG", file.path());
        said(command)
    }

    /// Starts it; what it prints is read line by line.
    pub fn follow(&self, args: &[&str]) -> Followed {
        let mut command = command("mesos-migrate", args);
        command
            .env("KUBECONFIG", self.kubeconfig())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Followed { child, lines }
    }
}

pub struct Followed {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Followed {
    /// The next line; the test runner's own limit ends a wait for one that never comes.
    pub fn line(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    pub fn end(mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
