//! The test kit against its own real servers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use mesolith_testkit::{ApiServer, Docker, cgroups_of, mounts_of, processes_of, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_starts_restarts_and_leaves_nothing() {
    let server = ApiServer::start().unwrap();
    let kubectl = server.kubectl().unwrap();
    kubectl
        .apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: kept, namespace: default}}")
        .unwrap();

    server.stop_api().unwrap();
    assert!(
        kubectl
            .run(&["get", "cm", "kept", "--request-timeout=2s"])
            .is_err()
    );
    server.start_api().unwrap();
    kubectl
        .run(&["get", "configmap", "kept", "-n", "default"])
        .unwrap();

    let version = server.client().await.unwrap().apiserver_version().await.unwrap();
    assert_eq!((version.major.as_str(), version.minor.as_str()), ("1", "37"));

    let dir = server.kubeconfig().parent().unwrap().to_owned();
    drop(server);
    assert!(!dir.exists());
}

#[test]
fn a_docker_engine_of_our_own_runs_a_container_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let key = 240;
    let docker = Docker::start(dir.path(), key).unwrap();
    docker.make_web_image("mesolith/test:1", 80).unwrap();
    let port = mesolith_testkit::free_port([127, 0, key, 2].into()).unwrap();
    let publish = format!("127.0.{key}.2:{port}:80");
    docker
        .run(&["run", "-d", "--name", "web", "-p", &publish, "mesolith/test:1"])
        .unwrap();
    wait_until("the container's page", Duration::from_secs(10), || {
        let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, key, 2], port)))?;
        stream.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        anyhow::ensure!(answer.ends_with("ok\n"), "{answer}");
        Ok(())
    })
    .unwrap();
    Docker::stop_in(dir.path(), key).unwrap();
    assert_eq!(processes_of(dir.path()), []);
    assert_eq!(mounts_of(dir.path()), Vec::<std::path::PathBuf>::new());
    assert_eq!(
        cgroups_of(&format!("mesolith-docker-{key}")),
        Vec::<std::path::PathBuf>::new()
    );
}
