//! A real server that is parked: its data stays, there is a copy with a checksum, and the copy becomes the same tree on
//! another machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mesolith_proto::node::v1 as pb;
use pb::Phase;
use zookeeper_client::{Acls, Client, CreateMode, Stat};

use crate::harness::{Agent, component, free_port};

/// Every node with its data and everything that a server remembers of it.
type Tree = BTreeMap<String, (Vec<u8>, Stat)>;

fn parked(component: &pb::Component) -> pb::Component {
    pb::Component {
        live: Some(pb::LiveSettings {
            parked: Some(true),
            ..pb::LiveSettings::default()
        }),
        ..component.clone()
    }
}

async fn client(agent: &Agent, port: u16) -> Client {
    let server = format!("{}:{port}", agent.ip);
    let connector = Client::connector().with_session_timeout(Duration::from_secs(20));
    connector.connect(&server).await.unwrap()
}

async fn write(agent: &Agent, port: u16) {
    let client = client(agent, port).await;
    let persistent = CreateMode::Persistent.with_acls(Acls::anyone_all());
    for path in ["/mesos", "/mesos/registry", "/marathon"] {
        client.create(path, path.as_bytes(), &persistent).await.unwrap();
    }
    let sequential = CreateMode::PersistentSequential.with_acls(Acls::anyone_all());
    for n in 0..20_u8 {
        client
            .create("/marathon/app-", &vec![n; 1000], &sequential)
            .await
            .unwrap();
    }
    client.set_data("/mesos/registry", b"second", None).await.unwrap();
    client.delete("/marathon/app-0000000003", None).await.unwrap();
}

async fn tree(agent: &Agent, port: u16) -> Tree {
    let client = client(agent, port).await;
    let mut tree = Tree::new();
    let mut left = vec!["/mesos".to_owned(), "/marathon".to_owned()];
    while let Some(path) = left.pop() {
        let names = client.list_children(&path).await.unwrap();
        left.extend(names.iter().map(|name| format!("{path}/{name}")));
        tree.insert(path.clone(), client.get_data(&path).await.unwrap());
    }
    tree
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn run(folder: &Path, program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    assert!(
        command
            .current_dir(folder)
            .args(arguments)
            .status()
            .unwrap()
            .success()
    );
}

#[tokio::test]
async fn a_parked_server_comes_back_and_its_copy_becomes_the_same_tree_elsewhere() {
    let mut agent = Agent::started("127.0.0.1");
    let port = free_port();
    let plain = agent.zookeeper(port);
    agent.apply(1, vec![plain.clone()]).await.unwrap();
    agent.until_phase(Phase::Running).await;
    write(&agent, port).await;
    let before = tree(&agent, port).await;
    assert_eq!(before.len(), 22);

    agent.apply(2, vec![parked(&plain)]).await.unwrap();
    let state = agent.until_phase(Phase::Parked).await;
    assert_eq!(
        (state.pid, state.not_running, state.spec_digest.as_str()),
        (0, true, "abc")
    );
    agent
        .until("generation 2 is observed", |s| s.observed_generation == 2)
        .await;
    let copy = state.facts["archive"].clone();
    let archive = agent.state_dir().join("archive");
    run(
        &archive,
        "sha256sum",
        &["-c", "--quiet", &format!("{copy}.sha256")],
    );
    let line = std::fs::read_to_string(format!("{copy}.sha256")).unwrap();
    assert!(line.starts_with(&state.facts["archiveSha256"]), "{line}");
    assert!(
        agent.home("zookeeper").join("data/version-2").is_dir(),
        "its data stays"
    );

    // Whoever manages the node is killed: the same copy is shown again, and no other is made.
    agent.kill();
    agent.start(&[]);
    let again = agent.until_phase(Phase::Parked).await;
    assert_eq!(again.facts["archive"], copy);
    assert_eq!(files(&archive).len(), 2, "{:?}", files(&archive));

    // The machine is lost: the copy is unpacked where another node agent looks for the component's data.
    let mut other = Agent::new("127.0.0.1");
    let home = other.home("zookeeper");
    std::fs::create_dir_all(&home).unwrap();
    run(&home, "tar", &["-xzf", &copy]);
    other.start(&[]);
    let elsewhere = free_port();
    other.apply(1, vec![other.zookeeper(elsewhere)]).await.unwrap();
    other.until_phase(Phase::Running).await;
    assert_eq!(tree(&other, elsewhere).await, before);

    // It is wanted again: the data is that of before, and the copy goes, since what it holds is not the latest any more.
    agent.apply(3, vec![plain.clone()]).await.unwrap();
    agent.until_phase(Phase::Running).await;
    assert_eq!(tree(&agent, port).await, before);
    assert_eq!(files(&archive), Vec::<String>::new());

    // It is not wanted any more: what is in the copy is not kept twice.
    agent.apply(4, vec![parked(&plain)]).await.unwrap();
    agent.until_phase(Phase::Parked).await;
    agent.apply(5, vec![]).await.unwrap();
    agent
        .until("it is gone", |s| {
            s.observed_generation == 5 && s.components.is_empty()
        })
        .await;
    assert!(!agent.home("zookeeper").exists());
    let left = files(&archive);
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(
        left[0].ends_with(".tar.gz") && left[1].ends_with(".tar.gz.sha256"),
        "{left:?}"
    );
}

#[tokio::test]
async fn a_server_that_never_ran_has_nothing_to_copy_and_others_are_never_parked() {
    let agent = Agent::started("127.0.0.1");
    let server = agent.zookeeper(free_port());
    agent.apply(1, vec![parked(&server)]).await.unwrap();
    let state = agent.until_phase(Phase::Parked).await;
    assert!(state.facts.is_empty(), "{state:?}");
    agent.apply(2, vec![]).await.unwrap();
    agent.until("it is gone", |s| s.components.is_empty()).await;

    let master = pb::Component {
        id: "master".into(),
        kind: Some(pb::component::Kind::Master(pb::MesosMaster {
            bind_address: agent.ip.clone(),
            port: 5050,
            zookeeper: "zk://127.0.0.1:1/mesos".into(),
            ..pb::MesosMaster::default()
        })),
        ..component(pb::ZooKeeperServer::default())
    };
    let refused = agent.apply(3, vec![parked(&master)]).await.unwrap_err();
    assert!(
        refused.message().contains("only a ZooKeeper server is parked"),
        "{refused}"
    );
}
