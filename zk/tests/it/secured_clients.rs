//! Client ports with TLS, and sessions of users.

use std::time::Duration;

use mesolith_testkit_zookeeper::{Ensemble, Setup};
use mesolith_zk::Credentials;
use mesolith_zk::four_letter::{Mode, Words, srvr};
use mesolith_zk::learner::{Config, Learner};
use mesolith_zk::members::{Origin, Server, discover};
use mesolith_zk::security::{Sasl, Security, Tls};

use crate::authority::Authority;
use crate::secured::{up_to_date, user};

/// Client ports with TLS and client certificates; sessions, four-letter words and discovery through them.
#[tokio::test(flavor = "multi_thread")]
async fn client_ports_with_tls() {
    let ours = Authority::new("ours");
    let theirs = Authority::new("theirs");
    let setup = Setup {
        config: format!(
            "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory\n{}",
            ours.stores("ssl.", "127.0.0.1")
        ),
        ..Setup::version("3.9.3")
    };
    let mut ensemble = Ensemble::prepare(3, setup);
    let secure: Vec<_> = (1..=3).map(|n| secure_port(&ensemble, n)).collect();
    for n in 1..=3 {
        ensemble.spawn(n);
    }
    ensemble.wait_all().await;
    let limit = Duration::from_secs(10);
    let with = |tls: Tls| Security {
        client_tls: Some(tls),
        ..Security::default()
    };
    let security = with(ours.tls());
    let status = Words::new(&security, limit)
        .unwrap()
        .srvr(&secure[0])
        .await
        .unwrap();
    assert!(
        matches!(status.mode, Some(Mode::Leader | Mode::Follower)),
        "{status:?}"
    );
    let said = srvr(&secure[0], Duration::from_secs(1))
        .await
        .unwrap_err()
        .to_string();
    println!("{said}");
    assert!(said.contains("wants TLS"), "{said}");
    for (tls, word) in [
        (Tls::new([ours.ca()]), "wants a client certificate"),
        (
            Tls {
                ca: vec![theirs.ca()],
                ..ours.tls()
            },
            "not signed by an authority",
        ),
        (
            Tls {
                ca: vec![ours.ca()],
                ..theirs.tls()
            },
            "refused the certificate in",
        ),
    ] {
        let words = Words::new(&with(tls), limit).unwrap();
        let said = words.srvr(&secure[0]).await.unwrap_err().to_string();
        println!("{said}");
        assert!(said.contains(word), "{said}");
    }
    let plain = Words::new(&security, limit)
        .unwrap()
        .srvr(&ensemble.server(1))
        .await;
    let said = plain.unwrap_err().to_string();
    println!("{said}");
    assert!(said.contains("secureClientPort"), "{said}");

    let client = security
        .connect(&secure[1], Duration::from_secs(10), limit)
        .await
        .unwrap();
    assert_eq!(client.list_children("/").await.unwrap(), ["zookeeper"]);
    let named: Vec<_> = secure.iter().map(Server::of_client).collect();
    let found = discover(&named, &security).await.unwrap();
    for (n, found) in (1..=3).zip(&found.found) {
        assert_eq!(found.server.quorum, Some(ensemble.quorum(n)));
        assert_eq!(found.origin, Origin::Members);
    }
    assert_eq!(found.found.len(), 3);
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::new(named, dir.path().to_path_buf());
    config.security = security;
    up_to_date(&mut Learner::start(config, None).unwrap()).await;
}

/// Gives a server a second client port, with TLS.
fn secure_port(ensemble: &Ensemble, n: usize) -> String {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|l| l.local_addr())
        .unwrap()
        .port();
    let file = ensemble.config_file(n);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text + &format!("secureClientPort={port}\n")).unwrap();
    format!("127.0.0.1:{port}")
}

/// A session of a SASL user and one with digest credentials.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_users() {
    let dir = tempfile::tempdir().unwrap();
    let jaas = dir.path().join("jaas.conf");
    let text = "Server {\n org.apache.zookeeper.server.auth.DigestLoginModule required\n user_engine=\"right\";\n};\n";
    std::fs::write(&jaas, text).unwrap();
    let setup = Setup {
        config: "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n".to_owned(),
        jvm: vec![format!("-Djava.security.auth.login.config={}", jaas.display())],
        ..Setup::version("3.9.3")
    };
    let ensemble = Ensemble::start_with(1, setup, |_| ()).await;
    let connect = |security: Security| {
        let server = ensemble.server(1);
        async move {
            let ten = Duration::from_secs(10);
            security.connect(&server, ten, ten).await
        }
    };
    let security = Security {
        client_sasl: Some(Sasl::DigestMd5(user("engine", "right"))),
        credentials: ["me", "you"]
            .map(|user| Credentials {
                user: user.to_owned(),
                password: "secret".to_owned(),
            })
            .into(),
        ..Security::default()
    };
    let client = connect(security.clone()).await.unwrap();
    let users = client.list_auth_users().await.unwrap();
    let users: Vec<_> = users.iter().map(|u| (u.scheme(), u.user())).collect();
    println!("{users:?}");
    assert!(
        [("sasl", "engine"), ("digest", "me"), ("digest", "you")]
            .iter()
            .all(|user| users.contains(user)),
        "{users:?}"
    );
    let wrong = Security {
        client_sasl: Some(Sasl::DigestMd5(user("engine", "wrong"))),
        ..Security::default()
    };
    let error = connect(wrong).await.err().map(|e| e.to_string());
    println!("{error:?}");
    assert!(error.unwrap().contains("check user and password"));
}
