//! Real servers: one, and three that need each other.

use mesolith_proto::node::v1 as pb;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pb::Phase;
use tonic::Code;

use crate::harness::{Agent, changed, component, free_port};

fn kill_9(pid: u32) {
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn a_server_lives_through_everything_and_leaves_an_archive() {
    let mut agent = Agent::started("127.0.0.1");
    let plain = agent.zookeeper(free_port());
    assert_eq!(agent.apply(4, vec![plain.clone()]).await.unwrap(), 4);
    let first = agent.until_phase(Phase::Running).await;
    assert_eq!(first.facts["mode"], "standalone");
    assert_eq!((first.restarts, first.spec_digest.as_str()), (0, "abc"));
    agent
        .until("generation 4 is observed", |s| s.observed_generation == 4)
        .await;

    // The agent is killed, and later stopped: the server does not notice.
    agent.kill();
    agent.start(&[]);
    let adopted = agent.until_phase(Phase::Running).await;
    assert_eq!((adopted.pid, adopted.restarts), (first.pid, 0));
    assert!(agent.stop().await.success());
    agent.start(&[]);
    assert_eq!(agent.until_phase(Phase::Running).await.pid, first.pid);

    // Only newer generations change anything.
    agent.apply(4, vec![plain.clone()]).await.unwrap();
    let refused = agent.apply(4, vec![changed(&plain)]).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    let refused = agent.apply(3, vec![plain.clone()]).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    agent.apply(5, vec![plain.clone()]).await.unwrap();
    let same = agent
        .until("generation 5 is observed", |s| s.observed_generation == 5)
        .await;
    assert_eq!(same.components[0].pid, first.pid, "nothing changed for it");

    // The server is killed: started again.
    kill_9(first.pid);
    let second = agent.until("it is back", |s| {
        let c = &s.components[0];
        c.phase() == Phase::Running && c.pid != first.pid
    });
    let second = second.await.components.remove(0);
    assert_eq!((second.restarts, second.last_exit_code), (1, 137));

    // A changed configuration restarts it, gracefully.
    agent.apply(6, vec![changed(&plain)]).await.unwrap();
    let third = agent.until("generation 6 runs", |s| {
        s.observed_generation == 6
            && s.components[0].phase() == Phase::Running
            && s.components[0].pid != second.pid
    });
    let third = third.await.components.remove(0);
    assert_ne!(third.config_digest, second.config_digest);
    assert_eq!(third.restarts, 1, "that was no death");

    let metrics = agent.get("/metrics").await;
    let labels = r#"{cluster="default/prod",component="zookeeper"}"#;
    assert!(
        metrics.contains(&format!("mesolith_agent_component_up{labels} 1")),
        "{metrics}"
    );
    assert_eq!(agent.get("/readyz").await, "ok\n");
    let tail = read_log(&agent, 2).await;
    assert_eq!(tail.lines().count(), 2, "{tail}");
    assert!(read_log(&agent, 0).await.contains("binding to port"));

    let request = pb::ReadLogsRequest {
        cluster_uid: agent.uid.clone(),
        component: "zookeeper".into(),
        tail_lines: 1,
        follow: true,
    };
    let mut followed = agent
        .client()
        .await
        .read_logs(request)
        .await
        .unwrap()
        .into_inner();

    // No longer wanted: stopped, its data moved aside; then the whole cluster is removed.
    agent.apply(7, vec![]).await.unwrap();
    agent
        .until("it is gone", |s| {
            s.observed_generation == 7 && s.components.is_empty()
        })
        .await;
    assert!(!agent.home("zookeeper").exists());
    let last_words = followed.message().await.unwrap().unwrap();
    assert!(!last_words.data.is_empty());
    drop(followed);
    for _ in 0..2 {
        let request = pb::RemoveRequest {
            cluster: Some(agent.cluster()),
            archive: true,
            generation: 7,
            keep: vec![],
            ..Default::default()
        };
        let removed = agent.client().await.remove(request).await.unwrap().into_inner();
        assert!(removed.gone);
        assert_eq!(removed.archives.len(), 1, "{removed:?}");
        let archive = std::path::Path::new(&removed.archives[0]);
        assert!(archive.join("data/version-2").is_dir());
    }
    assert!(!agent.state_dir().join(&agent.uid).exists());
}

async fn read_log(agent: &Agent, tail_lines: u64) -> String {
    let request = pb::ReadLogsRequest {
        cluster_uid: agent.uid.clone(),
        component: "zookeeper".into(),
        tail_lines,
        follow: false,
    };
    let mut chunks = agent
        .client()
        .await
        .read_logs(request)
        .await
        .unwrap()
        .into_inner();
    let mut text = Vec::new();
    while let Some(chunk) = chunks.message().await.unwrap() {
        text.extend_from_slice(&chunk.data);
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn three_servers_need_a_quorum() {
    // Three nodes of one cluster on one machine, as in a trial.
    let mut agents: Vec<_> = (1..=3).map(|n| Agent::new(&format!("127.0.0.1{n}"))).collect();
    let uid = agents[0].uid.clone();
    for (n, agent) in (1..).zip(&mut agents) {
        agent.uid = uid.clone();
        agent.name = format!("n{n}");
        agent.start(&[]);
    }
    let (client_port, quorum_port, election_port) = (free_port(), free_port(), free_port());
    let peers: Vec<_> = (1..=3_u32)
        .zip(&agents)
        .map(|(id, agent)| pb::ZooKeeperPeer {
            id,
            host: agent.ip.clone(),
            quorum_port: quorum_port.into(),
            election_port: election_port.into(),
        })
        .collect();
    let server = |my_id: u32, agent: &Agent| {
        component(pb::ZooKeeperServer {
            my_id,
            bind_address: agent.ip.clone(),
            client_port: client_port.into(),
            peers: peers.clone(),
            heap_megabytes: 64,
            ..Default::default()
        })
    };
    agents[0].apply(1, vec![server(1, &agents[0])]).await.unwrap();
    let alone = agents[0].until_reason("WaitingForQuorum").await;
    assert_eq!(alone.phase(), Phase::Starting);
    for (id, agent) in (2..).zip(&agents[1..]) {
        agent.apply(1, vec![server(id, agent)]).await.unwrap();
    }
    let mut modes = Vec::new();
    let mut pids = Vec::new();
    for agent in &agents {
        let state = agent.until_phase(Phase::Running).await;
        modes.push(state.facts["mode"].clone());
        pids.push(state.pid);
    }
    modes.sort();
    assert_eq!(modes, ["follower", "follower", "leader"]);

    // One dies: it comes back as a member, and the others did not notice.
    kill_9(pids[2]);
    let back =
        |s: &pb::ClusterState| s.components[0].phase() == Phase::Running && s.components[0].pid != pids[2];
    agents[2].until("the killed server is back", back).await;

    // One is no longer wanted: only that one stops.
    agents[2].apply(2, vec![]).await.unwrap();
    agents[2].until("it is gone", |s| s.components.is_empty()).await;
    for (agent, pid) in agents.iter().zip(&pids).take(2) {
        let state = agent.until_phase(Phase::Running).await;
        assert_eq!((state.pid, state.restarts), (*pid, 0));
    }
}
