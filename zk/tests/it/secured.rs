//! Real ensembles with TLS and SASL: who is let in, and what those hear who are not.

use std::path::Path;
use std::time::Duration;

use mesolith_testkit_zookeeper::{Ensemble, Setup};
use mesolith_zk::Credentials;
use mesolith_zk::learner::{Config, Event, Learner};
use mesolith_zk::members::Server;
use mesolith_zk::security::{Security, Tls};
use tokio::time::timeout;

use crate::authority::Authority;

const LIMIT: Duration = Duration::from_secs(90);

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

pub(crate) async fn up_to_date(learner: &mut Learner) {
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

pub(crate) fn user(name: &str, password: &str) -> Credentials {
    Credentials {
        user: name.to_owned(),
        password: password.to_owned(),
    }
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
