//! Agents over mTLS, on the same port as plain HTTP.

use std::path::Path;

use mesolith_pki::{Authority, CertificateRequest, ClientTls, Identity, PkiDir, Role};
use mesolith_proto::session::v1::agent_session_client::AgentSessionClient;
use tonic::transport::Channel;

use crate::agent::{Agent, LIMIT};
use crate::master::{Master, eventually};

fn issue(authority: &Authority, role: Role, name: &str, dir: &Path) {
    let request = CertificateRequest::new(Identity::new(role, name).unwrap(), ["127.0.0.1"]);
    PkiDir::new(dir)
        .install(&authority.issue(&request).unwrap())
        .unwrap();
}

fn client(dir: &Path, port: u16) -> AgentSessionClient<Channel> {
    let tls = ClientTls::from_dir(dir, Role::Node).unwrap();
    AgentSessionClient::new(tls.channel(&format!("127.0.0.1:{port}")).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_nodes_of_the_cluster_may_register() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let (ours, other) = (
        Authority::create("ours").unwrap(),
        Authority::create("other").unwrap(),
    );
    issue(&ours, Role::Node, "m1", &path("master"));
    issue(&ours, Role::Node, "n1", &path("node"));
    issue(&ours, Role::Operator, "op", &path("operator"));
    issue(&other, Role::Node, "n1", &path("stranger"));
    let pki = path("master").display().to_string();
    let master = Master::leading(&["--pki_dir", &pki]).await;

    let agent = Agent::new("cpus:2;mem:512");
    let _connection = agent
        .connect_with(client(&path("node"), master.port))
        .await
        .unwrap();
    eventually("the registration", || async { agent.id() }).await;
    for refused in ["operator", "stranger"] {
        let agent = Agent::new("cpus:2;mem:512");
        assert!(
            agent
                .connect_with(client(&path(refused), master.port))
                .await
                .is_err(),
            "{refused}"
        );
    }
    // Plain HTTP goes on as before, and does not reach the session service.
    assert_eq!(master.get("/slaves").await["slaves"].as_array().unwrap().len(), 1);
    let plain = AgentSessionClient::connect(master.url("")).await.unwrap();
    let unknown = Agent::new("cpus:2;mem:512");
    if let Ok(mut connection) = unknown.connect_with(plain).await {
        tokio::time::timeout(LIMIT, &mut connection.task)
            .await
            .unwrap()
            .unwrap();
    }
    assert_eq!(unknown.id(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start_says_what_to_do() {
    let master = Master::leading(&[]).await;
    let taken = Master::start_on(master.port, &[])
        .await
        .task
        .await
        .unwrap()
        .unwrap_err()
        .to_string();
    assert!(
        taken.contains("cannot listen on") && taken.contains("ss -ltnp"),
        "{taken}"
    );
    let missing = Master::start(&["--pki_dir", "/nonexistent"])
        .await
        .task
        .await
        .unwrap()
        .unwrap_err()
        .to_string();
    assert!(
        missing.contains("/nonexistent") && missing.contains("mesolith pki issue"),
        "{missing}"
    );
    let amount = Master::start(&["--min_allocatable_resources", "cpus"])
        .await
        .task
        .await
        .unwrap()
        .unwrap_err();
    assert!(amount.to_string().contains("write cpus:0.01|mem:32"), "{amount}");
}
