//! A node agent as `mesolith agent` runs it, with mutual TLS, and what the operator asks of it.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mesolith_pki::{Authority, CertificateRequest, ClientTls, Identity, Material, PkiDir, Role};
use mesolith_process::{Adopted, adopt};
use mesolith_proto::node::v1 as pb;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pb::node_client::NodeClient;
use tempfile::TempDir;
use tonic::transport::Channel;

/// Time limit for anything that real servers do.
const LIMIT: Duration = Duration::from_secs(90);
/// Ids of masters that a node may have.
pub(crate) const MASTERS: [&str; 2] = ["master1", "master2"];
pub(crate) const HOST: &str = "127.0.0.1";

/// A free port, on all loopback addresses.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

pub(crate) fn kill_9(pid: u32) {
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).unwrap();
}

/// Whether a process with this id runs; one that nobody has reaped yet does not.
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

pub(crate) struct Node {
    pub(crate) name: String,
    uid: String,
    port: u16,
    http: u16,
    directory: TempDir,
    operator: Material,
    child: Option<Child>,
}

impl Node {
    /// A node of the authority's cluster, started.
    pub(crate) fn start(name: &str, authority: &Authority) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let material = |role, name: &str| {
            let identity = Identity::new(role, name).unwrap();
            let request = CertificateRequest::new(identity, [HOST.to_owned()]);
            authority.issue(&request).unwrap()
        };
        let mut node = Self {
            name: name.to_owned(),
            // Control groups have its name.
            uid: format!(
                "move-{}-{}",
                std::process::id(),
                NEXT.fetch_add(1, Ordering::Relaxed)
            ),
            port: free_port(),
            http: free_port(),
            directory: tempfile::tempdir().unwrap(),
            operator: material(Role::Operator, "operator"),
            child: None,
        };
        let pki = PkiDir::new(node.directory.path().join("pki"));
        pki.install(&material(Role::Node, name)).unwrap();
        node.run();
        node
    }

    pub(crate) fn run(&mut self) {
        let child = Command::new(env!("CARGO_BIN_EXE_mesolith"))
            .args(["agent", "--name", &self.name])
            .args(["--listen", &format!("{HOST}:{}", self.port)])
            .args(["--http", &format!("{HOST}:{}", self.http), "--state-dir"])
            .arg(self.state_dir())
            .arg("--pki-dir")
            .arg(self.pki_dir())
            .stdin(Stdio::null())
            .spawn();
        self.child = Some(child.unwrap());
    }

    /// As `kill -9` does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// Everything of the owner.
    pub(crate) fn home(&self) -> PathBuf {
        self.state_dir().join(&self.uid)
    }

    /// Its certificate and key.
    pub(crate) fn pki_dir(&self) -> PathBuf {
        self.directory.path().join("pki")
    }

    /// A connection to something that runs with this node's certificate.
    pub(crate) fn channel(&self, port: u16) -> Channel {
        self.channel_with(&self.operator, port)
    }

    pub(crate) fn channel_with(&self, operator: &Material, port: u16) -> Channel {
        let tls = ClientTls::from_material(operator, Role::Node, Some(&self.name)).unwrap();
        tls.channel(&format!("{HOST}:{port}")).unwrap()
    }

    fn cluster(&self) -> Option<pb::ClusterRef> {
        Some(pb::ClusterRef {
            uid: self.uid.clone(),
            name: "default/move".into(),
        })
    }

    /// The node API, once it answers.
    async fn client(&self) -> NodeClient<Channel> {
        let begun = Instant::now();
        let mut client = NodeClient::new(self.channel(self.port));
        while let Err(error) = client.get_facts(pb::GetFactsRequest::default()).await {
            assert!(begun.elapsed() < LIMIT, "{}: {error}", self.name);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        client
    }

    pub(crate) async fn apply(
        &self,
        generation: u64,
        components: Vec<pb::Component>,
    ) -> Result<(), tonic::Status> {
        let request = pb::ApplyRequest {
            cluster: self.cluster(),
            generation,
            components,
            known_ids: ["sync"]
                .iter()
                .chain(&MASTERS)
                .map(|id| (*id).to_owned())
                .collect(),
        };
        self.client().await.apply(request).await.map(drop)
    }

    /// Asks until nothing is left.
    pub(crate) async fn remove(&self, generation: u64, archive: bool) {
        let request = pb::RemoveRequest {
            cluster: self.cluster(),
            generation,
            archive,
            ..Default::default()
        };
        let begun = Instant::now();
        let mut client = self.client().await;
        while !client.remove(request.clone()).await.unwrap().into_inner().gone {
            assert!(begun.elapsed() < LIMIT, "{}: never gone", self.name);
        }
    }

    /// The owner's set, once this holds.
    pub(crate) async fn until(
        &self,
        what: &str,
        holds: impl Fn(&pb::ClusterState) -> bool,
    ) -> pb::ClusterState {
        let cluster_uid = self.uid.clone();
        let request = pb::WatchRequest { cluster_uid };
        let mut states = self.client().await.watch(request).await.unwrap().into_inner();
        let mut last = None;
        let begun = Instant::now();
        loop {
            let left = LIMIT.saturating_sub(begun.elapsed());
            match tokio::time::timeout(left, states.message()).await {
                Ok(Ok(Some(state))) => last = state.clusters.into_iter().next().or(last),
                Ok(other) => panic!("{}: watching for {what}: {other:?}", self.name),
                Err(_) => panic!("{}: never {what}; last {last:#?}\n{}", self.name, self.log()),
            }
            if let Some(state) = last.as_ref().filter(|state| holds(state)) {
                return state.clone();
            }
        }
    }

    /// The only component, once this holds.
    pub(crate) async fn until_component(
        &self,
        what: &str,
        holds: impl Fn(&pb::ComponentState) -> bool,
    ) -> pb::ComponentState {
        let first = |s: &pb::ClusterState| s.components.first().is_some_and(&holds);
        self.until(what, first).await.components.remove(0)
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.home().join("sync/log/sync.log")).unwrap_or_default()
    }
}

/// Nothing is left, also after a failed test.
impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
        let homes = std::fs::read_dir(self.home()).into_iter().flatten().flatten();
        let runs: Vec<_> = homes.map(|home| home.path().join("run")).collect();
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
