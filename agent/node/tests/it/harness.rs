//! A node agent as a process of its own, and what tests ask of it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mesolith_process::{Adopted, adopt};
use mesolith_proto::node::v1 as pb;
use mesolith_proto::node::v1::node_client::NodeClient;
use pb::component::Kind;
use tempfile::TempDir;
use tonic::transport::Channel;

/// A JVM on a busy two-core machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) type Client = NodeClient<Channel>;

pub(crate) struct Agent {
    pub(crate) ip: String,
    pub(crate) port: u16,
    http: u16,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) directory: TempDir,
    child: Option<Child>,
    pub(crate) arguments: Vec<String>,
    /// What the sender of sets says that it knows.
    pub(crate) known_ids: Vec<String>,
}

/// A port nobody listens on, on any of the loopback addresses tests use.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(23_000);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if std::net::TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}

impl Agent {
    /// Not started yet.
    pub(crate) fn new(ip: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let uid = format!(
            "test-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let directory = tempfile::tempdir().unwrap();
        let arguments = vec!["--insecure".to_owned()];
        Self {
            name: "n1".into(),
            ip: ip.into(),
            port: free_port(),
            http: free_port(),
            uid,
            directory,
            child: None,
            arguments,
            known_ids: vec![],
        }
    }

    pub(crate) fn started(ip: &str) -> Self {
        let mut agent = Self::new(ip);
        agent.start(&[]);
        agent
    }

    pub(crate) fn start(&mut self, env: &[(&str, &str)]) {
        let child = self.command().envs(env.iter().copied()).spawn();
        self.child = Some(child.unwrap());
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mesolith-node-agent"));
        command
            .args([
                "--name",
                &self.name,
                "--listen",
                &format!("{}:{}", self.ip, self.port),
            ])
            .args(["--http", &format!("{}:{}", self.ip, self.http), "--state-dir"])
            .arg(self.state_dir())
            .args(&self.arguments)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    pub(crate) fn home(&self, component: &str) -> PathBuf {
        self.state_dir().join(&self.uid).join(component)
    }

    /// As `kill -9` does.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        let pid = nix::unistd::Pid::from_raw(self.child.as_ref().unwrap().id().cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        self.ended().await
    }

    /// Waits for the end of the agent itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        let mut child = self.child.take().unwrap();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the agent does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn client(&self) -> Client {
        let address = format!("http://{}:{}", self.ip, self.port);
        let deadline = Instant::now() + PATIENCE;
        loop {
            match NodeClient::connect(address.clone()).await {
                Ok(client) => return client,
                Err(error) => assert!(Instant::now() < deadline, "{address}: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn apply(
        &self,
        generation: u64,
        components: Vec<pb::Component>,
    ) -> Result<u64, tonic::Status> {
        let cluster = Some(self.cluster());
        let request = pb::ApplyRequest {
            cluster,
            generation,
            components,
            known_ids: self.known_ids.clone(),
        };
        self.client()
            .await
            .apply(request)
            .await
            .map(|answer| answer.into_inner().accepted_generation)
    }

    pub(crate) fn cluster(&self) -> pb::ClusterRef {
        pb::ClusterRef {
            uid: self.uid.clone(),
            name: "default/prod".into(),
        }
    }

    /// The first state of the cluster for which the condition holds.
    pub(crate) async fn until(
        &self,
        what: &str,
        holds: impl Fn(&pb::ClusterState) -> bool,
    ) -> pb::ClusterState {
        let request = pb::WatchRequest {
            cluster_uid: self.uid.clone(),
        };
        let mut states = self.client().await.watch(request).await.unwrap().into_inner();
        let mut last = None;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match tokio::time::timeout(left, states.message()).await {
                Ok(Ok(Some(state))) => last = state.clusters.into_iter().next().or(last),
                Ok(other) => unreachable!("watching for {what}: {other:?}"),
                Err(_) => unreachable!("never: {what}; last {last:#?}"),
            }
            if let Some(state) = last.as_ref().filter(|state| holds(state)) {
                return state.clone();
            }
        }
    }

    /// The only component, once it is in this phase.
    pub(crate) async fn until_phase(&self, phase: pb::Phase) -> pb::ComponentState {
        let state = self.until(phase.as_str_name(), |s| {
            s.components.first().is_some_and(|c| c.phase() == phase)
        });
        state.await.components.remove(0)
    }

    /// The only component, once it gives this reason.
    pub(crate) async fn until_reason(&self, reason: &str) -> pb::ComponentState {
        let state = self.until(reason, |s| {
            s.components.first().is_some_and(|c| c.reason == reason)
        });
        state.await.components.remove(0)
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        let url = format!("http://{}:{}{path}", self.ip, self.http);
        reqwest::get(url).await.unwrap().text().await.unwrap()
    }

    /// A standalone server on this node.
    pub(crate) fn zookeeper(&self, client_port: u16) -> pb::Component {
        let server = pb::ZooKeeperServer {
            my_id: 1,
            bind_address: self.ip.clone(),
            client_port: client_port.into(),
            heap_megabytes: 64,
            ..Default::default()
        };
        component(server)
    }
}

pub(crate) fn component(server: pb::ZooKeeperServer) -> pb::Component {
    let kind = Some(Kind::Zookeeper(server));
    pb::Component {
        id: "zookeeper".into(),
        kind,
        spec_digest: "abc".into(),
        ..Default::default()
    }
}

/// With another setting in zoo.cfg.
pub(crate) fn changed(component: &pb::Component) -> pb::Component {
    let mut component = component.clone();
    if let Some(Kind::Zookeeper(server)) = &mut component.kind {
        server
            .config
            .insert("globalOutstandingLimit".into(), "900".into());
    }
    component
}

/// Everything an agent launched, stopped by force; also after a failed test.
impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let homes = directories(&self.state_dir())
            .into_iter()
            .flat_map(|cluster| directories(&cluster));
        let runs: Vec<_> = homes.map(|home| home.join("run")).collect();
        let cleaning = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(async {
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

fn directories(path: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.is_dir())
        .collect()
}
