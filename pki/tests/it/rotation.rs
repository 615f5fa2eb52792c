//! Certificates change under a running server.

use mesolith_pki::{
    Authority, CertificateFacts, ClientTls, Identity, Material, PendingKey, PkiDir, Role, ServerTls,
};

use crate::world::{call, dial, issue, request, serve};

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections_and_old_ones_stay() {
    let ca = Authority::create("prod").unwrap();
    let temp = tempfile::tempdir().unwrap();
    let dir = PkiDir::new(temp.path());
    dir.install(&issue(&ca, Role::Node, "before")).unwrap();
    let address = serve(ServerTls::from_dir(temp.path(), Role::Operator).unwrap()).await;
    let operator = issue(&ca, Role::Operator, "op");
    let open = dial(&operator, address);
    let (_, port) = call(&open).await.unwrap();

    dir.install(&issue(&ca, Role::Node, "after")).unwrap();

    let tls = ClientTls::from_material(&operator, Role::Node, None).unwrap();
    let fresh = tls.connect(&address.to_string()).await.unwrap();
    assert_eq!(fresh.peer_identity().unwrap().name, "after");
    assert_eq!(
        call(&open).await.unwrap().1,
        port,
        "the open connection is still used"
    );
}

#[tokio::test]
async fn a_whole_new_authority_is_taken_over_by_both_sides() {
    let (old, new) = (
        Authority::create("prod").unwrap(),
        Authority::create("prod").unwrap(),
    );
    let (server, client) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let both = |own: Material| Material {
        ca: format!("{}{}", old.cert_pem(), new.cert_pem()),
        ..own
    };
    PkiDir::new(server.path())
        .install(&issue(&old, Role::Node, "n1"))
        .unwrap();
    PkiDir::new(client.path())
        .install(&both(issue(&old, Role::Operator, "op")))
        .unwrap();
    let address = serve(ServerTls::from_dir(server.path(), Role::Operator).unwrap())
        .await
        .to_string();
    let tls = ClientTls::from_dir(client.path(), Role::Node).unwrap();
    tls.connect(&address).await.unwrap();

    PkiDir::new(server.path())
        .install(&issue(&new, Role::Node, "n1"))
        .unwrap();
    tls.connect(&address).await.unwrap();
    PkiDir::new(client.path())
        .install(&issue(&new, Role::Operator, "op"))
        .unwrap();
    call(&tls.channel(&address).unwrap()).await.unwrap();
}

#[tokio::test]
async fn damaged_files_leave_the_certificate_before_in_use() {
    let ca = Authority::create("prod").unwrap();
    let temp = tempfile::tempdir().unwrap();
    PkiDir::new(temp.path())
        .install(&issue(&ca, Role::Node, "n1"))
        .unwrap();
    let address = serve(ServerTls::from_dir(temp.path(), Role::Operator).unwrap()).await;
    std::fs::write(temp.path().join("tls.crt"), "garbage").unwrap();
    call(&dial(&issue(&ca, Role::Operator, "op"), address))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_node_renews_with_a_key_that_never_leaves_it() {
    let ca = Authority::create("prod").unwrap();
    let temp = tempfile::tempdir().unwrap();
    PkiDir::new(temp.path())
        .install(&issue(&ca, Role::Node, "n1"))
        .unwrap();
    let address = serve(ServerTls::from_dir(temp.path(), Role::Operator).unwrap()).await;

    // It asks to be an operator; the signer decides.
    let pending = PendingKey::generate(Identity::new(Role::Operator, "root").unwrap(), &[]).unwrap();
    let cert = ca
        .sign(pending.request_pem(), &request(Role::Node, "n1"))
        .unwrap();
    assert!(pending.is_certified_by(&cert));
    let facts = CertificateFacts::from_pem(&cert).unwrap();
    assert_eq!(facts.identity.unwrap().to_string(), "spiffe://mesolith/node/n1");
    let renewed = Material {
        ca: ca.cert_pem().to_owned(),
        cert,
        key: pending.key_pem(),
    };
    PkiDir::new(temp.path()).install(&renewed).unwrap();
    call(&dial(&issue(&ca, Role::Operator, "op"), address))
        .await
        .unwrap();
}
