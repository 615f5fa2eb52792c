//! The service on its sockets: who may connect, what is refused, how it ends.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use mesolith_pki::{Authority, CertificateRequest, Identity, PkiDir, Role};
use mesolith_zksync::control::{Client, ClientError, Endpoint, Tcp};
use mesolith_zksync::run::Serving;
use mesolith_zksync::settings::{Mode, Settings};
use mesolith_zksync::status::State;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::scripted::Scripted;
use crate::verbs::{engine, until, verb};

fn free_port() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .unwrap()
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_may_use_the_socket_and_it_goes_with_the_engine() {
    let running = engine(Scripted::default(), Serving::default()).await;
    let socket = running.dir.path().join("default.sock");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    running.shutdown.trigger();
    running.ended.await.unwrap().unwrap();
    assert!(!socket.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_have_generations() {
    let running = engine(Scripted::default(), Serving::default()).await;
    let endpoint = Endpoint::Unix(running.dir.path().join("default.sock"));
    let client = Client::connect(&endpoint, None).await.unwrap();
    let with = |generation, batch_size| Settings {
        generation,
        batch_size,
        ..Settings::default()
    };
    assert_eq!(client.apply(&with(5, 300)).await.unwrap(), 5);
    assert_eq!(client.apply(&with(5, 300)).await.unwrap(), 5);
    for (settings, wanted) in [
        (with(4, 300), "OlderGeneration"),
        (with(5, 301), "ChangedContent"),
        (with(6, 20_000), "InvalidSettings"),
    ] {
        match client.apply(&settings).await.unwrap_err() {
            ClientError::Refused { reason, .. } => assert_eq!(reason, wanted),
            other => panic!("{other}"),
        }
    }
    assert_eq!(client.status().await.unwrap().settings, with(5, 300));
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_tells_the_engine_and_ends_the_process() {
    let running = engine(Scripted::default(), Serving::default()).await;
    until(running.dir.path(), State::InSync).await;
    let endpoint = Endpoint::Unix(running.dir.path().join("default.sock"));
    let client = Client::connect(&endpoint, None).await.unwrap();
    let mut statuses = client.watch().await.unwrap();
    let (pid, warning) = client.stop().await.unwrap();
    assert_eq!((pid, warning), (std::process::id(), None));
    tokio::time::timeout(Duration::from_secs(10), running.ended)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let mut last = None;
    while let Some(status) = statuses.next().await.unwrap() {
        last = Some(status.settings.mode);
    }
    assert!(matches!(last, Some(Mode::Stop | Mode::Run)));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_health_are_served() {
    let metrics = free_port();
    let serving = Serving {
        metrics: Some(metrics),
        listen: None,
    };
    let running = engine(Scripted::default(), serving).await;
    until(running.dir.path(), State::InSync).await;
    let text = get(metrics, "/metrics").await;
    assert!(
        text.contains("\nzk_sync_lag_milliseconds{cluster=\"A\",quantile=\"0.95\"} 0.0\n"),
        "{text}"
    );
    assert!(get(metrics, "/readyz").await.starts_with("HTTP/1.1 200"));
    assert!(get(metrics, "/healthz").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_engine_is_not_ready() {
    let metrics = free_port();
    let serving = Serving {
        metrics: Some(metrics),
        listen: None,
    };
    let script = Scripted {
        before: vec![State::Failed],
        stuck: true,
        ..Scripted::default()
    };
    let running = engine(script, serving).await;
    until(running.dir.path(), State::Failed).await;
    let text = get(metrics, "/readyz").await;
    assert!(text.starts_with("HTTP/1.1 503"), "{text}");
    assert!(
        text.contains("engine: TargetNotEmpty: B holds 7 znodes"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn on_tcp_both_ends_show_certificates() {
    let pki = tempfile::tempdir().unwrap();
    let authority = Authority::create("test").unwrap();
    let dir = |role, name: &str| {
        let request = CertificateRequest::new(Identity::new(role, name).unwrap(), ["127.0.0.1"]);
        let path = pki.path().join(name);
        PkiDir::new(&path)
            .install(&authority.issue(&request).unwrap())
            .unwrap();
        path
    };
    let (node, operator) = (dir(Role::Node, "engine"), dir(Role::Operator, "operator"));
    let address = free_port();
    let serving = Serving {
        listen: Some(Tcp {
            address,
            pki_dir: Some(node.clone()),
        }),
        metrics: None,
    };
    let running = engine(Scripted::default(), serving).await;
    let at = format!("--endpoint=https://{address}");
    let with = |dir: &std::path::Path| format!("--pki-dir={}", dir.display());
    let here = running.dir.path();
    let said = verb(here, &["status", &at, &with(&operator)]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let said = verb(here, &["status", &at, &with(&node)]).await;
    assert_eq!(said.code, 3, "a node is no operator: {said:?}");
    let said = verb(here, &["status", &at]).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.notes.contains("needs --pki-dir"), "{said:?}");
    let said = verb(here, &["stop", &at, &with(&operator)]).await;
    assert_eq!(said.code, 0, "{said:?}");
}
