//! Mutual TLS: who may call, and renewal without a restart.

use std::time::Duration;

use mesolith_pki::{Authority, CertificateRequest, ClientTls, Identity, Material, PkiDir, Role};
use mesolith_proto::node::v1 as pb;
use pb::node_client::NodeClient;

use crate::harness::{Agent, PATIENCE};

fn material(authority: &Authority, role: Role, name: &str) -> Material {
    let request = CertificateRequest::new(Identity::new(role, name).unwrap(), ["127.0.0.1".to_owned()]);
    authority.issue(&request).unwrap()
}

async fn facts(agent: &Agent, material: &Material) -> Result<pb::Facts, tonic::Status> {
    let tls = ClientTls::from_material(material, Role::Node, Some("n1")).unwrap();
    let channel = tls.channel(&format!("{}:{}", agent.ip, agent.port)).unwrap();
    NodeClient::new(channel)
        .get_facts(pb::GetFactsRequest::default())
        .await
        .map(tonic::Response::into_inner)
}

#[tokio::test]
async fn only_the_operator_may_call_and_certificates_are_renewed_in_place() {
    let authority = Authority::create("prod").unwrap();
    let mut agent = Agent::new("127.0.0.1");
    let pki = agent.directory.path().join("pki");
    PkiDir::new(&pki)
        .install(&material(&authority, Role::Node, "n1"))
        .unwrap();
    agent.arguments = vec!["--pki-dir".into(), pki.display().to_string()];
    agent.start(&[]);

    let operator = material(&authority, Role::Operator, "operator");
    let before = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Ok(facts) = facts(&agent, &operator).await {
                return facts;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let before = before.await.unwrap();
    assert!(before.certificate_not_after > 0);

    assert!(
        facts(&agent, &material(&authority, Role::Node, "n2"))
            .await
            .is_err(),
        "another node"
    );
    let stranger = Authority::create("other").unwrap();
    assert!(
        facts(&agent, &material(&stranger, Role::Operator, "operator"))
            .await
            .is_err(),
        "another CA"
    );
    let plain = NodeClient::connect(format!("http://{}:{}", agent.ip, agent.port)).await;
    if let Ok(mut plain) = plain {
        assert!(
            plain.get_facts(pb::GetFactsRequest::default()).await.is_err(),
            "plain text"
        );
    }

    let tls = ClientTls::from_material(&operator, Role::Node, Some("n1")).unwrap();
    let mut client = NodeClient::new(tls.channel(&format!("{}:{}", agent.ip, agent.port)).unwrap());
    let pem = client
        .create_signing_request(pb::CreateSigningRequestRequest {})
        .await
        .unwrap()
        .into_inner()
        .pem;
    let mut wanted =
        CertificateRequest::new(Identity::new(Role::Node, "n1").unwrap(), ["127.0.0.1".to_owned()]);
    wanted.lifetime *= 2;
    let certificate_pem = authority.sign(&pem, &wanted).unwrap();
    let ca_pem = authority.cert_pem().to_owned();
    let foreign = material(&authority, Role::Node, "n1").cert;
    let wrong = pb::InstallCertificateRequest {
        certificate_pem: foreign,
        ca_pem: ca_pem.clone(),
    };
    assert_eq!(
        client.install_certificate(wrong).await.unwrap_err().code(),
        tonic::Code::InvalidArgument
    );
    let request = pb::InstallCertificateRequest {
        certificate_pem,
        ca_pem,
    };
    let until = client
        .install_certificate(request)
        .await
        .unwrap()
        .into_inner()
        .not_after;
    assert!(until > before.certificate_not_after);
    assert_eq!(
        facts(&agent, &operator).await.unwrap().certificate_not_after,
        until
    );
}
