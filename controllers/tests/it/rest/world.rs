//! A replica that stands by and serves the migration API, and callers with different rights.

use crate::operator::{LIMIT, Operator, Turn};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use mesolith_crds::v1alpha1::ZkMigration;
use reqwest::Method;
use serde_json::{Value, json};

/// What the operator needs for this: it reads migrations, and asks about callers. It writes nothing of its own.
const RIGHTS: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: rest-operator}
rules:
  - {apiGroups: [mesolith.io], resources: [zkmigrations], verbs: [get, list, watch]}
  - {apiGroups: [authentication.k8s.io], resources: [tokenreviews], verbs: [create]}
  - {apiGroups: [authorization.k8s.io], resources: [subjectaccessreviews], verbs: [create]}
  - {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: rest-ops, namespace: default}
rules:
  - {apiGroups: [mesolith.io], resources: [zkmigrations], verbs: [get, list, watch, patch, create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: rest-viewer, namespace: default}
rules:
  - {apiGroups: [mesolith.io], resources: [zkmigrations], verbs: [get, list, watch]}
"#;

/// A standby that serves the API, and callers with different rights.
pub struct World {
    operator: Operator,
    address: String,
    tokens: Vec<(&'static str, String)>,
    _kubeconfig: tempfile::NamedTempFile,
}

impl World {
    pub async fn start(turn: &Turn) -> Self {
        let kubectl = turn.api.kubectl().unwrap();
        kubectl.apply(RIGHTS).unwrap();
        for account in ["rest-operator", "rest-ops", "rest-viewer", "rest-stranger"] {
            let object = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}});
            kubectl.apply(&object.to_string()).unwrap();
        }
        let bind = |kind: &str, role_kind: &str, name: &str| {
            let subject = json!({"kind": "ServiceAccount", "name": name, "namespace": "default"});
            let object = json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
                "metadata": {"name": name, "namespace": "default"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": name},
                "subjects": [subject]
            });
            kubectl.apply(&object.to_string()).unwrap();
        };
        bind("ClusterRoleBinding", "ClusterRole", "rest-operator");
        bind("RoleBinding", "Role", "rest-ops");
        bind("RoleBinding", "Role", "rest-viewer");
        let token = |name: &'static str| {
            let token = kubectl.run(&["create", "token", name, "--duration=1h"]).unwrap();
            (name, token.trim().to_owned())
        };
        let tokens = ["rest-ops", "rest-viewer", "rest-stranger"].map(token).to_vec();

        // Somebody else leads for the next hour.
        let now = jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%S.%6fZ")
            .to_string();
        let lease: Lease = serde_json::from_value(json!({
            "metadata": {"name": "operator"},
            "spec": {"holderIdentity": "elsewhere", "leaseDurationSeconds": 3600, "renewTime": now, "acquireTime": now}
        }))
        .unwrap();
        let leases: Api<Lease> = Api::namespaced(turn.client.clone(), "default");
        let _ = leases.delete("operator", &DeleteParams::default()).await;
        leases.create(&PostParams::default(), &lease).await.unwrap();
        let kubeconfig = tempfile::NamedTempFile::new().unwrap();
        let file = kubeconfig.path();
        turn.api
            .service_account("default", "rest-operator", file)
            .unwrap();
        let (operator, address) = Operator::start_with_api(turn, file, None);
        let this = Self {
            operator,
            address: format!("http://{address}"),
            tokens,
            _kubeconfig: kubeconfig,
        };
        this.wait().await;
        this
    }

    /// Until it answers.
    async fn wait(&self) {
        let end = std::time::Instant::now() + LIMIT;
        while reqwest::get(format!("{}/api/v1/openapi.json", self.address))
            .await
            .is_err()
        {
            assert!(std::time::Instant::now() < end, "waited for the API");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    pub fn request(&self, caller: &str, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = reqwest::Client::new().request(method, format!("{}{path}", self.address));
        match self.tokens.iter().find(|(name, _)| *name == caller) {
            Some((_, token)) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn get(&self, caller: &str, path: &str) -> (u16, Value) {
        answer(self.request(caller, Method::GET, path)).await
    }

    pub async fn post(&self, caller: &str, path: &str, body: Value) -> (u16, Value) {
        answer(self.request(caller, Method::POST, path).json(&body)).await
    }

    pub async fn stop(self, turn: &Turn) {
        self.operator.stop().await;
        let leases: Api<Lease> = Api::namespaced(turn.client.clone(), "default");
        leases.delete("operator", &DeleteParams::default()).await.unwrap();
    }
}

pub async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

pub fn api(turn: &Turn) -> Api<ZkMigration> {
    Api::namespaced(turn.client.clone(), "default")
}

pub async fn create(turn: &Turn, name: &str) {
    let object: ZkMigration = serde_json::from_value(json!({
        "apiVersion": "mesolith.io/v1alpha1", "kind": "ZkMigration", "metadata": {"name": name},
        "spec": {
            "source": {"clusterRef": {"name": "prod"}},
            "target": {
                "zookeeper": {"nodes": "zk[1-3]"}, "masters": {"nodes": "cp[1-3]"}, "agents": {"nodes": "w[1-3]"}
            }
        }
    }))
    .unwrap();
    api(turn).create(&PostParams::default(), &object).await.unwrap();
    status(
        turn,
        name,
        json!({
            "phase": "DeployZk", "stage": "AwaitingApproval", "direction": "Forward",
            "evidence": {"phase": "DeployZk", "hash": "9f2c1e", "summary": "quorum 3/3", "facts": {"quorum": "3/3"}},
            "sync": {"state": "InSync", "lag": {"p95": "1.6ms"}, "conflicts": 0}
        }),
    )
    .await;
}

pub async fn status(turn: &Turn, name: &str, status: Value) {
    let patch = Patch::Merge(json!({"status": status}));
    api(turn)
        .patch_status(name, &PatchParams::default(), &patch)
        .await
        .unwrap();
}
