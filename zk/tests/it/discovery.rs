//! Real servers asked by their client ports only, and members that are replaced while an observer follows.

use std::time::{Duration, Instant};

use mesolith_testkit_zookeeper::{Ensemble, Setup};
use mesolith_zk::four_letter::Mode;
use mesolith_zk::learner::{Config, Event, Learner};
use mesolith_zk::members::{Discovery, Origin, Server, discover};
use mesolith_zk::security::Security;
use tokio::time::timeout;

use crate::workload;

const LIMIT: Duration = Duration::from_secs(90);

fn clients(ensemble: &Ensemble) -> Vec<Server> {
    (1..=ensemble.len())
        .map(|n| Server::of_client(ensemble.server(n)))
        .collect()
}

/// Every quorum port is right, and said by whom it should.
async fn finds(ensemble: &Ensemble, version: &str, origin: &Origin) -> Discovery {
    let found = discover(&clients(ensemble), &Security::default()).await.unwrap();
    assert_eq!(found.silent, []);
    for (n, server) in (1..=ensemble.len()).zip(&found.found) {
        assert_eq!(server.server.quorum, Some(ensemble.quorum(n)), "{server:?}");
        assert_eq!(&server.origin, origin, "{server:?}");
        let (id, n) = (server.id.unwrap(), i64::try_from(n).unwrap());
        assert_eq!(id % 100, n, "{server:?}");
    }
    assert_eq!(found.version(), Some(version));
    assert_eq!(
        found.leader().unwrap().server.client,
        ensemble.server(ensemble.leader().await)
    );
    assert!(!found.is_standalone() && found.guess().is_none());
    found
}

/// Joins with one client address, of a server that does not lead.
async fn joins_by_a_follower(ensemble: &Ensemble, named: Vec<Server>) -> Learner {
    let spool = tempfile::tempdir().unwrap();
    let config = Config::new(named, spool.path().to_path_buf());
    let mut learner = Learner::start(config, None).unwrap();
    let listed = up_to_date(&mut learner).await;
    println!("{listed:?}");
    if let Some(text) = listed {
        assert!(text.contains(&ensemble.quorum(1)), "{text}");
    }
    learner
}

async fn up_to_date(learner: &mut Learner) -> Option<String> {
    loop {
        match timeout(LIMIT, learner.next()).await.expect("silence").unwrap() {
            Event::UpToDate { config } => return config,
            Event::LostLeader { cause } => println!("lost: {cause}"),
            _ => {}
        }
    }
}

/// Only a session tells what these servers are: `conf` is not among the words allowed by default.
fn quiet(version: &str) -> Setup {
    Setup {
        config: "4lw.commands.whitelist=srvr\n".to_owned(),
        ..Setup::version(version)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_servers_tell_their_ports_by_conf() {
    let ensemble = Ensemble::start_with(3, Setup::version("3.4.14"), |_| ()).await;
    let found = finds(&ensemble, "3.4.14", &Origin::Conf).await;
    assert_eq!(found.membership, None);
    joins_by_a_follower(&ensemble, clients(&ensemble)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_servers_that_may_not_say_conf_get_a_guess() {
    let ensemble = Ensemble::start_with(3, quiet("3.4.14"), |_| ()).await;
    let found = discover(&clients(&ensemble), &Security::default()).await.unwrap();
    let guess = found.guess().unwrap();
    assert!(
        guess.contains("127.0.0.1:2888 is a guess") && guess.contains("whitelist"),
        "{guess}"
    );
    let spool = tempfile::tempdir().unwrap();
    let mut learner = Learner::start(Config::new(clients(&ensemble), spool.path().into()), None).unwrap();
    let event = timeout(LIMIT, learner.next()).await.unwrap().unwrap();
    let Event::LostLeader { cause } = event else {
        panic!("{event:?}")
    };
    assert!(cause.contains("127.0.0.1:2888 is a guess"), "{cause}");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_of_3_5_tell_their_members_by_conf_or_to_a_session() {
    let ensemble = Ensemble::start_with(3, Setup::version("3.5.10"), |_| ()).await;
    finds(&ensemble, "3.5.10", &Origin::Members).await;
    drop(ensemble);
    // Session ids hold the last byte of numbers above 255.
    let setup = Setup {
        first_id: 301,
        ..quiet("3.5.10")
    };
    let ensemble = Ensemble::start_with(3, setup, |_| ()).await;
    finds(&ensemble, "3.5.10", &Origin::Members).await;
    joins_by_a_follower(&ensemble, clients(&ensemble)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_of_3_9_tell_their_members_by_conf_or_to_a_session() {
    let ensemble = Ensemble::start_with(3, Setup::version("3.9.3"), |_| ()).await;
    finds(&ensemble, "3.9.3", &Origin::Members).await;
    drop(ensemble);
    let ensemble = Ensemble::start_with(3, quiet("3.9.3"), |_| ()).await;
    finds(&ensemble, "3.9.3", &Origin::Members).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_alone_is_said_to_be_so() {
    let ensemble = Ensemble::start_with(1, Setup::version("3.9.3"), |_| ()).await;
    let mut servers = clients(&ensemble);
    let found = discover(&servers, &Security::default()).await.unwrap();
    assert!(found.is_standalone(), "{found:?}");
    assert_eq!(found.found[0].origin, Origin::Standalone);
    servers.push(Server::of_client("127.0.0.1:1"));
    let found = discover(&servers, &Security::default()).await.unwrap();
    assert_eq!((found.found.len(), found.silent.len()), (1, 1));
    assert_eq!(found.found[0].mode, Some(Mode::Standalone));
}

/// Servers 1 to 3 at first, 4 waits outside; lists with client addresses, so that members name each other.
fn dynamic() -> Ensemble {
    let setup = Setup {
        config: "reconfigEnabled=true\nskipACL=yes\nstandaloneEnabled=false\n".to_owned(),
        jvm: vec!["-Dzookeeper.skipACL=yes".to_owned()],
        ..Setup::version("3.9.3")
    };
    let ensemble = Ensemble::prepare(4, setup);
    for n in 1..=4 {
        let file = ensemble.config_file(n);
        let text = std::fs::read_to_string(&file).unwrap();
        let lines = text.lines().filter(|l| {
            let outside = l.starts_with("server.4=") && n != 4;
            !outside && !l.starts_with("clientPort")
        });
        let mut text: String = lines
            .map(|line| match line.split_once('=') {
                Some((key, value)) if key.starts_with("server.") => {
                    let id: usize = key["server.".len()..].parse().unwrap();
                    // One that is not listed yet joins as an observer.
                    let role = if id == 4 { "observer" } else { "participant" };
                    format!("{key}={value}:{role};{}\n", ensemble.server(id))
                }
                _ => format!("{line}\n"),
            })
            .collect();
        let members = file.with_file_name("members");
        let (servers, rest): (Vec<_>, Vec<_>) = text.lines().partition(|l| l.starts_with("server."));
        std::fs::write(&members, servers.join("\n") + "\n").unwrap();
        text = rest.join("\n");
        text += &format!("\ndynamicConfigFile={}\n", members.display());
        std::fs::write(&file, text).unwrap();
    }
    ensemble
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_are_replaced_are_followed() {
    let mut ensemble = dynamic();
    for n in 1..=3 {
        ensemble.spawn(n);
    }
    for n in 1..=3 {
        ensemble.wait_serving(n).await;
    }
    let leader = ensemble.leader().await;
    let follower = leader % 3 + 1;
    // One address of a server that does not lead is enough.
    let named = vec![Server::of_client(ensemble.server(follower))];
    let mut learner = joins_by_a_follower(&ensemble, named).await;
    // The fourth comes, the named one goes and is stopped, then the leader is killed.
    ensemble.spawn(4);
    ensemble.wait_serving(4).await;
    let client = workload::connect(&ensemble.server(leader), false).await;
    let joining = format!(
        "server.4={}:{}:participant;{}",
        ensemble.quorum(4),
        election(&ensemble, 4),
        ensemble.server(4)
    );
    let until = Instant::now() + LIMIT;
    // Refused until the fourth has caught up.
    while let Err(error) = reconfigure(&client, &joining, "").await {
        assert!(Instant::now() < until, "{error}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    reconfigure(&client, "", &follower.to_string()).await.unwrap();
    let quorum = ensemble.quorum(4);
    loop {
        timeout(LIMIT, learner.next()).await.expect("silence").unwrap();
        let data = learner.tree().get("/zookeeper/config").and_then(|n| n.data());
        let text = String::from_utf8_lossy(data.unwrap_or_default());
        if text.contains(&quorum) && !text.contains(&format!("server.{follower}=")) {
            break;
        }
    }
    drop(client);
    ensemble.kill(follower);
    ensemble.kill(leader);
    let config = up_to_date(&mut learner).await.unwrap();
    assert!(config.contains(&quorum), "{config}");
    let now = ensemble.leader().await;
    assert!(now != leader && now != follower);
    // The new leader's writes arrive.
    let client = workload::connect(&ensemble.server(4), false).await;
    let open = zookeeper_client::CreateMode::Persistent.with_acls(zookeeper_client::Acls::anyone_all());
    client.create("/after", b"", &open).await.unwrap();
    while learner.tree().get("/after").is_none() {
        timeout(LIMIT, learner.next()).await.expect("silence").unwrap();
    }
}

fn election(ensemble: &Ensemble, n: usize) -> String {
    let file = ensemble.config_file(n).with_file_name("members");
    let text = std::fs::read_to_string(file).unwrap();
    let line = text
        .lines()
        .find(|l| l.starts_with(&format!("server.{n}=")))
        .unwrap();
    line.split(':').nth(2).unwrap().to_owned()
}

async fn reconfigure(
    client: &zookeeper_client::Client,
    joining: &str,
    leaving: &str,
) -> Result<(), zookeeper_client::Error> {
    let servers = |text| std::iter::once(text).filter(|t: &&str| !t.is_empty());
    let update = zookeeper_client::EnsembleUpdate::Incremental {
        joinings: servers(joining),
        leavings: servers(leaving),
    };
    client.update_ensemble(update, None).await.map(|_| ())
}
