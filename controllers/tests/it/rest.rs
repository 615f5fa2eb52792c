//! The migration API: who may call it, what it writes and as whom, what it shows.
//!
//! The operators here stand by, so that nobody writes over the statuses of the tests: every replica serves.

mod served;
mod stream;
mod world;

use crate::operator::Turn;
use kube::api::DeleteParams;
use mesolith_migration::View;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use world::{World, answer, api, create};

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
    for odd in ["a%2Fb", "rights%3Fwatch=true"] {
        let (code, problem) = world
            .get("rest-viewer", &format!("/api/v1/migrations/{odd}"))
            .await;
        assert_eq!((code, &problem["reason"]), (400, &json!("InvalidName")), "{odd}");
    }
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
