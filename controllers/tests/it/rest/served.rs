//! How it is served: its description, and TLS.

use super::world::World;
use crate::operator::{LIMIT, Operator, Turn};
use mesolith_pki::{Authority, CertificateRequest, Identity, Role};
use reqwest::StatusCode;
use serde_json::json;

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
