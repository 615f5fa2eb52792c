//! Several masters and a real ZooKeeper.

use std::time::Instant;

use serde_json::json;

use crate::agent::Agent;
use crate::master::{Master, eventually};
use crate::scheduler::{Scheduler, info};
use mesolith_testkit_zookeeper::Ensemble;

#[tokio::test(flavor = "multi_thread")]
async fn tasks_survive_a_change_of_the_leader() {
    let ensemble = Ensemble::start(1).await;
    let zk = ensemble.url("/mesos");
    let flags = ["--zk", zk.as_str()];
    let first = Master::leading(&flags).await;
    let second = Master::start(&flags).await;
    let plain = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let redirected = eventually("a standby that redirects", || async {
        let response = plain.get(second.url("/state")).send().await.ok()?;
        (response.status() == 307).then_some(response)
    })
    .await;
    let expected = format!("//localhost:{}/state", first.port);
    assert_eq!(redirected.headers()["Location"], expected.as_str());

    let agent = Agent::new("cpus:4;mem:4096");
    let connection = agent.connect(first.port).await;
    let mut scheduler = Scheduler::subscribe(&first, info(None)).await;
    let offer = scheduler.offer().await;
    scheduler.launch(&offer, "t1", 1.0).await;
    scheduler.wait_status("t1", "TASK_RUNNING").await;
    let framework = scheduler.id.clone();

    let changed = Instant::now();
    drop((connection, scheduler));
    first.stop().await.unwrap();
    second.wait_ready().await;
    println!("leader change after a graceful stop: {:?}", changed.elapsed());
    let _connection = agent.connect(second.port).await;
    let state = eventually("the recovered framework", || async {
        let state = second.get("/state").await;
        (state["frameworks"][0]["tasks"][0]["id"] == "t1").then_some(state)
    })
    .await;
    assert_eq!(state["frameworks"][0]["recovered"], true);
    assert_eq!(state["frameworks"][0]["active"], false);
    let mut scheduler = Scheduler::subscribe(&second, info(Some(&framework))).await;
    assert_eq!(scheduler.id, framework);
    scheduler
        .call("RECONCILE", json!({"reconcile": {"tasks": []}}))
        .await;
    scheduler.wait_status("t1", "TASK_RUNNING").await;
    assert_eq!(
        second.get("/state").await["slaves"][0]["used_resources"]["cpus"],
        1.0
    );
    second.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_zookeeper_it_says_so_and_a_lost_leader_ends() {
    let mut ensemble = Ensemble::start(1).await;
    let zk = ensemble.url("/mesos");
    let master = Master::leading(&["--zk", zk.as_str(), "--zk_session_timeout", "4secs"]).await;
    ensemble.kill(1);
    let refused = eventually("a refusal", || async {
        let response = reqwest::get(master.url("/state")).await.ok()?;
        (response.status() == 503).then_some(response)
    })
    .await;
    assert!(refused.text().await.unwrap().starts_with("No leader elected"));
    let ended = tokio::time::timeout(crate::agent::LIMIT, master.task)
        .await
        .unwrap()
        .unwrap()
        .unwrap_err();
    assert!(ended.to_string().starts_with("lost leadership"), "{ended}");
}
