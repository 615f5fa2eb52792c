//! Who gets in and who does not, and what is said about it.

use mesolith_pki::{Authority, ClientTls, Material, Role, TlsError, trust_problem};

use crate::world::{call, dial, issue, issue_expired, not_tls, request, serve_as};

/// What an operator is told when it calls a node.
async fn problem(operator: &Material, node: &Material) -> String {
    let error = call(&dial(operator, serve_as(node).await)).await.unwrap_err();
    let said = trust_problem(&error).expect("a certificate is the problem");
    said.split_once(' ').unwrap().1.to_owned()
}

#[tokio::test]
async fn an_operator_calls_a_node_which_knows_who_calls() {
    let ca = Authority::create("prod").unwrap();
    let address = serve_as(&issue(&ca, Role::Node, "n1")).await;
    let (peer, _) = call(&dial(&issue(&ca, Role::Operator, "main"), address))
        .await
        .unwrap();
    assert_eq!(peer, "spiffe://mesolith/operator/main");
}

#[tokio::test]
async fn a_node_of_another_cluster_is_untrusted() {
    let (ours, theirs) = (
        Authority::create("prod").unwrap(),
        Authority::create("prod").unwrap(),
    );
    let said = problem(
        &issue(&ours, Role::Operator, "op"),
        &issue(&theirs, Role::Node, "n1"),
    )
    .await;
    assert!(
        said.starts_with("its certificate is not from this cluster's CA"),
        "{said}"
    );
}

#[tokio::test]
async fn a_node_refuses_an_operator_of_another_cluster() {
    let (ours, theirs) = (Authority::create("a").unwrap(), Authority::create("b").unwrap());
    // It trusts the node, but the node does not trust it.
    let operator = Material {
        ca: ours.cert_pem().to_owned(),
        ..issue(&theirs, Role::Operator, "op")
    };
    let said = problem(&operator, &issue(&ours, Role::Node, "n1")).await;
    assert!(
        said.contains("refused our certificate: it trusts another CA"),
        "{said}"
    );
}

#[tokio::test]
async fn a_node_is_not_an_operator_and_an_operator_is_no_node() {
    let ca = Authority::create("prod").unwrap();
    let (node, operator) = (issue(&ca, Role::Node, "n1"), issue(&ca, Role::Operator, "op"));
    let said = problem(&node, &issue(&ca, Role::Node, "n2")).await;
    assert!(
        said.contains("refused our certificate: its role or name is not the required one"),
        "{said}"
    );
    let said = problem(&operator, &operator).await;
    assert!(
        said.ends_with(
            "its certificate is that of spiffe://mesolith/operator/op, and role node is required here"
        ),
        "{said}"
    );
}

#[tokio::test]
async fn only_the_named_node_will_do() {
    let ca = Authority::create("prod").unwrap();
    let address = serve_as(&issue(&ca, Role::Node, "n2")).await;
    let tls = ClientTls::from_material(&issue(&ca, Role::Operator, "op"), Role::Node, Some("n1")).unwrap();
    let error = tls.connect(&address.to_string()).await.err().unwrap();
    assert!(matches!(error, TlsError::WrongRole { .. }), "{error}");
    assert!(
        error
            .to_string()
            .ends_with("that of spiffe://mesolith/node/n2, and n1 was dialled"),
        "{error}"
    );
}

#[tokio::test]
async fn expired_certificates_are_refused_on_both_sides() {
    let ca = Authority::create("prod").unwrap();
    let said = problem(
        &issue(&ca, Role::Operator, "op"),
        &issue_expired(&ca, Role::Node, "n1"),
    )
    .await;
    assert!(
        said.starts_with("its certificate is not valid at this time"),
        "{said}"
    );
    let said = problem(
        &issue_expired(&ca, Role::Operator, "op"),
        &issue(&ca, Role::Node, "n1"),
    )
    .await;
    assert!(
        said.contains("refused our certificate: it is not valid at this time"),
        "{said}"
    );
}

#[tokio::test]
async fn a_certificate_for_another_address_is_refused() {
    let ca = Authority::create("prod").unwrap();
    let mut elsewhere = request(Role::Node, "n1");
    elsewhere.addresses = vec!["127.0.0.77".to_owned()];
    let said = problem(&issue(&ca, Role::Operator, "op"), &ca.issue(&elsewhere).unwrap()).await;
    assert!(
        said.starts_with("its certificate was issued for other addresses"),
        "{said}"
    );
}

#[tokio::test]
async fn a_closed_port_and_a_port_without_tls_are_unreachable_not_untrusted() {
    let ca = Authority::create("prod").unwrap();
    let tls = ClientTls::from_material(&issue(&ca, Role::Operator, "op"), Role::Node, None).unwrap();
    let closed = tls.connect("127.0.0.1:1").await.err().unwrap();
    let plain = tls.connect(&not_tls().await.to_string()).await.err().unwrap();
    for error in [closed, plain] {
        assert_eq!(error.reason(), "NodeUnreachable", "{error}");
        assert_eq!(trust_problem(&error), None);
    }
    let error = call(&tls.channel("127.0.0.1:1").unwrap()).await.unwrap_err();
    assert_eq!(trust_problem(&error), None);
}

#[tokio::test]
async fn a_caller_without_a_certificate_is_refused_and_the_server_lives() {
    let ca = Authority::create("prod").unwrap();
    let address = serve_as(&issue(&ca, Role::Node, "n1")).await;
    let plain = mesolith_pki::plain_channel(&address.to_string()).unwrap();
    assert!(call(&plain).await.is_err());
    assert!(
        call(&dial(&issue(&ca, Role::Operator, "op"), address))
            .await
            .is_ok()
    );
}

#[test]
fn missing_files_are_named() {
    let error = ClientTls::from_dir("/nowhere", Role::Node).err().unwrap();
    assert!(
        error
            .to_string()
            .starts_with("/nowhere/ca.crt does not exist; issue a certificate"),
        "{error}"
    );
    assert_eq!(error.reason(), "CertificateMissing");
}
