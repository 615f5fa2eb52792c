//! Paths, methods and query parameters as a Mesos 1.11.0 took them.

use serde_json::Value;

use crate::agent::Agent;
use crate::master::Master;
use crate::scheduler::{Scheduler, info};

/// Path, status, and the field that the answer then has.
const PATHS: &[(&str, u16, &str)] = &[
    ("/state/", 200, "elected_time"),
    ("//state", 200, "elected_time"),
    ("/state/x/y", 200, "elected_time"),
    ("/master//state//", 200, "elected_time"),
    ("/m%61ster/state", 200, "elected_time"),
    ("/state/?x=1", 200, "elected_time"),
    ("/tasks/", 200, "tasks"),
    ("/slaves/some-id", 200, "slaves"),
    ("/frameworks/some-id", 200, "frameworks"),
    ("/roles/*", 200, "roles"),
    ("/version/", 200, "version"),
    ("/metrics//snapshot/", 200, "master/uptime_secs"),
    ("/system/stats.json/", 200, "cpus_total"),
    ("//master/state", 404, ""),
    ("/%73tate", 404, ""),
    ("/state%2Fx", 404, ""),
    ("/State", 404, ""),
    ("/state.json", 404, ""),
    ("/master/", 404, ""),
    ("/", 404, ""),
    ("/api/v2", 404, ""),
];

#[tokio::test(flavor = "multi_thread")]
async fn paths_mean_what_they_mean_to_libprocess() {
    let master = Master::leading(&[]).await;
    for (path, status, field) in PATHS {
        let response = reqwest::get(master.url(path)).await.unwrap();
        assert_eq!(response.status(), *status, "{path}");
        if *status == 200 {
            let body: Value = response.json().await.unwrap();
            assert!(body.get(field).is_some(), "{path}: {body}");
        } else {
            assert_eq!(response.text().await.unwrap(), "404 Not Found.", "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_method_is_told_the_right_one() {
    let master = Master::leading(&[]).await;
    let client = reqwest::Client::new();
    for path in [
        "/api/v1/scheduler/",
        "/api/v1/scheduler/x",
        "/api/v1/",
        "/teardown/",
        "/master/api/v1//x",
    ] {
        for method in ["GET", "PUT", "DELETE"] {
            let request = client.request(method.parse().unwrap(), master.url(path));
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 405, "{method} {path}");
            assert_eq!(response.headers()["Allow"], "POST");
            assert_eq!(
                response.text().await.unwrap(),
                format!("405 Method Not Allowed. Expecting one of {{ 'POST' }}, but received '{method}'.")
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_read_as_by_mesos() {
    let master = Master::leading(&[]).await;
    let agent = Agent::new("cpus:4;mem:1024");
    let _connection = agent.connect(master.port).await;
    let mut scheduler = Scheduler::subscribe(&master, info(None)).await;
    for task in ["t0", "t1", "t2"] {
        let offer = scheduler.offer().await;
        scheduler.launch(&offer, task, 0.5).await;
        scheduler.wait_status(task, "TASK_RUNNING").await;
    }
    let all = 3;
    for (query, count) in [
        ("", all),
        ("limit=-1", all),
        ("limit=-2", all),
        ("limit=0", 0),
        ("limit=2", 2),
        ("limit=0x2", 2),
        ("limit=%2B2", 2),
        ("limit=+2", all),
        ("limit=x", all),
        ("limit=", all),
        ("limit=2.5", all),
        ("limit=99999999999", all),
        ("offset=-1", 0),
        ("offset=1", 2),
        ("offset=x", all),
        ("offset=-1&limit=-1", 0),
        ("order=asc&limit=2&offset=1", 2),
        ("order=ASC", all),
        ("framework_id=", 0),
        ("task_id=t1", 1),
    ] {
        let tasks = master.get(&format!("/tasks?{query}")).await;
        assert_eq!(tasks["tasks"].as_array().unwrap().len(), count, "{query}");
    }
    for timeout in ["", "x", "1", "-1secs"] {
        let response = reqwest::get(master.url(&format!("/metrics/snapshot?timeout={timeout}")))
            .await
            .unwrap();
        assert_eq!(response.status(), 400, "{timeout}");
        assert!(
            response
                .text()
                .await
                .unwrap()
                .starts_with(&format!("Invalid timeout '{timeout}': "))
        );
    }
    let metrics = master.get("/metrics/snapshot?timeout=1secs").await;
    assert!(metrics["master/uptime_secs"].is_number());
}
