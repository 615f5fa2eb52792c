//! Who may take away what: senders of other versions, and other owners, on one node.

use std::time::Instant;

use mesolith_proto::node::v1 as pb;
use pb::Phase;

use crate::harness::{Agent, PATIENCE, free_port};

fn server(agent: &Agent, id: &str) -> pb::Component {
    pb::Component {
        id: id.into(),
        ..agent.zookeeper(free_port())
    }
}

/// The process of a component, once all of these and no others run.
async fn pid(agent: &Agent, ids: &[&str], of: &str) -> u32 {
    let what = format!("exactly {ids:?} run");
    let settled = |s: &pb::ClusterState| {
        let running = |c: &pb::ComponentState| c.phase() == Phase::Running;
        s.components.iter().map(|c| c.id.as_str()).eq(ids.iter().copied())
            && s.components.iter().all(running)
            && s.observed_generation == s.generation
    };
    let state = agent.until(&what, settled).await;
    let found = state.components.iter().find(|c| c.id == of);
    found.map_or(0, |c| c.pid)
}

fn removal(agent: &Agent, generation: u64, known_ids: &[&str]) -> pb::RemoveRequest {
    pb::RemoveRequest {
        cluster: Some(agent.cluster()),
        archive: true,
        generation,
        keep: vec![],
        known_ids: known_ids.iter().map(ToString::to_string).collect(),
    }
}

/// Asks until nothing is left, as operators do.
async fn gone(agent: &Agent, request: pb::RemoveRequest) {
    let deadline = Instant::now() + PATIENCE;
    let mut client = agent.client().await;
    while !client.remove(request.clone()).await.unwrap().into_inner().gone {
        assert!(Instant::now() < deadline, "it never goes");
    }
}

#[tokio::test]
async fn an_older_sender_does_not_take_away_what_a_newer_one_added() {
    let older = ["zookeeper", "master", "agent"];
    let mut agent = Agent::started("127.0.0.1");
    let (first, second) = (server(&agent, "zookeeper"), server(&agent, "zookeeper2"));
    agent.known_ids = older
        .iter()
        .chain(&["zookeeper2"])
        .map(ToString::to_string)
        .collect();
    agent.apply(1, vec![first.clone(), second.clone()]).await.unwrap();
    let added = pid(&agent, &["zookeeper", "zookeeper2"], "zookeeper2").await;

    // One that says what it knows, and one that was made before that could be said.
    for (generation, known_ids) in [(2, &older[..]), (3, &[])] {
        agent.known_ids = known_ids.iter().map(ToString::to_string).collect();
        agent.apply(generation, vec![]).await.unwrap();
        assert_eq!(pid(&agent, &["zookeeper2"], "zookeeper2").await, added);
        // What stays is in the ledger.
        agent.kill();
        agent.start(&[]);
        assert_eq!(pid(&agent, &["zookeeper2"], "zookeeper2").await, added);
    }

    // The older one needs the node no more, and then needs it again.
    let mut client = agent.client().await;
    let answer = client.remove(removal(&agent, 4, &older)).await.unwrap();
    assert!(!answer.into_inner().gone);
    agent.apply(5, vec![first]).await.unwrap();
    assert_eq!(
        pid(&agent, &["zookeeper", "zookeeper2"], "zookeeper2").await,
        added
    );

    // The owner itself goes.
    gone(&agent, removal(&agent, 6, &[])).await;
    assert!(!agent.state_dir().join(&agent.uid).exists());
}

#[tokio::test]
async fn two_owners_on_one_node_keep_apart() {
    let mut agent = Agent::started("127.0.0.1");
    let cluster = agent.uid.clone();
    let one = server(&agent, "zookeeper");
    agent.apply(7, vec![one]).await.unwrap();
    let kept = pid(&agent, &["zookeeper"], "zookeeper").await;

    // The same id, and generations of its own.
    agent.uid = format!("{cluster}-migration");
    agent.apply(1, vec![server(&agent, "zookeeper")]).await.unwrap();
    assert_ne!(pid(&agent, &["zookeeper"], "zookeeper").await, kept);
    gone(&agent, removal(&agent, 2, &[])).await;

    agent.uid = cluster;
    assert_eq!(pid(&agent, &["zookeeper"], "zookeeper").await, kept);
}
