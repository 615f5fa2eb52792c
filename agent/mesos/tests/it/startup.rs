//! What can go wrong before the first task.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::agent::Agent;

async fn fails(mut command: Command) -> String {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = tokio::process::Command::from(command).kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_secs(60), output)
        .await
        .expect("it runs instead of failing")
        .unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn bad_starts_say_what_to_do() {
    let mut agent = Agent::start(&["--attributes=rack:a"]).await;
    let port = agent.port;
    let taken = fails(agent.command(&[])).await;
    assert!(
        taken.contains(&format!("port {port} on 127.0.0.1 is in use")) && taken.contains("--port"),
        "{taken}"
    );
    agent.kill();
    let wrong = fails(agent.command(&["--attributes=rack:b"])).await;
    assert!(
        wrong.contains("attributes rack:a") && wrong.contains("meta/slaves/latest"),
        "{wrong}"
    );
    let no_engine = fails(agent.command(&[
        "--containerizers=docker",
        "--docker_socket=/no/socket",
        "--attributes=rack:a",
    ]))
    .await;
    assert!(
        no_engine.contains("/no/socket") && no_engine.contains("Docker"),
        "{no_engine}"
    );
    let unknown = fails(agent.command(&["--containerizers=podman"])).await;
    assert!(unknown.contains("podman"), "{unknown}");
}

#[tokio::test]
async fn endpoints_answer() {
    let agent = Agent::start(&["--containerizers=docker,mesos", "--docker_socket=/no/socket"]).await;
    for path in [
        "/health",
        "/slave(1)/health",
        "/slave(1)/state",
        "/slave%281%29/state",
        "/state/",
        "//state",
        "/state/x?y",
        "/slave(1)/containers//",
        "/metrics/snapshot/",
        "/version/",
        "/monitor/statistics",
        "/metrics/snapshot",
    ] {
        assert_eq!(agent.get(path).await.status(), 200, "{path}");
    }
    let state = agent.state().await;
    assert_eq!(state["id"], "M-S0");
    assert_eq!(state["resources"]["cpus"], 4.0);
    assert_eq!(state["resources"]["ports"], "[31000-32000]");
    let ready = agent.get("/readyz").await;
    assert_eq!(ready.status(), 503);
    assert!(ready.text().await.unwrap().contains("DockerUnavailable"));
    let metrics = agent.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("mesolith_mesos_agent_registered 1"), "{metrics}");
    for path in [
        "/nope",
        "/slave(2)/state",
        "/sta%74e",
        "//slave(1)/state",
        "/version/x",
    ] {
        assert_eq!(agent.get(path).await.status(), 404, "{path}");
    }
    assert_eq!(agent.get("//api/v1/executor/").await.status(), 405);
}
