//! The masters of one side, on a node with an agent; and single programs. All are processes of their own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use mesolith_pki::Authority;
use mesolith_proto::live::{Followed, LeadershipReport};
use mesolith_proto::node::v1::{self as pb, LiveSettings, component};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::node::{MASTERS, Node, free_port};
use crate::sync::until;

/// Session timeout of masters here: short, so that the end of a session is soon.
pub(crate) const SESSION: &str = "4secs";

/// A role of the program; killed when dropped.
pub(crate) struct Role {
    pub(crate) log: PathBuf,
    child: Child,
}

impl Role {
    pub(crate) fn start(dir: &Path, name: &str, line: &[String]) -> Self {
        let log = dir.join(format!("{name}.log"));
        let out = File::options().create(true).append(true).open(&log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_mesolith"))
            .args(line)
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .unwrap();
        Self { log, child }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send(self.child.id(), signal);
    }

    /// Stops it; when this returns, none of its threads runs.
    pub(crate) async fn pause(&self) {
        pause(self.child.id()).await;
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
        until("the end of a process", async || self.child.try_wait().unwrap()).await
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn send(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.cast_signed()), signal).unwrap();
}

/// SIGSTOP, and waits until every thread has seen it.
pub(crate) async fn pause(pid: u32) {
    send(pid, Signal::SIGSTOP);
    until("a process to stop", async || {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let stat = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("stat")).unwrap();
        let stopped = |stat: String| {
            stat.rsplit_once(") ")
                .is_some_and(|(_, rest)| rest.starts_with('T'))
        };
        threads.flatten().map(stat).all(stopped).then_some(())
    })
    .await;
}

/// A master of a node.
#[derive(Debug, Clone)]
pub(crate) struct Master {
    id: &'static str,
    pub(crate) port: u16,
    zookeeper: String,
}

impl Master {
    fn new(id: &'static str, zookeeper: &str) -> Self {
        Self {
            id,
            port: free_port(),
            zookeeper: zookeeper.to_owned(),
        }
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) async fn report(&self, client: &reqwest::Client) -> Option<LeadershipReport> {
        let url = format!("http://{}/leadership", self.address());
        client.get(url).send().await.ok()?.json().await.ok()
    }

    fn component(&self, may_lead: bool) -> pb::Component {
        let master = pb::MesosMaster {
            bind_address: "127.0.0.1".into(),
            port: self.port.into(),
            hostname: "127.0.0.1".into(),
            zookeeper: self.zookeeper.clone(),
            flags: [("zk_session_timeout".to_owned(), SESSION.to_owned())].into(),
            ..Default::default()
        };
        pb::Component {
            id: self.id.into(),
            kind: Some(component::Kind::Master(master)),
            live: Some(LiveSettings {
                may_lead: Some(may_lead),
                ..LiveSettings::default()
            }),
            spec_digest: "the same".into(),
            ..Default::default()
        }
    }
}

/// A node with its agent, and its masters.
pub(crate) struct Side {
    pub(crate) node: Node,
    pub(crate) masters: Vec<Master>,
    generation: u64,
}

impl Side {
    pub(crate) fn start(name: &str, authority: &Authority, zookeeper: &str) -> Self {
        Self {
            node: Node::start(name, authority),
            masters: MASTERS.map(|id| Master::new(id, zookeeper)).into(),
            generation: 0,
        }
    }

    /// Says whether the masters of this side may lead, and nothing else.
    pub(crate) async fn tell(&mut self, may_lead: bool) {
        self.generation += 1;
        let components = self.masters.iter().map(|master| master.component(may_lead));
        self.node
            .apply(self.generation, components.collect())
            .await
            .unwrap();
    }

    /// What the node shows of the masters, once this holds for a state that is not older than what it was told last.
    pub(crate) async fn until(
        &self,
        what: &str,
        holds: impl Fn(&[pb::ComponentState]) -> bool,
    ) -> Vec<pb::ComponentState> {
        let current = |s: &pb::ClusterState| {
            s.generation >= self.generation
                && s.components.len() == self.masters.len()
                && holds(&s.components)
        };
        self.node.until(what, current).await.components
    }

    /// The same, once this holds for each master.
    pub(crate) async fn until_all(
        &self,
        what: &str,
        holds: impl Fn(&pb::ComponentState) -> bool,
    ) -> Vec<pb::ComponentState> {
        self.until(what, |states| states.iter().all(&holds)).await
    }
}

/// A file of live settings, written as a node agent does.
pub(crate) fn write_settings(file: &Path, generation: u64, may_lead: bool) {
    let told = Followed { generation, may_lead };
    mesolith_process::durable::write(file, told.text().as_bytes()).unwrap();
}

/// The time limit of single requests: a process that is stopped never answers.
pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .timeout(Duration::from_secs(2))
        .redirect(reqwest::redirect::Policy::none())
        .tls_certs_only([])
        .build()
        .unwrap()
}
