//! Real ensembles with TLS and SASL: who is let in, and what those hear who are not.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mesolith_testkit_zookeeper::{Ensemble, Setup};
use mesolith_zk::Credentials;
use mesolith_zk::four_letter::{Mode, Words, srvr};
use mesolith_zk::learner::{Config, Event, Learner};
use mesolith_zk::members::{Origin, Server, discover};
use mesolith_zk::security::{Sasl, Security, Tls};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(90);

/// An authority and what it signs.
struct Authority {
    dir: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(dir.path().join("ca.pem"), certificate.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        Self { dir, issuer }
    }

    fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Certificate and key for a host, and both in one file as ZooKeeper wants them.
    fn sign(&self, host: &str) -> [PathBuf; 3] {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("a {host}"));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file = |ending: &str, text: String| {
            let path = self.dir.path().join(format!("{host}.{ending}"));
            std::fs::write(&path, text).unwrap();
            path
        };
        let both = key.serialize_pem() + &certificate.pem();
        [
            file("pem", certificate.pem()),
            file("key", key.serialize_pem()),
            file("both.pem", both),
        ]
    }

    /// Trusts this authority and has a certificate of it.
    fn tls(&self) -> Tls {
        let [certificate, key, _] = self.sign("127.0.0.1");
        Tls::new([self.ca()]).with_identity(certificate, key)
    }

    fn stores(&self, prefix: &str, host: &str) -> String {
        let [_, _, both] = self.sign(host);
        format!(
            "{prefix}keyStore.location={}\n{prefix}keyStore.type=PEM\n{prefix}trustStore.location={}\n\
             {prefix}trustStore.type=PEM\n",
            both.display(),
            self.ca().display()
        )
    }
}

fn servers(ensemble: &Ensemble) -> Vec<Server> {
    (1..=ensemble.len())
        .map(|n| Server::of_client(ensemble.server(n)))
        .collect()
}

fn learner(ensemble: &Ensemble, dir: &Path, security: &Security) -> Learner {
    let mut config = Config::new(servers(ensemble), dir.to_path_buf());
    config.security = security.clone();
    config.handshake_limit = Duration::from_secs(20);
    Learner::start(config, None).unwrap()
}

/// Joins, takes a snapshot and a transaction, and comes back after the leader was killed.
async fn joins(ensemble: &mut Ensemble, security: &Security) {
    let dir = tempfile::tempdir().unwrap();
    let mut learner = learner(ensemble, dir.path(), security);
    up_to_date(&mut learner).await;
    let requests = learner.requests();
    let open = mesolith_zk::request::Request::OpenSession { timeout: 10_000 };
    requests.send(0x7a00_0000_0000_0007, 1, &open).unwrap();
    while !learner.tree().sessions().contains_key(&0x7a00_0000_0000_0007) {
        timeout(LIMIT, learner.next()).await.expect("silence").unwrap();
    }
    let leader = ensemble.leader().await;
    ensemble.kill(leader);
    up_to_date(&mut learner).await;
    ensemble.spawn(leader);
    ensemble.wait_serving(leader).await;
}

async fn up_to_date(learner: &mut Learner) {
    loop {
        match timeout(LIMIT, learner.next()).await.expect("silence").unwrap() {
            Event::UpToDate { .. } => return,
            Event::LostLeader { cause } => println!("lost: {cause}"),
            _ => {}
        }
    }
}

/// The first sentence of one who is not let in has these words.
async fn refused(ensemble: &Ensemble, security: &Security, words: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let mut learner = learner(ensemble, dir.path(), security);
    let event = timeout(LIMIT, learner.next()).await.expect("silence").unwrap();
    let Event::LostLeader { cause } = event else {
        panic!("let in: {event:?}")
    };
    println!("{cause}");
    for word in words {
        assert!(cause.contains(word), "'{word}' is not in: {cause}");
    }
}

fn quorum_tls(tls: Tls) -> Security {
    Security {
        quorum_tls: Some(tls),
        ..Security::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quorum_port_with_tls() {
    let ours = Authority::new("ours");
    let theirs = Authority::new("theirs");
    let setup = Setup {
        config: format!("sslQuorum=true\n{}", ours.stores("ssl.quorum.", "127.0.0.1")),
        ..Setup::version("3.9.3")
    };
    let mut ensemble = Ensemble::start_with(3, setup, |_| ()).await;
    refused(&ensemble, &Security::default(), &["TLS (sslQuorum=true)"]).await;
    let no_identity = Tls::new([ours.ca()]);
    refused(
        &ensemble,
        &quorum_tls(no_identity),
        &["wants a client certificate"],
    )
    .await;
    let wrong_ca = Tls {
        ca: vec![theirs.ca()],
        ..ours.tls()
    };
    refused(
        &ensemble,
        &quorum_tls(wrong_ca),
        &["not signed by an authority in", "ca.pem"],
    )
    .await;
    let stranger = Tls {
        ca: vec![ours.ca()],
        ..theirs.tls()
    };
    refused(
        &ensemble,
        &quorum_tls(stranger),
        &["refused the certificate in", "127.0.0.1.pem"],
    )
    .await;
    let missing = Tls {
        ca: vec!["/nowhere/ca.pem".into()],
        ..ours.tls()
    };
    refused(&ensemble, &quorum_tls(missing), &["/nowhere/ca.pem"]).await;
    // Nobody does SASL here.
    let mut sasl = quorum_tls(ours.tls());
    sasl.quorum_sasl = Some(user("engine", "right"));
    refused(&ensemble, &sasl, &["does not answer SASL"]).await;
    joins(&mut ensemble, &quorum_tls(ours.tls())).await;
}

/// Certificates that name another host than the one connected to.
#[tokio::test(flavor = "multi_thread")]
async fn names_are_checked_unless_switched_off() {
    let ours = Authority::new("ours");
    let setup = Setup {
        config: format!(
            "sslQuorum=true\nssl.quorum.hostnameVerification=false\n{}",
            ours.stores("ssl.quorum.", "elsewhere.example")
        ),
        ..Setup::version("3.9.3")
    };
    let mut ensemble = Ensemble::start_with(3, setup, |_| ()).await;
    refused(
        &ensemble,
        &quorum_tls(ours.tls()),
        &["is not for '127.0.0.1'", "comparison of names"],
    )
    .await;
    // Only the name is let go: the authority is not.
    let theirs = Authority::new("theirs");
    let wrong_ca = Tls {
        ca: vec![theirs.ca()],
        ..ours.tls()
    }
    .with_any_name();
    refused(
        &ensemble,
        &quorum_tls(wrong_ca),
        &["not signed by an authority in"],
    )
    .await;
    joins(&mut ensemble, &quorum_tls(ours.tls().with_any_name())).await;
}

fn user(name: &str, password: &str) -> Sasl {
    Sasl::DigestMd5(Credentials {
        user: name.to_owned(),
        password: password.to_owned(),
    })
}

/// The servers' own user, and one for the engine.
fn sasl_setup(version: Setup, dir: &Path) -> Setup {
    let jaas = dir.join("jaas.conf");
    let text = "QuorumServer {\n org.apache.zookeeper.server.auth.DigestLoginModule required\n \
                user_servers=\"among\" user_engine=\"pass, word\";\n};\n\
                QuorumLearner {\n org.apache.zookeeper.server.auth.DigestLoginModule required\n \
                username=\"servers\" password=\"among\";\n};\n";
    std::fs::write(&jaas, text).unwrap();
    Setup {
        config: "quorum.auth.enableSasl=true\nquorum.auth.learnerRequireSasl=true\n\
                 quorum.auth.serverRequireSasl=true\nquorum.cnxn.threads.size=20\n"
            .to_owned(),
        jvm: vec![format!("-Djava.security.auth.login.config={}", jaas.display())],
        ..version
    }
}

async fn a_quorum_port_with_sasl(version: Setup) {
    let dir = tempfile::tempdir().unwrap();
    let mut ensemble = Ensemble::start_with(3, sasl_setup(version, dir.path()), |_| ()).await;
    let with = |sasl| Security {
        quorum_sasl: Some(sasl),
        ..Security::default()
    };
    refused(
        &ensemble,
        &Security::default(),
        &["SASL (quorum.auth.serverRequireSasl=true)"],
    )
    .await;
    let words = ["refused the user 'engine'", "JAAS"];
    refused(&ensemble, &with(user("engine", "wrong")), &words).await;
    refused(
        &ensemble,
        &with(user("nobody", "guessed")),
        &["refused the user 'nobody'"],
    )
    .await;
    let mut tls = with(user("engine", "pass, word"));
    let authority = Authority::new("nobody's");
    tls.quorum_tls = Some(authority.tls());
    refused(&ensemble, &tls, &["sslQuorum=true"]).await;
    joins(&mut ensemble, &with(user("engine", "pass, word"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sasl_of_the_packages_version() {
    a_quorum_port_with_sasl(Setup::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sasl_of_3_4() {
    a_quorum_port_with_sasl(Setup::version("3.4.14")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sasl_inside_tls() {
    let dir = tempfile::tempdir().unwrap();
    let ours = Authority::new("ours");
    let mut setup = sasl_setup(Setup::version("3.9.3"), dir.path());
    setup.config += &format!("sslQuorum=true\n{}", ours.stores("ssl.quorum.", "127.0.0.1"));
    let mut ensemble = Ensemble::start_with(3, setup, |_| ()).await;
    let with = |password| Security {
        quorum_tls: Some(ours.tls()),
        quorum_sasl: Some(user("engine", password)),
        ..Security::default()
    };
    refused(&ensemble, &with("wrong"), &["refused the user 'engine'"]).await;
    refused(&ensemble, &quorum_tls(ours.tls()), &["SASL"]).await;
    joins(&mut ensemble, &with("pass, word")).await;
}

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
        client_sasl: Some(user("engine", "right")),
        credentials: Some(Credentials {
            user: "me".to_owned(),
            password: "secret".to_owned(),
        }),
        ..Security::default()
    };
    let client = connect(security.clone()).await.unwrap();
    let users = client.list_auth_users().await.unwrap();
    let users: Vec<_> = users.iter().map(|u| (u.scheme(), u.user())).collect();
    println!("{users:?}");
    assert!(
        users.contains(&("sasl", "engine")) && users.contains(&("digest", "me")),
        "{users:?}"
    );
    let wrong = Security {
        client_sasl: Some(user("engine", "wrong")),
        ..Security::default()
    };
    let error = connect(wrong).await.err().map(|e| e.to_string());
    println!("{error:?}");
    assert!(error.unwrap().contains("check user and password"));
}
