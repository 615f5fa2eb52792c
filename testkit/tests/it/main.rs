//! The test kit against its own real servers.

use mesolith_testkit::ApiServer;

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
