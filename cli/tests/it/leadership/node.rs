//! A node agent with masters on it, and single programs, all as processes of their own.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use mesolith_process::{Adopted, adopt};
use mesolith_proto::live::{Followed, LeadershipReport};
use mesolith_proto::node::v1::node_client::NodeClient;
use mesolith_proto::node::v1::{self as pb, LiveSettings, component};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::super::sync::until;

/// Session timeout of masters here: short, so that the end of a session is soon.
pub(crate) const SESSION: &str = "4secs";
const UID: &str = "moving";

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

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
    pub(crate) fn new(id: &'static str, zookeeper: &str) -> Self {
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
            }),
            spec_digest: "the same".into(),
            ..Default::default()
        }
    }
}

/// A node with its agent and masters.
pub(crate) struct Node {
    name: &'static str,
    dir: TempDir,
    port: u16,
    agent: Option<Role>,
    pub(crate) masters: Vec<Master>,
    generation: u64,
}

impl Node {
    pub(crate) fn start(name: &'static str, masters: Vec<Master>) -> Self {
        let mut this = Self {
            name,
            dir: tempfile::tempdir().unwrap(),
            port: free_port(),
            agent: None,
            masters,
            generation: 0,
        };
        this.start_agent();
        this
    }

    pub(crate) fn start_agent(&mut self) {
        let line = [
            "agent".to_owned(),
            format!("--name={}", self.name),
            format!("--listen=127.0.0.1:{}", self.port),
            format!("--http=127.0.0.1:{}", free_port()),
            format!("--state-dir={}", self.dir.path().join("state").display()),
            "--insecure".to_owned(),
        ];
        self.agent = Some(Role::start(self.dir.path(), "agent", &line));
    }

    pub(crate) fn kill_agent(&mut self) {
        self.agent = None;
    }

    /// Says whether the masters of this node may lead, and nothing else.
    pub(crate) async fn tell(&mut self, may_lead: bool) {
        self.generation += 1;
        let request = pb::ApplyRequest {
            cluster: Some(pb::ClusterRef {
                uid: UID.into(),
                name: "default/moving".into(),
            }),
            generation: self.generation,
            components: self
                .masters
                .iter()
                .map(|master| master.component(may_lead))
                .collect(),
            known_ids: self.masters.iter().map(|master| master.id.to_owned()).collect(),
        };
        until("the node agent to take a set", async || {
            self.client().await?.apply(request.clone()).await.ok()
        })
        .await;
    }

    /// What the node shows of its masters now, if it shows the set that it was sent last.
    pub(crate) async fn states(&self) -> Option<Vec<pb::ComponentState>> {
        let watch = pb::WatchRequest {
            cluster_uid: UID.into(),
        };
        let mut stream = self.client().await?.watch(watch).await.ok()?.into_inner();
        let state = stream.message().await.ok()??.clusters.pop()?;
        (state.generation >= self.generation).then_some(state.components)
    }

    async fn client(&self) -> Option<NodeClient<tonic::transport::Channel>> {
        NodeClient::connect(format!("http://127.0.0.1:{}", self.port))
            .await
            .ok()
    }

    /// Waits until every master of this node is as wanted.
    pub(crate) async fn until(
        &self,
        what: &str,
        wanted: impl Fn(&pb::ComponentState) -> bool,
    ) -> Vec<pb::ComponentState> {
        until(what, async || {
            let states = self.states().await?;
            (states.len() == self.masters.len() && states.iter().all(&wanted)).then_some(states)
        })
        .await
    }
}

impl Drop for Node {
    /// Masters outlive their node agent.
    fn drop(&mut self) {
        self.agent = None;
        let runs: Vec<PathBuf> = self
            .masters
            .iter()
            .map(|master| {
                self.dir
                    .path()
                    .join("state")
                    .join(UID)
                    .join(master.id)
                    .join("run")
            })
            .collect();
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                for run in runs {
                    if let Ok(Adopted::Running(process)) = adopt(&run).await {
                        let _ = process.kill().await;
                    }
                }
            });
        });
        let _ = cleaning.join();
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
