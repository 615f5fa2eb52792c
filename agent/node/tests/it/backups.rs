//! A backup of a live ensemble, and another ensemble started from it.

use mesolith_proto::node::v1 as pb;
use mesolith_testkit_zookeeper::{Ensemble, Setup};
use tonic::Code;
use zookeeper_client::{Acls, Client, CreateMode};

use crate::harness::{Agent, free_port};

fn request(agent: &Agent, servers: String) -> pb::TakeBackupRequest {
    pb::TakeBackupRequest {
        owner: Some(agent.cluster()),
        servers,
    }
}

#[tokio::test]
async fn an_ensemble_starts_again_from_its_backup() {
    let a = Ensemble::start(3).await;
    let client = Client::connect(&a.connect_string()).await.unwrap();
    let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
    client.create("/mesos", b"", &open).await.unwrap();
    for n in 0..50 {
        let path = format!("/mesos/{n}");
        client.create(&path, b"x", &open).await.unwrap();
    }
    client.create("/mesos/large", &[7; 5000], &open).await.unwrap();

    let agent = Agent::started("127.0.0.1");
    let mut node = agent.client().await;
    let servers: Vec<String> = (1..=3)
        .map(|id| {
            let quorum = a.quorum(id);
            format!("{}:{}", a.server(id), quorum.rsplit_once(':').unwrap().1)
        })
        .collect();
    let taken = node
        .take_backup(request(&agent, servers.join(",")))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (taken.largest_bytes, taken.largest_path.as_str()),
        (5000, "/mesos/large")
    );
    assert!(taken.znodes >= 52, "{taken:?}");
    let file = std::path::Path::new(&taken.path);
    assert_eq!(std::fs::metadata(file).unwrap().len(), taken.bytes);

    // A machine's facts show it, and how far away the ensemble is.
    let port = |id: usize| {
        let (address, port) = a
            .server(id)
            .rsplit_once(':')
            .map(|(a, p)| (a.to_owned(), p.to_owned()))
            .unwrap();
        pb::Port {
            address,
            port: port.parse().unwrap(),
        }
    };
    let facts = pb::GetFactsRequest {
        ports: Vec::new(),
        reach: (1..=3).map(port).collect(),
    };
    let facts = node.get_facts(facts).await.unwrap().into_inner();
    assert_eq!(facts.backups.as_slice(), std::slice::from_ref(&taken));
    assert!(
        facts.reached.len() == 3
            && facts
                .reached
                .iter()
                .all(|way| way.problem.is_empty() && way.micros > 0),
        "{:?}",
        facts.reached
    );
    assert!(facts.clock_unix_ms > 1_600_000_000_000);

    // Servers that never ran load the file as it is.
    let name = file.file_name().unwrap().to_owned();
    let b = Ensemble::start_with(3, Setup::default(), |data| {
        std::fs::create_dir_all(data).unwrap();
        std::fs::copy(file, data.join(&name)).unwrap();
    })
    .await;
    let restored = Client::connect(&b.connect_string()).await.unwrap();
    let (data, stat) = restored.get_data("/mesos/large").await.unwrap();
    let (_, before) = client.get_data("/mesos/large").await.unwrap();
    assert_eq!(data, [7; 5000]);
    assert_eq!(
        (stat.czxid, stat.ctime, stat.version),
        (before.czxid, before.ctime, before.version)
    );
    assert_eq!(restored.list_children("/mesos").await.unwrap().len(), 51);
}

#[tokio::test]
async fn what_cannot_be_read_is_said_at_once_or_with_its_remedy() {
    let agent = Agent::started("127.0.0.1");
    let mut node = agent.client().await;
    let refused = node
        .take_backup(request(&agent, "a1:2181:x".into()))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    let request = request(&agent, format!("127.0.0.1:{0}:{0}", free_port()));
    // Of two that are asked for at the same time, one has to wait for its turn; the other one looks for the ensemble.
    let (mut one, mut two) = (node.clone(), node);
    let first = tokio::select! {
        answer = one.take_backup(request.clone()) => answer,
        answer = two.take_backup(request) => answer,
    };
    let busy = first.unwrap_err();
    assert_eq!(busy.code(), Code::ResourceExhausted, "{busy}");
    assert!(busy.message().contains("try again"), "{busy}");
}
