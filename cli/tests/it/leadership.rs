//! Masters of two ensembles in one election group: only one side leads, whatever happens.

mod side;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mesolith_pki::Authority;
use mesolith_proto::live::MAY_LEAD;
use mesolith_proto::node::v1::{ComponentState, Phase};
use mesolith_testkit_zookeeper::{Ensemble, Setup};
use mesolith_zk::{LABEL, STANDBY};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use zookeeper_client::{Acls, Client, CreateMode};

use crate::node::free_port;
use crate::sync::{LIMIT, Program, servers, setup, until};
use side::{Master, Role, SESSION, Side, client, pause, send, write_settings};

fn fact<'a>(state: &'a ComponentState, name: &str) -> &'a str {
    state.facts.get(name).map_or("", String::as_str)
}

fn pids(states: &[ComponentState]) -> Vec<u32> {
    states.iter().map(|state| state.pid).collect()
}

/// How many candidates and how many standbys an ensemble shows.
async fn group(zookeeper: &Client) -> (usize, usize) {
    let children = zookeeper.list_children("/mesos").await.unwrap();
    let count = |label: &str| children.iter().filter(|name| name.starts_with(label)).count();
    (count(LABEL), count(STANDBY))
}

/// Active agents of a master by port: id, and when it last came back.
async fn agents(http: &reqwest::Client, master: &str) -> Option<BTreeMap<u64, (String, Value)>> {
    let url = format!("http://{master}/slaves");
    let slaves: Value = http.get(url).send().await.ok()?.json().await.ok()?;
    let active = slaves["slaves"]
        .as_array()?
        .iter()
        .filter(|agent| agent["active"] == true);
    let shown = active.map(|agent| {
        let id = agent["id"].as_str().unwrap_or_default().to_owned();
        (
            agent["port"].as_u64().unwrap_or_default(),
            (id, agent["reregistered_time"].clone()),
        )
    });
    Some(shown.collect())
}

/// Asks every master again and again whether it leads.
struct Watcher {
    task: JoinHandle<()>,
    broken: Arc<Mutex<Vec<String>>>,
    silence: Arc<Mutex<Duration>>,
}

impl Watcher {
    /// `sides` are the masters of A and of B.
    fn start(sides: [Vec<Master>; 2]) -> Self {
        let (broken, silence) = (
            Arc::<Mutex<Vec<String>>>::default(),
            Arc::<Mutex<Duration>>::default(),
        );
        let (found, longest) = (broken.clone(), silence.clone());
        let task = tokio::spawn(async move {
            let http = client();
            let mut b_led: Option<Instant> = None;
            let mut last = Instant::now();
            loop {
                let asked = Instant::now();
                let ask = sides.iter().flatten().map(|master| master.report(&http));
                let leads: Vec<bool> = futures::future::join_all(ask)
                    .await
                    .into_iter()
                    .map(|report| report.is_some_and(|report| report.leading))
                    .collect();
                let (a, b) = leads.split_at(sides[0].len());
                // Asked after somebody of B had said that it leads.
                if b_led.is_some_and(|b_led| asked > b_led) && a.contains(&true) {
                    found.lock().unwrap().push(format!("A {a:?} B {b:?}"));
                }
                if b.contains(&true) {
                    b_led.get_or_insert_with(Instant::now);
                }
                if leads.contains(&true) {
                    let mut longest = longest.lock().unwrap();
                    *longest = (*longest).max(last.elapsed());
                    last = Instant::now();
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        Self {
            task,
            broken,
            silence,
        }
    }

    fn stop(self) -> Duration {
        self.task.abort();
        let broken = self.broken.lock().unwrap();
        assert!(broken.is_empty(), "both sides led: {broken:?}");
        *self.silence.lock().unwrap()
    }
}

fn mesos_agent(dir: &std::path::Path, name: &str, port: u16, side: &Side, zookeeper: &str) -> Role {
    let line = [
        "mesos-agent".to_owned(),
        format!("--master={zookeeper}"),
        "--ip=127.0.0.1".to_owned(),
        format!("--port={port}"),
        format!("--work_dir={}", dir.join(name).display()),
        format!("--pki_dir={}", side.node.pki_dir().display()),
        format!("--runtime_dir={}", dir.join(format!("{name}-run")).display()),
        format!("--cgroups_root=mesolith-test-{}-{name}", std::process::id()),
        "--resources=cpus:1;mem:64;disk:64;ports:[31000-31001]".to_owned(),
        "--registration_backoff_factor=100ms".to_owned(),
        format!("--zk_session_timeout={SESSION}"),
    ];
    Role::start(dir, name, &line)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leadership_moves_from_one_ensemble_to_another() {
    let begun = Instant::now();
    let old = Setup {
        class_path: Setup::version("3.5.10").class_path,
        ..setup(1)
    };
    let new = Setup {
        class_path: Setup::version("3.9.3").class_path,
        ..setup(101)
    };
    let (ensemble_a, ensemble_b) = tokio::join!(
        Ensemble::start_with(2, old, |_| ()),
        Ensemble::start_with(2, new, |_| ())
    );
    let on_a = Client::connect(&ensemble_a.connect_string()).await.unwrap();
    let on_b = Client::connect(&ensemble_b.connect_string()).await.unwrap();
    let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
    on_a.create("/mesos", b"", &open).await.unwrap();
    let engine = Program::new();
    let ends = [
        format!("--source={}", servers(&ensemble_a)),
        format!("--target={}", servers(&ensemble_b)),
    ];
    let start = [
        "start",
        &ends[0],
        &ends[1],
        "--paths=/mesos=both",
        "--session-grace=4s",
    ];
    engine.good(&start);
    println!("engine in sync after {:?}", begun.elapsed());

    // One group. Masters of B take part, and may not lead.
    let (zk_a, zk_b) = (ensemble_a.url("/mesos"), ensemble_b.url("/mesos"));
    let authority = Authority::create("move").unwrap();
    let mut a = Side::start("a", &authority, &zk_a);
    let mut b = Side::start("b", &authority, &zk_b);
    b.tell(false).await;
    b.until_all("B's masters to confirm", ComponentState::cannot_lead)
        .await;
    a.tell(true).await;
    let states = a
        .until_all("A's masters to run", |s| {
            fact(s, MAY_LEAD) == "true" && !fact(s, "leader").is_empty()
        })
        .await;
    let leader = fact(&states[0], "leader").to_owned();
    assert!(
        a.masters.iter().any(|master| master.address() == leader),
        "{leader}"
    );
    let pids_a = pids(&states);
    let knows =
        |s: &ComponentState| s.cannot_lead() && fact(s, "leading") == "false" && fact(s, "leader") == leader;
    let pids_b = pids(&b.until_all("B's masters to know the leader", knows).await);
    until("one group on both sides", async || {
        (group(&on_a).await == (2, 2) && group(&on_b).await == (2, 2)).then_some(())
    })
    .await;
    let watcher = Watcher::start([a.masters.clone(), b.masters.clone()]);

    // Agents of both sides register with the leader, and a framework.
    let dir = tempfile::tempdir().unwrap();
    let ports = [free_port(), free_port()];
    let _agents = [
        mesos_agent(dir.path(), "agent-a", ports[0], &a, &zk_a),
        mesos_agent(dir.path(), "agent-b", ports[1], &b, &zk_b),
    ];
    let on_side_a = |agents: &BTreeMap<u64, (String, Value)>| agents[&u64::from(ports[0])].clone();
    let http = client();
    let registered = async |master: &str| {
        until("both agents to register", async || {
            agents(&http, master).await.filter(|agents| agents.len() == 2)
        })
        .await
    };
    let before = registered(&leader).await;
    println!("one group, two agents after {:?}", begun.elapsed());

    // The engine dies for longer than its session grace: in B's view there is no candidate, and nobody of B leads.
    send(
        u32::try_from(engine.status()["pid"].as_u64().unwrap()).unwrap(),
        Signal::SIGKILL,
    );
    until("A's sessions to end in B", async || {
        (group(&on_b).await == (0, 2)).then_some(())
    })
    .await;
    b.until_all("B's masters to know no leader", |s| {
        s.cannot_lead() && fact(s, "leading") == "false" && fact(s, "leader").is_empty()
    })
    .await;
    let body = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "root", "name": "f"}}});
    let subscribe = |master: String| {
        let call = http.post(format!("http://{master}/api/v1/scheduler"));
        call.header("Content-Type", "application/json")
            .body(body.to_string())
            .send()
    };
    for master in &b.masters {
        let refused = subscribe(master.address()).await.unwrap();
        assert_eq!(refused.status(), 503);
        let why = refused.text().await.unwrap();
        assert!(
            why.contains("its live settings say that it may not lead"),
            "{why}"
        );
    }
    // A's agent has not left the leader for that.
    let now = agents(&http, &leader).await.unwrap();
    assert_eq!(on_side_a(&now), on_side_a(&before));
    println!("engine dead, grace over after {:?}", begun.elapsed());
    engine.good(&start);
    until("one group again", async || {
        (group(&on_a).await == (2, 2) && group(&on_b).await == (2, 2)).then_some(())
    })
    .await;
    assert_eq!(
        pids(&b.until_all("B's masters to know the leader again", knows).await),
        pids_b
    );
    let now = registered(&leader).await;
    assert_eq!(
        on_side_a(&now),
        on_side_a(&before),
        "the engine's end and start are nothing to A's agent"
    );
    for master in &b.masters {
        let answer = subscribe(master.address()).await.unwrap();
        let location = answer.headers()["Location"].to_str().unwrap();
        assert_eq!(
            (answer.status().as_u16(), location),
            (307, format!("//{leader}/api/v1/scheduler").as_str())
        );
    }

    // A's leader is paused while it is forbidden to lead: it does not confirm, whatever its node was told, also not when
    // the node agent is killed and starts again.
    let leads = a
        .masters
        .iter()
        .position(|master| master.address() == leader)
        .unwrap();
    pause(pids_a[leads]).await;
    a.tell(false).await;
    let other = 1 - leads;
    let seen = a
        .until("the pause to be seen", |states| {
            states[leads].phase() == Phase::Unhealthy && states[other].cannot_lead()
        })
        .await;
    assert!(!seen[leads].cannot_lead(), "{seen:?}");
    assert_eq!(
        seen[other].pid, pids_a[other],
        "a change of live settings restarts nothing"
    );
    a.node.kill();
    a.node.run();
    a.until("the new node agent to know the masters", |states| {
        assert!(!states[leads].cannot_lead(), "{states:?}");
        states[leads].pid == pids_a[leads] && states[other].cannot_lead()
    })
    .await;
    println!("forbidden, leader paused after {:?}", begun.elapsed());

    // It wakes, ends, and comes back as a standby. Only then B may lead.
    let woken = Instant::now();
    send(pids_a[leads], Signal::SIGCONT);
    let states = a
        .until_all("A's masters to confirm", ComponentState::cannot_lead)
        .await;
    let confirmed = woken.elapsed();
    assert_eq!(states[other].pid, pids_a[other]);
    b.tell(true).await;
    let allowed = Instant::now();
    let lead_b = until("a leader of B", async || {
        for master in &b.masters {
            if master.report(&http).await.is_some_and(|report| report.leading) {
                return Some(master.address());
            }
        }
        None
    })
    .await;
    println!(
        "confirmed {confirmed:?} after it woke; B leads {:?} after it may",
        allowed.elapsed()
    );
    let after = registered(&lead_b).await;
    println!("both agents registered {:?} after B may lead", allowed.elapsed());
    let ids = |agents: &BTreeMap<u64, (String, Value)>| {
        agents.values().map(|agent| agent.0.clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&after), ids(&before), "the same agents");
    let states = b
        .until_all("B's masters to say so", |s| fact(s, MAY_LEAD) == "true")
        .await;
    assert_eq!(pids(&states), pids_b);
    a.until_all("A's masters to know B's leader", |s| {
        s.cannot_lead() && fact(s, "leader") == lead_b
    })
    .await;
    println!(
        "longest time without a leader, pause included: {:?}",
        watcher.stop()
    );
    println!("all after {:?}", begun.elapsed());
}

/// A master and its file of live settings, without a node agent.
struct Single {
    role: Role,
    address: String,
    settings: std::path::PathBuf,
}

/// Connections with a call that waits.
const CALLS: usize = 200;

fn request(method: &str, path: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: m\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The first line of what comes next; none when the connection ends.
async fn first_line(connection: &mut TcpStream) -> Option<String> {
    let mut answer = [0; 4096];
    let read = tokio::time::timeout(LIMIT, connection.read(&mut answer))
        .await
        .unwrap();
    let read = read.ok().filter(|n| *n > 0)?;
    String::from_utf8_lossy(&answer[..read])
        .lines()
        .next()
        .map(str::to_owned)
}

impl Single {
    async fn call(&self, method: &str, path: &str, body: &str) -> TcpStream {
        let mut connection = TcpStream::connect(&self.address).await.unwrap();
        connection.write_all(&request(method, path, body)).await.unwrap();
        connection
    }

    fn start(dir: &std::path::Path, name: &str, zookeeper: &str) -> Self {
        let (port, settings) = (free_port(), dir.join(format!("{name}.json")));
        write_settings(&settings, 1, true);
        let line = [
            "master".to_owned(),
            "--ip=127.0.0.1".to_owned(),
            format!("--port={port}"),
            "--hostname=127.0.0.1".to_owned(),
            format!("--zk={zookeeper}"),
            format!("--zk_session_timeout={SESSION}"),
            format!("--live_settings={}", settings.display()),
        ];
        Self {
            role: Role::start(dir, name, &line),
            address: format!("127.0.0.1:{port}"),
            settings,
        }
    }

    async fn leads(&self, http: &reqwest::Client) {
        until("it to lead", async || {
            let answer = http
                .get(format!("http://{}/leadership", self.address))
                .send()
                .await
                .ok()?;
            let report: Value = answer.json().await.ok()?;
            (report["leading"] == true).then_some(())
        })
        .await;
    }
}

/// Calls that reach a stopped process wait in its sockets, and it would answer them first when it wakes.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_stopped_does_nothing_when_it_wakes() {
    let ensemble = Ensemble::start(1).await;
    let zookeeper = Client::connect(&ensemble.connect_string()).await.unwrap();
    let (zk, dir, http) = (ensemble.url("/mesos"), tempfile::tempdir().unwrap(), client());
    for case in ["permission withdrawn", "session over"] {
        let mut first = Single::start(dir.path(), case, &zk);
        first.leads(&http).await;
        let body =
            json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "root", "name": "f"}}});
        let mut framework = first.call("POST", "/api/v1/scheduler", &body.to_string()).await;
        assert!(first_line(&mut framework).await.unwrap().contains("200"));
        // Connections that the master reads from already.
        let mut waiting = Vec::new();
        for _ in 0..CALLS {
            let mut connection = first.call("GET", "/health", "").await;
            assert!(first_line(&mut connection).await.unwrap().contains("200"));
            waiting.push(connection);
        }

        first.role.pause().await;
        for connection in &mut waiting {
            connection.write_all(&request("GET", "/state", "")).await.unwrap();
        }
        let next = match case {
            "permission withdrawn" => {
                write_settings(&first.settings, 2, false);
                None
            }
            _ => {
                let next = Single::start(dir.path(), "next", &zk);
                next.leads(&http).await;
                Some(next)
            }
        };
        // What it sent before it was stopped is here already.
        let mut unread = [0; 4096];
        while framework.try_read(&mut unread).is_ok_and(|n| n > 0) {}
        first.role.signal(Signal::SIGCONT);
        for connection in &mut waiting {
            // Refused, sent to the next leader, or cut off.
            let answer = first_line(connection).await;
            assert!(
                !answer.as_ref().is_some_and(|line| line.contains(" 200 ")),
                "{case}: {answer:?}"
            );
        }
        let mut sent = Vec::new();
        // It may have been cut off, too.
        let _ = framework.read_to_end(&mut sent).await;
        let sent = String::from_utf8_lossy(&sent).into_owned();
        assert!(!sent.contains("type"), "{case}: {sent}");
        assert!(!first.role.ended().await.success());
        let log = std::fs::read_to_string(&first.role.log).unwrap();
        assert!(log.contains("lost leadership"), "{log}");
        drop(next);
        until("an empty group", async || {
            (group(&zookeeper).await == (0, 0)).then_some(())
        })
        .await;
    }
}
