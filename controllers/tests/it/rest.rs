//! The migration API: who may call it, what it writes and as whom, what it shows, and its streams.
//!
//! The operators here stand by, so that nobody writes over the statuses of the tests: every replica serves.

use super::operator::{LIMIT, Operator, Turn};
use futures::StreamExt;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_migration::View;
use mesolith_pki::{Authority, CertificateRequest, Identity, Role};
use reqwest::{Method, StatusCode};
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
struct World {
    operator: Operator,
    address: String,
    tokens: Vec<(&'static str, String)>,
    _kubeconfig: tempfile::NamedTempFile,
}

impl World {
    async fn start(turn: &Turn) -> Self {
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

    fn request(&self, caller: &str, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = reqwest::Client::new().request(method, format!("{}{path}", self.address));
        match self.tokens.iter().find(|(name, _)| *name == caller) {
            Some((_, token)) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn get(&self, caller: &str, path: &str) -> (u16, Value) {
        answer(self.request(caller, Method::GET, path)).await
    }

    async fn post(&self, caller: &str, path: &str, body: Value) -> (u16, Value) {
        answer(self.request(caller, Method::POST, path).json(&body)).await
    }

    async fn stop(self, turn: &Turn) {
        self.operator.stop().await;
        let leases: Api<Lease> = Api::namespaced(turn.client.clone(), "default");
        leases.delete("operator", &DeleteParams::default()).await.unwrap();
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn api(turn: &Turn) -> Api<ZkMigration> {
    Api::namespaced(turn.client.clone(), "default")
}

async fn create(turn: &Turn, name: &str) {
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

async fn status(turn: &Turn, name: &str, status: Value) {
    let patch = Patch::Merge(json!({"status": status}));
    api(turn)
        .patch_status(name, &PatchParams::default(), &patch)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_do_what_their_rights_on_migrations_permit() {
    let turn = Turn::take().await;
    let world = World::start(&turn).await;
    create(&turn, "rights").await;
    let path = "/api/v1/migrations/rights";

    let anonymous = world.request("nobody", Method::GET, path).send().await.unwrap();
    assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(anonymous.headers()["www-authenticate"], "Bearer");
    let forged = world.request("nobody", Method::GET, path).bearer_auth("forged");
    let (code, problem) = answer(forged).await;
    assert_eq!((code, &problem["reason"]), (401, &json!("TokenUnknown")));
    let (code, problem) = world.get("rest-stranger", path).await;
    assert_eq!((code, &problem["reason"]), (403, &json!("Forbidden")));
    let (code, _) = world
        .get("rest-stranger", "/api/v1/migrations/there-is-none")
        .await;
    assert_eq!(code, 403, "a stranger does not learn what exists");
    let (code, shown) = world.get("rest-viewer", path).await;
    assert_eq!(code, 200);
    let stored = api(&turn).get("rights").await.unwrap();
    assert_eq!(
        shown,
        serde_json::to_value(View::of(&stored)).unwrap(),
        "as the command line shows it"
    );
    let (code, sync) = world.get("rest-viewer", &format!("{path}/sync/status")).await;
    assert_eq!((code, &sync["lag_ms"]), (200, &json!(1.6)));
    let (code, listed) = world
        .get("rest-viewer", "/api/v1/migrations?namespace=default")
        .await;
    assert_eq!(
        (code, &listed["migrations"][0]["migration_id"]),
        (200, &json!("rights"))
    );
    let (code, _) = world
        .get("rest-viewer", "/api/v1/migrations?namespace=kube-system")
        .await;
    assert_eq!(code, 403, "rights are those of the namespace");
    let confirmed = json!({"phase": 2, "confirmed": true});
    let (code, _) = world
        .post("rest-viewer", &format!("{path}/advance"), confirmed)
        .await;
    assert_eq!(code, 403, "to see is not to approve");
    let unchanged = api(&turn).get("rights").await.unwrap();
    assert_eq!(
        unchanged.metadata.resource_version,
        stored.metadata.resource_version
    );

    api(&turn)
        .delete("rights", &DeleteParams::default())
        .await
        .unwrap();
    world.stop(&turn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_written_by_the_caller() {
    let turn = Turn::take().await;
    let world = World::start(&turn).await;
    create(&turn, "writes").await;
    let path = |action: &str| format!("/api/v1/migrations/writes/{action}");
    let user = "system:serviceaccount:default:rest-ops";

    let (code, problem) = world
        .post("rest-ops", &path("advance"), json!({"phase": 2}))
        .await;
    assert_eq!((code, &problem["reason"]), (400, &json!("NotConfirmed")));
    assert_eq!(
        problem["evidence"]["hash"], "9f2c1e",
        "the evidence comes before the approval"
    );
    let skip = json!({"phase": 3, "confirmed": true});
    let (code, problem) = world.post("rest-ops", &path("advance"), skip).await;
    assert_eq!((code, &problem["reason"]), (409, &json!("NotNext")));
    let body = json!({"phase": 2, "confirmed": true, "evidence": "9f2c1e"});
    let (code, done) = world.post("rest-ops", &path("advance"), body.clone()).await;
    assert_eq!((code, &done["changed"]), (200, &json!(true)), "{done}");
    let object = api(&turn).get("writes").await.unwrap();
    let annotations = object.metadata.annotations.unwrap();
    assert_eq!(annotations["mesolith.io/approve"], "DeployZk@9f2c1e");
    assert_eq!(annotations["mesolith.io/approved-by"], user);
    let (code, done) = world.post("rest-ops", &path("advance"), body).await;
    assert_eq!(
        (code, &done["changed"]),
        (200, &json!(false)),
        "an approval is given once"
    );

    let (code, _) = world.post("rest-ops", &path("pause"), json!({})).await;
    assert_eq!(
        (code, api(&turn).get("writes").await.unwrap().spec.paused),
        (200, true)
    );
    let (code, _) = world.post("rest-ops", &path("resume"), json!({})).await;
    assert_eq!(
        (code, api(&turn).get("writes").await.unwrap().spec.paused),
        (200, false)
    );
    let (code, problem) = world
        .post("rest-ops", &path("rollback"), json!({"to_phase": 1}))
        .await;
    assert_eq!((code, &problem["reason"]), (409, &json!("NothingToGoBack")));
    let (code, problem) = world.post("rest-ops", &path("rollback"), json!({"to": 1})).await;
    assert_eq!((code, &problem["reason"]), (422, &json!("InvalidBody")));
    let (code, done) = world
        .post("rest-ops", &path("rollback"), json!({"reason": "slow disks"}))
        .await;
    assert_eq!(
        (code, &done["migration"]["rollback"]["reason"]),
        (200, &json!("slow disks")),
        "{done}"
    );

    // The API server's own record: nobody but the caller has changed the object, and the operator nothing at all.
    let log = std::fs::read_to_string(turn.api.audit_log()).unwrap();
    let writes = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let patches: Vec<Value> = writes
        .filter(|event| event["verb"] == "patch" && event["objectRef"]["name"] == "writes")
        .filter(|event| event["objectRef"]["subresource"].is_null())
        .map(|event| event["user"]["username"].clone())
        .collect();
    assert_eq!(
        patches,
        [user, user, user, user],
        "advance, pause, resume, rollback"
    );

    api(&turn)
        .delete("writes", &DeleteParams::default())
        .await
        .unwrap();
    world.stop(&turn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_is_made_from_the_request_of_the_requirements() {
    let turn = Turn::take().await;
    let world = World::start(&turn).await;
    let body = json!({
        "name": "prod-migration-2024-01",
        "source": {
            "zookeeper": "zk-a1:2181,zk-a2:2181,zk-a3:2181",
            "mesos_masters": ["master-a1:5050", "master-a2:5050"]
        },
        "target": {
            "zookeeper": "zk-b1:2181,zk-b2:2181,zk-b3:2181",
            "mesos_masters": ["master-b1:5050", "master-b2:5050"]
        },
        "config": {
            "require_manual_approval": true, "sync_lag_threshold_ms": 100, "health_check_interval_sec": 10
        }
    });
    let path = "/api/v1/migrations";
    let (code, _) = world.post("rest-viewer", path, body.clone()).await;
    assert_eq!(code, 403);
    let request = world.request("rest-ops", Method::POST, path).json(&body);
    let made = request.send().await.unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    let location = made.headers()["location"].to_str().unwrap().to_owned();
    let (code, shown) = world.get("rest-ops", &location).await;
    assert_eq!((code, &shown["state"]), (200, &json!("new")));
    let (code, problem) = world.post("rest-ops", path, body.clone()).await;
    assert_eq!((code, &problem["reason"]), (409, &json!("AlreadyExists")));
    let mut slip = body.clone();
    slip["target"]["mesos_masters"] = json!(["master-b1"]);
    let (code, problem) = world.post("rest-ops", path, slip).await;
    assert_eq!(code, 400);
    assert_eq!(
        problem["message"],
        "target.mesos_masters: \"master-b1\" is not host:port"
    );
    let mut alerts = body;
    alerts["name"] = json!("with-alerts");
    alerts["alerts"] = json!({"slack_webhook": "https://hooks.example.com/secret"});
    let (code, problem) = world.post("rest-ops", path, alerts).await;
    assert_eq!(code, 403, "the caller may not create Secrets: {problem}");
    assert!(
        problem["message"]
            .as_str()
            .unwrap()
            .contains("the migration was made"),
        "{problem}"
    );
    assert!(!problem.to_string().contains("hooks.example.com"), "{problem}");

    for name in ["prod-migration-2024-01", "with-alerts"] {
        api(&turn).delete(name, &DeleteParams::default()).await.unwrap();
    }
    world.stop(&turn).await;
}

/// The next event of a stream: its name and its data.
async fn event(
    stream: &mut (impl futures::Stream<Item = reqwest::Result<bytes::Bytes>> + Unpin),
) -> (String, Value) {
    let mut text = String::new();
    loop {
        let chunk = tokio::time::timeout(LIMIT, stream.next())
            .await
            .expect("waited for an event");
        text += std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap();
        if !text.ends_with("\n\n") {
            continue;
        }
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name))
                .map(str::to_owned)
        };
        if let (Some(name), Some(data)) = (field("event: "), field("data: ")) {
            return (name, serde_json::from_str(&data).unwrap());
        }
        // A comment keeps the connection alive.
        text.clear();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_shows_every_change_until_the_end() {
    let turn = Turn::take().await;
    let world = World::start(&turn).await;
    create(&turn, "streamed").await;
    create(&turn, "other").await;
    let path = "/api/v1/migrations/streamed/events";
    let (code, _) = world.get("rest-stranger", path).await;
    assert_eq!(code, 403);
    let (code, _) = world.get("rest-viewer", "/api/v1/migrations/nobody/events").await;
    assert_eq!(code, 404);
    let answer = world
        .request("rest-viewer", Method::GET, path)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut stream = answer.bytes_stream();
    let (name, data) = event(&mut stream).await;
    assert_eq!(
        (name.as_str(), &data["state"]),
        ("migration", &json!("waiting_for_approval"))
    );
    status(
        &turn,
        "other",
        json!({"phase": "DeployMasters", "stage": "Acting"}),
    )
    .await;
    status(
        &turn,
        "streamed",
        json!({"phase": "DeployMasters", "stage": "Acting"}),
    )
    .await;
    let (name, data) = event(&mut stream).await;
    assert_eq!(
        (name.as_str(), &data["phase"]),
        ("migration", &json!("DeployMasters"))
    );
    assert_eq!(
        data["migration_id"], "streamed",
        "the other one is another stream's"
    );
    api(&turn)
        .delete("streamed", &DeleteParams::default())
        .await
        .unwrap();
    let (name, _) = event(&mut stream).await;
    assert_eq!(name, "deleted");

    api(&turn)
        .delete("other", &DeleteParams::default())
        .await
        .unwrap();
    // A stream that is open does not hold up the end.
    world.stop(&turn).await;
    assert!(
        tokio::time::timeout(LIMIT, stream.next())
            .await
            .unwrap()
            .is_none_or(|chunk| chunk.is_err())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn its_description_has_every_address() {
    let turn = Turn::take().await;
    let world = World::start(&turn).await;
    let (code, description) = world.get("nobody", "/api/v1/openapi.json").await;
    assert_eq!(code, 200);
    assert!(
        description["openapi"].as_str().unwrap().starts_with("3.1."),
        "{}",
        description["openapi"]
    );
    let paths: Vec<&String> = description["paths"].as_object().unwrap().keys().collect();
    for path in [
        "/api/v1/migrations",
        "/api/v1/migrations/{id}",
        "/api/v1/migrations/{id}/advance",
        "/api/v1/migrations/{id}/rollback",
        "/api/v1/migrations/{id}/pause",
        "/api/v1/migrations/{id}/resume",
        "/api/v1/migrations/{id}/sync/status",
        "/api/v1/migrations/{id}/events",
        "/api/v1/events",
    ] {
        assert!(
            paths.iter().any(|listed| *listed == path),
            "{path} is not in {paths:?}"
        );
    }
    // Every schema that is referred to is there.
    let text = description.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(
            !description["components"]["schemas"][name].is_null(),
            "{name} is missing"
        );
    }
    let (code, problem) = world.get("nobody", "/api/v2").await;
    assert_eq!((code, &problem["reason"]), (404, &json!("NotFound")));
    world.stop(&turn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_travel_encrypted_or_not_at_all() {
    let turn = Turn::take().await;
    let open = Operator::start_at(&turn, "0.0.0.0:0".parse().unwrap());
    let error = open.failed().await;
    assert!(error.contains("--api-tls-dir"), "{error}");

    let authority = Authority::create("api").unwrap();
    let request = CertificateRequest::new(Identity::new(Role::Node, "api").unwrap(), ["127.0.0.1"]);
    let material = authority.issue(&request).unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tls.crt"), &material.cert).unwrap();
    std::fs::write(dir.path().join("tls.key"), &material.key).unwrap();
    let (operator, address) = Operator::start_with_api(&turn, &turn.api.kubeconfig(), Some(dir.path()));
    let trusted = reqwest::Certificate::from_pem(material.ca.as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([trusted])
        .build()
        .unwrap();
    let url = format!("https://{address}/api/v1/openapi.json");
    let end = std::time::Instant::now() + LIMIT;
    let code = loop {
        match client.get(&url).send().await {
            Ok(answer) => break answer.status(),
            Err(error) => assert!(std::time::Instant::now() < end, "{error:?}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(code, StatusCode::OK);
    assert!(
        reqwest::get(url.replace("https", "http")).await.is_err(),
        "nothing is served in the clear"
    );
    operator.stop().await;
}
