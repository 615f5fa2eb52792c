//! What is missing or in the way is said as such, and picked up once it is repaired.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use mesolith_proto::node::v1 as pb;
use pb::Phase;
use tonic::Code;

use crate::harness::{Agent, free_port};

#[tokio::test]
async fn an_occupied_port_is_waited_for() {
    let agent = Agent::started("127.0.0.1");
    let port = free_port();
    let holder = TcpListener::bind((agent.ip.as_str(), port)).unwrap();
    agent.apply(1, vec![agent.zookeeper(port)]).await.unwrap();
    let waiting = agent.until_reason("PortInUse").await;
    assert_eq!(waiting.phase(), Phase::Pending);
    assert!(
        waiting.message.contains(&format!("127.0.0.1:{port}")),
        "{}",
        waiting.message
    );
    assert!(
        waiting.message.contains(&format!("(pid {})", std::process::id())),
        "{}",
        waiting.message
    );
    drop(holder);
    agent.until_phase(Phase::Running).await;
}

#[tokio::test]
async fn ports_are_looked_at_before_anything_is_started() {
    let agent = Agent::started("127.0.0.1");
    let (taken, free) = (free_port(), free_port());
    let holder = TcpListener::bind((agent.ip.as_str(), taken)).unwrap();
    let port = |address: &str, port: u16| pb::Port {
        address: address.into(),
        port: port.into(),
    };
    let request = pb::GetFactsRequest {
        ports: vec![
            port(&agent.ip, taken),
            port(&agent.ip, free),
            port("192.0.2.1", free),
            port("nobody.invalid", free),
        ],
        reach: vec![],
    };
    let mut client = agent.client().await;
    let facts = client.get_facts(request).await.unwrap().into_inner();
    let found: Vec<_> = facts
        .unusable_ports
        .iter()
        .map(|unusable| (unusable.port.clone().unwrap(), unusable.reason.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (port(&agent.ip, taken), "PortInUse"),
            (port("192.0.2.1", free), "AddressNotLocal"),
            (port("nobody.invalid", free), "AddressNotFound"),
        ]
    );
    let who = &facts.unusable_ports[0].holder;
    assert!(who.ends_with(&format!("(pid {})", std::process::id())), "{who}");
    drop(holder);
    let request = pb::GetFactsRequest {
        ports: vec![port(&agent.ip, 0)],
        reach: vec![],
    };
    let refused = client.get_facts(request).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::InvalidArgument, "ports[].port: 0 is not a port")
    );
}

#[tokio::test]
async fn missing_programs_are_named() {
    let mut agent = Agent::new("127.0.0.1");
    let empty = tempfile::tempdir().unwrap();
    agent.start(&[("PATH", empty.path().to_str().unwrap())]);
    agent.apply(1, vec![agent.zookeeper(free_port())]).await.unwrap();
    let waiting = agent.until_reason("JavaNotFound").await;
    assert!(waiting.message.contains("apt-get install"), "{}", waiting.message);
    let facts = agent
        .client()
        .await
        .get_facts(pb::GetFactsRequest::default())
        .await
        .unwrap()
        .into_inner();
    let java = facts.java.unwrap();
    assert!(!java.present && java.problem == waiting.message);
    assert!(
        facts.cpus > 0 && facts.memory_bytes > 0 && facts.disk_free_bytes > 0 && !facts.boot_id.is_empty()
    );
    assert_eq!(facts.zookeeper.unwrap().version, "3.8.0");

    agent.kill();
    agent
        .arguments
        .extend(["--zookeeper-classpath".into(), "/no/such/zookeeper.jar".into()]);
    agent.start(&[]);
    agent.until_reason("ZooKeeperNotFound").await;
}

#[tokio::test]
async fn an_agent_for_docker_tasks_waits_for_the_engine() {
    let mut agent = Agent::new("127.0.0.1");
    agent
        .arguments
        .extend(["--docker-host".into(), "unix:///no/such/docker.sock".into()]);
    agent.start(&[]);
    let kind = pb::component::Kind::Agent(pb::MesosAgent {
        bind_address: agent.ip.clone(),
        port: free_port().into(),
        zookeeper: "zk://127.0.0.1:1/mesos".into(),
        containerizers: vec!["docker".into()],
        ..Default::default()
    });
    let component = pb::Component {
        id: "agent".into(),
        kind: Some(kind),
        ..Default::default()
    };
    agent.apply(1, vec![component]).await.unwrap();
    let waiting = agent.until_reason("DockerUnavailable").await;
    assert!(
        waiting.message.contains("/no/such/docker.sock"),
        "{}",
        waiting.message
    );
}

#[tokio::test]
async fn a_component_that_dies_at_once_backs_off_and_shows_its_last_words() {
    let mut agent = Agent::new("127.0.0.1");
    let bin = tempfile::tempdir().unwrap();
    let java = bin.path().join("java");
    std::fs::write(
        &java,
        "#!/bin/sh\necho 'Invalid heap size: -Xmx64m' >&2\nexit 3\n",
    )
    .unwrap();
    std::fs::set_permissions(&java, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.path().display());
    agent.start(&[("PATH", &path)]);
    let plain = agent.zookeeper(free_port());
    agent.apply(1, vec![plain.clone()]).await.unwrap();
    let state = agent.until("two deaths", |s| {
        s.components[0].restarts >= 2 && s.components[0].phase() == Phase::BackOff
    });
    let dying = state.await.components.remove(0);
    assert_eq!((dying.reason.as_str(), dying.last_exit_code), ("CrashLoop", 3));
    assert!(dying.message.contains("exit code 3"), "{}", dying.message);
    assert!(
        dying.message.contains("Invalid heap size: -Xmx64m"),
        "{}",
        dying.message
    );

    // The count of deaths survives the agent, and so does the pause.
    agent.kill();
    agent.start(&[("PATH", &path)]);
    let state = agent
        .until("it goes on", |s| s.components[0].restarts > dying.restarts)
        .await;
    assert_eq!(state.components[0].restarts, dying.restarts + 1);
}

#[tokio::test]
async fn data_of_another_server_is_not_touched() {
    let agent = Agent::started("127.0.0.1");
    let data = agent.home("zookeeper").join("data");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("myid"), "7\n").unwrap();
    agent.apply(1, vec![agent.zookeeper(free_port())]).await.unwrap();
    let refused = agent.until_reason("ZooKeeperIdMismatch").await;
    assert_eq!(refused.phase(), Phase::Failed);
    assert_eq!(std::fs::read_to_string(data.join("myid")).unwrap(), "7\n");
}

#[tokio::test]
async fn a_corrupt_ledger_stops_the_agent_and_nothing_else() {
    let mut agent = Agent::started("127.0.0.1");
    agent.apply(1, vec![agent.zookeeper(free_port())]).await.unwrap();
    let before = agent.until_phase(Phase::Running).await;
    agent.kill();
    let file = agent
        .state_dir()
        .join("ledger")
        .join(format!("{}.json", agent.uid));
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, &good[..good.len() - 20]).unwrap();
    let output = agent.command().output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        error.contains(file.to_str().unwrap()) && error.contains("corrupt"),
        "{error}"
    );
    // The set was not lost, and its server was left alone.
    std::fs::write(&file, good).unwrap();
    agent.start(&[]);
    assert_eq!(agent.until_phase(Phase::Running).await.pid, before.pid);
}

#[tokio::test]
async fn nonsense_and_a_second_agent_are_refused() {
    let agent = Agent::started("127.0.0.1");
    let mut bad = agent.zookeeper(1);
    bad.id = "../x".into();
    assert_eq!(
        agent.apply(1, vec![bad]).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    let output = agent.command().output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        error.contains("another node agent runs with --state-dir"),
        "{error}"
    );
    let request = pb::ReadLogsRequest {
        cluster_uid: "../..".into(),
        component: "x".into(),
        ..Default::default()
    };
    let refused = agent.client().await.read_logs(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}

#[tokio::test]
async fn a_component_over_its_memory_limit_is_said_to_be_out_of_memory() {
    let agent = Agent::started("127.0.0.1");
    let limits = Some(pb::Limits {
        cpus: 1.0,
        memory_bytes: 16 << 20,
    });
    let small = pb::Component {
        limits,
        ..agent.zookeeper(free_port())
    };
    agent.apply(1, vec![small]).await.unwrap();
    let state = agent.until_reason("OutOfMemory").await;
    assert_eq!(
        (state.phase(), state.last_exit_code),
        (Phase::BackOff, 137),
        "{}",
        state.message
    );
    // More memory is a new configuration: no pause, and it runs.
    agent.apply(2, vec![agent.zookeeper(free_port())]).await.unwrap();
    agent.until_phase(Phase::Running).await;
}
