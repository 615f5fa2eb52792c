//! The agent dies after each step of an apply; started again (and asked again, as operators do) it converges.

use mesolith_proto::node::v1 as pb;
use pb::Phase;

use crate::harness::{Agent, free_port};

const CRASH: &str = "MESOLITH_CRASH_AT";

/// Processes in the component's control group: never two servers over the same data.
fn processes(agent: &Agent) -> usize {
    let file = format!(
        "/sys/fs/cgroup/freezer/mesolith/{}/n1/zookeeper/cgroup.procs",
        agent.uid
    );
    std::fs::read_to_string(file).unwrap_or_default().lines().count()
}

#[tokio::test]
async fn starting() {
    for step in ["before-ledger", "ledger-written", "files-written", "launched"] {
        let mut agent = Agent::new("127.0.0.1");
        agent.start(&[(CRASH, step)]);
        let plain = agent.zookeeper(free_port());
        let answer = agent.apply(1, vec![plain.clone()]).await;
        assert!(!agent.ended().await.success(), "{step}: {answer:?}");
        agent.start(&[]);
        agent.apply(1, vec![plain]).await.unwrap();
        let running = agent.until_phase(Phase::Running).await;
        assert_eq!((processes(&agent), running.restarts), (1, 0), "{step}");
    }
}

#[tokio::test]
async fn restarting_and_removing() {
    let mut agent = Agent::started("127.0.0.1");
    let plain = agent.zookeeper(free_port());
    agent.apply(1, vec![plain.clone()]).await.unwrap();
    let first = agent.until_phase(Phase::Running).await;
    agent.kill();

    agent.start(&[(CRASH, "stopped")]);
    let again = pb::Component {
        restart_token: "again".into(),
        ..plain
    };
    let _ = agent.apply(2, vec![again.clone()]).await;
    assert!(!agent.ended().await.success());
    agent.start(&[]);
    agent.apply(2, vec![again]).await.unwrap();
    let second = agent.until("it runs anew", |s| {
        s.observed_generation == 2
            && s.components[0].phase() == Phase::Running
            && s.components[0].pid != first.pid
    });
    second.await;
    assert_eq!(processes(&agent), 1);
    agent.kill();

    agent.start(&[(CRASH, "cleared")]);
    let request = || pb::RemoveRequest {
        cluster: Some(agent.cluster()),
        archive: true,
        generation: 2,
        keep: vec![],
        ..Default::default()
    };
    let _ = agent.client().await.remove(request()).await;
    let request = request();
    assert!(!agent.ended().await.success());
    agent.start(&[]);
    let removed = agent.client().await.remove(request).await.unwrap().into_inner();
    assert!(removed.gone);
    assert_eq!(removed.archives.len(), 1);
    assert_eq!(processes(&agent), 0);
}
