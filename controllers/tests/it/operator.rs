//! A Kubernetes API that the tests of this program share, and operators in this process.

use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use kube::{Client, ResourceExt};
use mesolith_crds::condition;
use mesolith_crds::v1alpha1::MesosCluster;
use mesolith_telemetry::Shutdown;
use mesolith_testkit::{ApiServer, free_port};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

/// Generous: the machine may be busy; nothing waits this long when all is well.
pub const LIMIT: Duration = Duration::from_secs(60);

static SHARED: Mutex<Weak<ApiServer>> = Mutex::new(Weak::new());
/// One test at a time: an operator watches all namespaces.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A test's turn on the shared API server.
pub struct Turn {
    pub api: Arc<ApiServer>,
    pub client: Client,
    _turn: tokio::sync::MutexGuard<'static, ()>,
}

impl Turn {
    pub async fn take() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let api = tokio::task::spawn_blocking(|| {
            let mut shared = SHARED.lock().unwrap_or_else(|e| e.into_inner());
            shared.upgrade().unwrap_or_else(|| {
                let fresh = Arc::new(ApiServer::start().unwrap());
                *shared = Arc::downgrade(&fresh);
                fresh
            })
        });
        let api = api.await.unwrap();
        let turn = TURN.lock().await;
        Self {
            client: api.client().await.unwrap(),
            api,
            _turn: turn,
        }
    }

    pub fn clusters(&self) -> Api<MesosCluster> {
        Api::namespaced(self.client.clone(), "default")
    }

    pub async fn apply(&self, name: &str, spec: serde_json::Value) {
        let object = serde_json::json!({
            "apiVersion": "mesolith.io/v1alpha1", "kind": "MesosCluster", "metadata": {"name": name}, "spec": spec
        });
        let parameters = PatchParams::apply("test").force();
        self.clusters()
            .patch(name, &parameters, &Patch::Apply(object))
            .await
            .unwrap();
    }

    /// Waits until `check` gives something for the object.
    pub async fn wait<T>(&self, name: &str, what: &str, check: impl Fn(&MesosCluster) -> Option<T>) -> T {
        let end = Instant::now() + LIMIT;
        loop {
            let object = self.clusters().get(name).await.unwrap();
            if let Some(found) = check(&object) {
                return found;
            }
            assert!(Instant::now() < end, "waited for {what}: {:#?}", object.status);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn wait_condition(&self, name: &str, kind: &str, status: &str, reason: &str) -> String {
        let what = format!("{kind}={status}/{reason}");
        self.wait(name, &what, |cluster| {
            let conditions = &cluster.status.as_ref()?.conditions;
            let found = condition::find(conditions, kind)?;
            (found.status == status && found.reason == reason).then(|| found.message.clone())
        })
        .await
    }

    pub async fn delete(&self, name: &str) {
        self.clusters()
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
    }

    pub async fn wait_gone(&self, name: &str) {
        let end = Instant::now() + LIMIT;
        while let Some(object) = self.clusters().get_opt(name).await.unwrap() {
            assert!(
                Instant::now() < end,
                "still there: {:#?} {:?}",
                object.status,
                object.finalizers()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits for an event about an object: it is written after the status that it belongs to.
    pub async fn wait_event(&self, name: &str, reason: &str) {
        self.wait_event_like(name, reason, |_| true).await;
    }

    /// The same, until `check` holds for one of them.
    pub async fn wait_event_like(&self, name: &str, reason: &str, check: impl Fn(&Event) -> bool) -> Event {
        let events: Api<Event> = Api::namespaced(self.client.clone(), "default");
        let end = Instant::now() + LIMIT;
        loop {
            let mut seen = events.list(&Default::default()).await.unwrap().items;
            seen.retain(|e| e.regarding.as_ref().and_then(|r| r.name.as_deref()) == Some(name));
            let found = seen
                .iter()
                .find(|e| e.reason.as_deref() == Some(reason) && check(e));
            if let Some(event) = found {
                return event.clone();
            }
            assert!(
                Instant::now() < end,
                "waited for an event {reason}, saw {seen:#?}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A free port.
fn loopback() -> SocketAddr {
    let port = free_port(Ipv4Addr::LOCALHOST.into()).unwrap();
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

pub struct Operator {
    shutdown: Shutdown,
    http: SocketAddr,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Operator {
    pub fn start(turn: &Turn, identity: &str) -> Self {
        Self::with(Self::args(turn, identity))
    }

    /// With the migration API, as the user of that kubeconfig; where it is served.
    pub fn start_with_api(turn: &Turn, kubeconfig: &Path, tls_dir: Option<&Path>) -> (Self, SocketAddr) {
        let address = loopback();
        let args = mesolith_controllers::Args {
            kubeconfig: Some(kubeconfig.to_owned()),
            api: Some(address),
            api_tls_dir: tls_dir.map(Path::to_owned),
            ..Self::args(turn, "api")
        };
        (Self::with(args), address)
    }

    /// With the migration API at an address, without TLS.
    pub fn start_at(turn: &Turn, api: SocketAddr) -> Self {
        Self::with(mesolith_controllers::Args {
            api: Some(api),
            ..Self::args(turn, "api")
        })
    }

    fn args(turn: &Turn, identity: &str) -> mesolith_controllers::Args {
        mesolith_controllers::Args {
            kubeconfig: Some(turn.api.kubeconfig()),
            namespace: "default".into(),
            lease_name: "operator".into(),
            lease_seconds: 6,
            identity: Some(identity.into()),
            http: loopback(),
            api: None,
            api_tls_dir: None,
            api_namespace: "default".into(),
        }
    }

    fn with(args: mesolith_controllers::Args) -> Self {
        let http = args.http;
        let shutdown = Shutdown::default();
        let task = tokio::spawn(mesolith_controllers::run(args, shutdown.clone()));
        Self { shutdown, http, task }
    }

    pub async fn stop(self) {
        self.shutdown.trigger();
        tokio::time::timeout(LIMIT, self.task)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }

    /// Why it ended by itself.
    pub async fn failed(self) -> String {
        let ended = tokio::time::timeout(LIMIT, self.task).await.unwrap().unwrap();
        format!("{:#}", ended.unwrap_err())
    }

    /// Ends it as a kill would: nothing is released.
    pub fn kill(self) {
        self.task.abort();
    }

    pub async fn get(&self, path: &str) -> Option<(u16, String)> {
        let answer = reqwest::get(format!("http://{}{path}", self.http)).await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    pub async fn leads(&self) -> bool {
        self.get("/metrics")
            .await
            .is_some_and(|(_, text)| text.contains("\nmesolith_operator_leader 1\n"))
    }

    pub async fn wait_leads(&self) {
        let end = Instant::now() + LIMIT;
        while !self.leads().await {
            assert!(Instant::now() < end, "waited for the lease");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Writes so far, without the lease.
    pub async fn writes(&self) -> f64 {
        let (_, text) = self.get("/metrics").await.unwrap();
        let lines = text
            .lines()
            .filter(|l| l.starts_with("mesolith_operator_api_writes_total") && !l.contains("leases"));
        lines
            .filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }
}
