//! A node agent that converges at once, and misbehaves when told to.

use mesolith_pki::{Authority, CertificateRequest, Identity, Role, ServerTls};
use mesolith_proto::node::v1::node_server::{Node, NodeServer};
use mesolith_proto::node::v1::*;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

/// What happens on all nodes of a test, in order: `n1 restart master`.
pub type Log = Arc<Mutex<Vec<String>>>;

#[derive(Clone)]
pub struct FakeNode {
    pub name: String,
    pub address: SocketAddr,
    log: Log,
    clusters: watch::Sender<BTreeMap<String, ClusterState>>,
    /// Facts of components by id, e.g. `leading=true` of the master.
    facts: BTreeMap<String, (String, String)>,
    /// Phase, reason and message of components that cannot run here.
    faults: watch::Sender<BTreeMap<String, (Phase, String, String)>>,
    /// What it says of its machine; the ports that are asked about are free unless this lists them.
    machine: Facts,
    /// A runtime of its own: ending it ends open connections as a kill does.
    server: Arc<Mutex<Option<tokio::runtime::Runtime>>>,
}

impl FakeNode {
    pub fn new(name: &str, address: SocketAddr, log: &Log) -> Self {
        Self {
            name: name.to_owned(),
            address,
            log: log.clone(),
            clusters: watch::Sender::new(BTreeMap::new()),
            facts: BTreeMap::new(),
            faults: watch::Sender::new(BTreeMap::new()),
            machine: good_machine(name),
            server: Arc::default(),
        }
    }

    pub fn with_fact(mut self, component: &str, key: &str, value: &str) -> Self {
        self.facts
            .insert(component.to_owned(), (key.to_owned(), value.to_owned()));
        self
    }

    pub fn with_fault(self, component: &str, reason: &str, message: &str) -> Self {
        let fault = (Phase::Failed, reason.to_owned(), message.to_owned());
        self.faults
            .send_modify(|faults| drop(faults.insert(component.to_owned(), fault)));
        self
    }

    pub fn with_machine(mut self, change: impl FnOnce(&mut Facts)) -> Self {
        change(&mut self.machine);
        self
    }

    /// Serves with a certificate of this authority, or plainly.
    pub async fn serve(&self, authority: Option<&Authority>) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let address = self.address;
        let listener = runtime.spawn(async move { tokio::net::TcpListener::bind(address).await.unwrap() });
        let listener = listener.await.unwrap();
        let router = tonic::transport::Server::builder();
        let service = NodeServer::new(self.clone());
        let tls = authority.map(|authority| {
            let identity = Identity::new(Role::Node, &self.name).unwrap();
            let request = CertificateRequest::new(identity, [self.address.ip().to_string()]);
            ServerTls::from_material(&authority.issue(&request).unwrap(), Role::Operator).unwrap()
        });
        runtime.spawn(async move {
            let mut router = router;
            let router = router.add_service(service);
            match tls {
                Some(tls) => router.serve_with_incoming(tls.incoming(listener)).await.unwrap(),
                None => {
                    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
                    router.serve_with_incoming(incoming).await.unwrap();
                }
            }
        });
        *self.server.lock().unwrap() = Some(runtime);
    }

    /// The node agent is gone; what it knows stays.
    pub fn stop(&self) {
        if let Some(runtime) = self.server.lock().unwrap().take() {
            runtime.shutdown_background();
        }
    }

    pub fn components(&self) -> Vec<String> {
        let clusters = self.clusters.borrow();
        clusters
            .values()
            .flat_map(|c| &c.components)
            .map(|c| c.id.clone())
            .collect()
    }

    fn note(&self, what: &str, component: &str) {
        self.log
            .lock()
            .unwrap()
            .push(format!("{} {what} {component}", self.name));
    }

    fn run(&self, component: &Component) -> ComponentState {
        let fault = self.faults.borrow().get(&component.id).cloned();
        let (phase, reason, message) = fault.unwrap_or((Phase::Running, String::new(), String::new()));
        let mut state = ComponentState {
            id: component.id.clone(),
            phase: phase.into(),
            reason,
            message,
            spec_digest: component.spec_digest.clone(),
            facts: self.facts.get(&component.id).cloned().into_iter().collect(),
            live: component.live,
            ..ComponentState::default()
        };
        if component.live.is_some_and(|live| live.parked()) {
            state.phase = Phase::Parked.into();
            let facts = [("archive", "/archive/a.tar.gz"), ("archiveSha256", "5e0a")];
            state.facts = facts
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
        }
        state
    }
}

/// Everything that a component may need.
fn good_machine(name: &str) -> Facts {
    let program = |version: &str| {
        Some(Program {
            present: true,
            version: version.into(),
            problem: String::new(),
        })
    };
    Facts {
        node_name: name.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        java: program("17.0.15"),
        zookeeper: program("3.8.0"),
        docker: program("24.0.7"),
        disk_free_bytes: 100 << 30,
        ..Facts::default()
    }
}

type Streaming<T> = Pin<Box<dyn futures::Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Node for FakeNode {
    async fn get_facts(&self, _: Request<GetFactsRequest>) -> Result<Response<Facts>, Status> {
        Ok(Response::new(self.machine.clone()))
    }

    async fn apply(&self, request: Request<ApplyRequest>) -> Result<Response<ApplyResponse>, Status> {
        let request = request.into_inner();
        let cluster = request.cluster.unwrap_or_default();
        let mut answer = Ok(());
        self.clusters.send_modify(|clusters| {
            let known = clusters.entry(cluster.uid.clone()).or_default();
            if known.generation >= request.generation {
                answer = Err(Status::failed_precondition("an older generation"));
                return;
            }
            for component in &request.components {
                match known.components.iter().find(|c| c.id == component.id) {
                    None => self.note("start", &component.id),
                    Some(c) if c.spec_digest != component.spec_digest => self.note("restart", &component.id),
                    Some(_) => {}
                }
            }
            known.cluster = Some(cluster.clone());
            (known.generation, known.observed_generation) = (request.generation, request.generation);
            known.components = request.components.iter().map(|c| self.run(c)).collect();
        });
        answer.map(|()| {
            Response::new(ApplyResponse {
                accepted_generation: request.generation,
            })
        })
    }

    async fn remove(&self, request: Request<RemoveRequest>) -> Result<Response<RemoveResponse>, Status> {
        let request = request.into_inner();
        let what = if request.archive { "archive" } else { "delete" };
        let uid = request.cluster.unwrap_or_default().uid;
        let mut gone = true;
        self.clusters.send_modify(|clusters| {
            let Some(known) = clusters.get_mut(&uid) else {
                return;
            };
            let (kept, going): (Vec<_>, Vec<_>) = std::mem::take(&mut known.components)
                .into_iter()
                .partition(|component| request.keep.contains(&component.id));
            going.iter().for_each(|component| self.note(what, &component.id));
            gone = kept.is_empty();
            (known.components, known.removing) = (kept, true);
            (known.generation, known.observed_generation) = (request.generation, request.generation);
            if gone {
                clusters.remove(&uid);
            }
        });
        Ok(Response::new(RemoveResponse {
            gone,
            archives: Vec::new(),
        }))
    }

    type WatchStream = Streaming<NodeState>;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let uid = request.into_inner().cluster_uid;
        let changes = tokio_stream::wrappers::WatchStream::new(self.clusters.subscribe());
        let states = futures::StreamExt::map(changes, move |clusters: BTreeMap<String, ClusterState>| {
            Ok(NodeState {
                clusters: clusters.get(&uid).cloned().into_iter().collect(),
            })
        });
        Ok(Response::new(Box::pin(states)))
    }

    type ReadLogsStream = Streaming<LogChunk>;

    async fn read_logs(&self, _: Request<ReadLogsRequest>) -> Result<Response<Self::ReadLogsStream>, Status> {
        Err(Status::unimplemented("no logs here"))
    }

    async fn create_signing_request(
        &self,
        _: Request<CreateSigningRequestRequest>,
    ) -> Result<Response<SigningRequest>, Status> {
        Err(Status::unimplemented("no certificates here"))
    }

    async fn take_backup(&self, _: Request<TakeBackupRequest>) -> Result<Response<Backup>, Status> {
        Err(Status::unimplemented("no backups here"))
    }

    async fn install_certificate(
        &self,
        _: Request<InstallCertificateRequest>,
    ) -> Result<Response<InstallCertificateResponse>, Status> {
        Err(Status::unimplemented("no certificates here"))
    }
}
