//! The sync engine as a component: node agents run it, the operator's own client asks it.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use mesolith_controllers::sync_engine::{
    Access, Plan, Role, Root, Settings, SyncEngine, SyncFacts, Writer, component,
};
use mesolith_pki::{Authority, CertificateRequest, Identity, Role as Certificate};
use mesolith_proto::node::v1 as pb;
use mesolith_testkit_zookeeper::Ensemble;
use pb::Phase;
use zookeeper_client::{Acls, Client, CreateMode};

use crate::node::{HOST, Node, free_port, is_alive, kill_9};
use crate::sync::{data, servers, setup, until};

const LIMIT: Duration = Duration::from_secs(60);
const SECRET: &str = "s3cret";

fn plan(a: &Ensemble, b: &Ensemble) -> Plan {
    let access = |ensemble| Access {
        servers: servers(ensemble),
        ..Access::default()
    };
    Plan {
        name: "move".into(),
        a: access(a),
        b: access(b),
        port: free_port(),
        settings: Settings {
            generation: 1,
            roots: vec![Root {
                path: "/app".into(),
                ..Root::default()
            }],
            ..Settings::default()
        },
        lease_timeout: Some(Duration::from_secs(3)),
        ..Plan::default()
    }
}

/// Whether it runs as the node was told, in this role.
fn serves(state: &pb::ComponentState, role: &str) -> bool {
    let is_role = state.facts.get("role").is_some_and(|is| is == role);
    state.phase() == Phase::Running && is_role && (role == "standby" || state.facts["state"] == "in-sync")
}

/// Both nodes with one engine, and each node's own port for it.
struct World {
    nodes: [Node; 2],
    plans: [Plan; 2],
    generation: u64,
}

impl World {
    async fn apply(&mut self, change: impl Fn(&mut Plan)) {
        self.generation += 1;
        for (node, plan) in self.nodes.iter().zip(&mut self.plans) {
            change(plan);
            node.apply(self.generation, vec![component(plan, HOST)])
                .await
                .unwrap();
        }
    }

    fn engine(&self) -> SyncEngine {
        let member = |(node, plan): (&Node, &Plan)| (node.name.clone(), Ok(node.channel(plan.port)));
        SyncEngine::new(self.nodes.iter().zip(&self.plans).map(member))
    }

    /// The nodes whose engines are active and standby, once they are, each with its component.
    async fn roles(&self) -> [(usize, pb::ComponentState); 2] {
        let decided = |c: &pb::ComponentState| serves(c, "active") || serves(c, "standby");
        let [one, other] = &self.nodes;
        until("one active, one standby", async || {
            let both = [
                one.until_component("it has a role", decided).await,
                other.until_component("it has a role", decided).await,
            ];
            let active = both.iter().position(|c| serves(c, "active"))?;
            let standby = both.iter().position(|c| serves(c, "standby"))?;
            Some([(active, both[active].clone()), (standby, both[standby].clone())])
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_run_an_engine_and_one_takes_over_from_the_other() {
    let (a, b) = tokio::join!(
        Ensemble::start_with(2, setup(1), |_| ()),
        Ensemble::start_with(2, setup(101), |_| ())
    );
    let (on_a, on_b) = (
        Client::connect(&a.connect_string()).await.unwrap(),
        Client::connect(&b.connect_string()).await.unwrap(),
    );
    let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
    on_a.create("/app", b"1", &open).await.unwrap();
    for n in 0..100 {
        on_a.create(&format!("/app/{n}"), b"x", &open).await.unwrap();
    }
    let authority = Authority::create("prod").unwrap();
    let plan = plan(&a, &b);
    let other = Plan {
        port: free_port(),
        ..plan.clone()
    };
    let mut world = World {
        nodes: [Node::start("n1", &authority), Node::start("n2", &authority)],
        plans: [plan, other],
        generation: 0,
    };
    let secret = world.nodes[0].state_dir().with_file_name("zk-auth");
    std::fs::write(&secret, format!("digest:joe:{SECRET}\n")).unwrap();
    let file = secret.display().to_string();
    world.apply(|plan| plan.a.auth_files = vec![file.clone()]).await;

    // One works, the other stands by, and the operator hears both over mutual TLS.
    let [(active, first), (standby, second)] = world.roles().await;
    assert_eq!(data(&on_b, "/app/99").await.as_deref(), Some("x"));
    let engine = world.engine();
    let seen = engine.facts().await;
    let facts: &SyncFacts = seen[&world.nodes[active].name].as_ref().unwrap();
    assert!(facts.in_sync() && facts.role == Some(Role::Active), "{facts:?}");
    assert_eq!((facts.pid, facts.conflicts, facts.refused), (first.pid, 0, 0));
    // The application's, and those of ZooKeeper itself.
    assert_eq!(facts.a.as_ref().unwrap().znodes, Some(105));
    let waits = seen[&world.nodes[standby].name].as_ref().unwrap();
    assert_eq!((waits.role, waits.pid), (Some(Role::Standby), second.pid));
    let stranger = Authority::create("other").unwrap();
    let request = CertificateRequest::new(
        Identity::new(Certificate::Operator, "operator").unwrap(),
        [HOST.to_owned()],
    );
    let channel =
        world.nodes[active].channel_with(&stranger.issue(&request).unwrap(), world.plans[active].port);
    let refused = SyncEngine::new([("n1".to_owned(), Ok(channel))]).active().await;
    assert_eq!(refused.unwrap_err().reason().as_str(), "SyncEngineUnreachable");
    for pid in [first.pid, second.pid] {
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
        let environment = std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
        assert!(line.contains(&file) && !line.contains(SECRET), "{line}");
        assert!(!environment.contains(SECRET));
    }
    for node in &world.nodes {
        let work = std::fs::metadata(node.home().join("sync/work")).unwrap();
        assert_eq!(
            work.permissions().mode() & 0o777,
            0o700,
            "it holds data of both sides"
        );
    }

    // It is killed with its node agent: the other one takes over, and it comes back as the standby.
    world.nodes[active].kill();
    kill_9(first.pid);
    world.nodes[standby]
        .until_component("it takes over", |c| serves(c, "active"))
        .await;
    on_a.set_data("/app", b"2", None).await.unwrap();
    engine.barrier(LIMIT).await.unwrap();
    assert_eq!(data(&on_b, "/app").await.as_deref(), Some("2"));
    world.nodes[active].run();
    let [(active, now), (_, back)] = world.roles().await;
    assert_eq!(now.pid, second.pid);
    assert_eq!((back.restarts, back.last_exit_code), (1, 137));
    assert_ne!(back.pid, first.pid);

    // Its node agent is killed: the engine goes on and is found again.
    world.nodes[active].kill();
    on_a.set_data("/app", b"3", None).await.unwrap();
    until("/app on B", async || {
        data(&on_b, "/app").await.filter(|data| data == "3")
    })
    .await;
    world.nodes[active].run();
    let adopted = world.nodes[active]
        .until_component("it is adopted", |c| serves(c, "active"))
        .await;
    assert_eq!((adopted.pid, adopted.restarts), (now.pid, now.restarts));

    settings(&mut world, &engine, active, &adopted).await;
    from_the_command_line(&world.nodes[active]);

    // One is removed: the other one goes on. Then that is removed as well.
    let [(active, now), (standby, left)] = world.roles().await;
    world.nodes[active].apply(100, vec![]).await.unwrap();
    world.nodes[active]
        .until("it is gone", |s| s.components.is_empty())
        .await;
    assert!(!is_alive(now.pid));
    world.nodes[standby]
        .until_component("it takes over", |c| serves(c, "active"))
        .await;
    on_a.set_data("/app", b"4", None).await.unwrap();
    engine.barrier(LIMIT).await.unwrap();
    assert_eq!(data(&on_b, "/app").await.as_deref(), Some("4"));
    for node in &world.nodes {
        node.remove(101, false).await;
        assert!(!node.home().exists());
    }
    assert!(!is_alive(left.pid));
    let gone = engine.active().await.unwrap_err();
    assert_eq!(gone.reason().as_str(), "SyncEngineUnreachable", "{gone}");
    for plan in &world.plans {
        std::net::TcpListener::bind((HOST, plan.port)).unwrap();
    }
}

/// Settings change by their generation, and nothing is restarted for them.
async fn settings(world: &mut World, engine: &SyncEngine, active: usize, before: &pb::ComponentState) {
    let follows = |generation: u64| {
        let generation = generation.to_string();
        move |c: &pb::ComponentState| c.facts.get("generation") == Some(&generation) && serves(c, "active")
    };
    world
        .apply(|plan| {
            plan.settings.generation = 2;
            plan.settings.workers = Some(5);
            plan.settings.roots[0].writer = Writer::B;
        })
        .await;
    let now = world.nodes[active]
        .until_component("generation 2", follows(2))
        .await;
    assert_eq!(
        (now.pid, now.restarts, now.reason.as_str()),
        (before.pid, before.restarts, "")
    );
    let found = engine.active().await.unwrap().settings.unwrap();
    assert_eq!((found.workers, found.roots[0].writer), (Some(5), Writer::B));

    // The operator switches by asking the engine itself; then the component is behind, and says so.
    let switched = engine.switch("/app", Writer::A, LIMIT).await.unwrap();
    assert_eq!(switched.generation, 3);
    assert_eq!(
        engine.switch("/app", Writer::A, LIMIT).await.unwrap(),
        switched,
        "again"
    );
    let stale = engine.configure(&world.plans[active].settings, LIMIT).await;
    assert_eq!(stale.unwrap_err().word(), Some("OlderGeneration"));
    let unknown = engine.switch("/other", Writer::A, LIMIT).await;
    assert_eq!(unknown.unwrap_err().word(), Some("NoSuchRoute"));
    let behind = world.nodes[active]
        .until_component("it says that others were given", |c| c.reason == "OtherSettings")
        .await;
    assert_eq!(behind.phase(), Phase::Running);
    world.apply(|plan| plan.settings = switched.clone()).await;
    world.nodes[active]
        .until_component("generation 3", |c| follows(3)(c) && c.reason.is_empty())
        .await;
    let diff = engine.diff(10, LIMIT).await.unwrap();
    assert_eq!((diff.different, diff.compared), (0, 101));

    // What the engine refuses is shown with its own reason, and it goes on as before.
    world
        .apply(|plan| {
            plan.settings.generation = 4;
            plan.settings.workers = Some(999);
        })
        .await;
    let refused = world.nodes[active]
        .until_component("a refusal", |c| c.reason == "InvalidSettings")
        .await;
    assert!(
        refused.message.contains("--workers: 999 is out of range"),
        "{}",
        refused.message
    );
    assert_eq!((refused.phase(), refused.pid), (Phase::Running, before.pid));
    world
        .apply(|plan| {
            plan.settings.generation = 5;
            plan.settings.workers = None;
        })
        .await;
    let now = world.nodes[active]
        .until_component("generation 5", |c| follows(5)(c) && c.reason.is_empty())
        .await;
    assert_eq!((now.pid, now.restarts), (before.pid, before.restarts));
}

/// A person on that machine finds the engine without a flag, and cannot stop what the node agent would start again.
fn from_the_command_line(node: &Node) {
    let (code, status, _) = person(node, &["status", "--output=json"]);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(
        (&status["name"], &status["state"]),
        (&"move".into(), &"in-sync".into())
    );
    assert_eq!(code, Some(0));
    assert!(person(node, &["barrier", "--name=move"]).1.starts_with("0x"));
    let (code, _, notes) = person(node, &["stop"]);
    assert_eq!(code, Some(1));
    assert!(notes.contains("is a component of the node agent here"), "{notes}");
    assert_eq!(person(node, &["status", "--name=other"]).0, Some(3));
}

/// What `mesolith sync` says to a person on that machine who has started no engine: exit code, output, notes.
fn person(node: &Node, line: &[&str]) -> (Option<i32>, String, String) {
    let home = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new("timeout");
    command
        .args(["60", env!("CARGO_BIN_EXE_mesolith"), "sync"])
        .args(line);
    command.env("MESOLITH_STATE_DIR", node.state_dir());
    let output = command.env("XDG_STATE_HOME", home.path()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Everything that keeps it from running has its reason, and goes on by itself once that is gone.
#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_an_engine_from_running_is_said() {
    let (a, b) = tokio::join!(
        Ensemble::start_with(2, setup(1), |_| ()),
        Ensemble::start_with(1, setup(101), |_| ())
    );
    let on_a = Client::connect(&a.connect_string()).await.unwrap();
    let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
    on_a.create("/app", b"1", &open).await.unwrap();
    let authority = Authority::create("prod").unwrap();
    let node = Node::start("n1", &authority);
    let mut plan = plan(&a, &b);

    // Bad input is refused at once, with its field.
    let mut wrong = plan.clone();
    wrong.b.servers = "zk://b1/mesos".into();
    let refused = node.apply(1, vec![component(&wrong, HOST)]).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    assert!(
        refused.message().starts_with("components[sync].b.servers: "),
        "{refused}"
    );

    // A file that is not there is waited for.
    let secret = node.state_dir().with_file_name("zk-auth");
    plan.b.auth_files = vec![secret.display().to_string()];
    // Both sides are one ensemble, by different names of it.
    let good = plan.clone();
    plan.b.servers = servers(&a).replace(HOST, "localhost");
    node.apply(1, vec![component(&plan, HOST)]).await.unwrap();
    let waits = node
        .until_component("it waits", |c| c.reason == "FileNotReadable")
        .await;
    assert_eq!(waits.phase(), Phase::Pending);
    assert!(
        waits.message.contains(&secret.display().to_string()),
        "{}",
        waits.message
    );
    std::fs::write(&secret, format!("digest:joe:{SECRET}\n")).unwrap();
    let ended = node
        .until_component("it says why it ended", |c| c.reason == "SameEnsemble")
        .await;
    assert_eq!(ended.phase(), Phase::BackOff);

    // Repaired.
    node.apply(2, vec![component(&good, HOST)]).await.unwrap();
    node.until_component("it runs", |c| serves(c, "active")).await;
    assert!(!node.log().contains(SECRET));

    // A is gone: the engine says so itself, and its health is that of the component.
    drop(a);
    let lost = node
        .until_component("it is unhealthy", |c| c.phase() == Phase::Unhealthy)
        .await;
    assert!(!lost.reason.is_empty() && !lost.message.is_empty(), "{lost:?}");
    node.remove(3, true).await;
    assert!(!node.home().exists());
}
