//! Docker tasks on an engine of this test's own.

use mesolith_proto::departure::Departure;
use mesolith_proto::mesos::v1::container_info::docker_info::{Network, PortMapping};
use mesolith_proto::mesos::v1::{
    CommandInfo, ContainerInfo, HealthCheck, NetworkInfo, Parameter, TaskInfo, TaskState, Volume,
    health_check, task_status::Reason, volume,
};
use mesolith_testkit::Docker;

use crate::agent::{Agent, text};
use crate::tasks::{docker, grace, shell};
use crate::{eventually, free_port};

const IMAGE: &str = "mesolith-test:1";
/// Number of the engine's bridge.
const KEY: u8 = 241;

fn edit(task: TaskInfo, change: impl FnOnce(&mut ContainerInfo)) -> TaskInfo {
    let mut container = task.container.clone().unwrap();
    change(&mut container);
    TaskInfo {
        container: Some(container),
        ..task
    }
}

/// An engine that is stopped when the test fails, too.
struct OwnEngine {
    engine: Docker,
    dir: tempfile::TempDir,
}

impl OwnEngine {
    fn start() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("magent-docker-")
            .tempdir()
            .unwrap();
        let started = Docker::start(dir.path(), KEY).and_then(|engine| {
            engine.make_web_image(IMAGE, 8080)?;
            Ok(engine)
        });
        match started {
            Ok(engine) => Self { engine, dir },
            Err(e) => {
                Docker::stop_in(dir.path(), KEY).ok();
                panic!("no Docker engine: {e:#}")
            }
        }
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        Docker::stop_in(self.dir.path(), KEY).ok();
    }
}

/// One engine for all stories: starting one takes seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn docker_tasks() {
    let own = tokio::task::spawn_blocking(OwnEngine::start).await.unwrap();
    let engine = &own.engine;
    let socket = format!("--docker_socket={}", engine.socket().display());
    let mut agent = Agent::start(&["--containerizers=docker,mesos", &socket]).await;
    output_status_and_limits(&agent, engine).await;
    a_published_port_answers(&agent).await;
    a_missing_image_is_named(&agent).await;
    parameters_reach_the_engine(&agent, engine).await;
    an_unknown_parameter_is_refused(&agent).await;
    a_kill_ends_the_container(&agent).await;
    survives_the_agent(&mut agent, engine).await;
    leaves_once_its_engine_is_there(&mut agent, engine).await;
    let left = engine.run(&["ps", "-aq", "--filter", "name=mesos-"]).unwrap();
    assert_eq!(left, "", "containers are left");
}

async fn output_status_and_limits(agent: &Agent, engine: &Docker) {
    let host = tempfile::tempdir().unwrap();
    // The engine passes on whole lines.
    std::fs::write(host.path().join("f"), "from the host\n").unwrap();
    let script = "cat /data/f; echo to stderr >&2; echo in sandbox > $MESOS_SANDBOX/file; echo label >> /data/f; \
                  while ! [ -e $MESOS_SANDBOX/go ]; do sleep 0.1; done; exit 5";
    let task = edit(docker("out", IMAGE, script), |c| {
        c.volumes = vec![Volume {
            mode: volume::Mode::Ro as i32,
            container_path: "/data".into(),
            host_path: Some(host.path().display().to_string()),
            ..Default::default()
        }];
        let label = Parameter {
            key: "label".into(),
            value: "team=core".into(),
        };
        c.docker.as_mut().unwrap().parameters = vec![label];
    });
    agent.master.run(task).await;
    let running = agent.master.wait_for("out", TaskState::TaskRunning).await;
    agent.output("out", "from the host").await;
    let container = running.container_status.unwrap().container_id.unwrap().value;
    let name = format!("mesos-{container}");
    let format = "{{.HostConfig.Memory}} {{.HostConfig.CpuShares}} {{index .Config.Labels \"team\"}}";
    assert_eq!(
        engine.run(&["inspect", "--format", format, &name]).unwrap(),
        "33554432 102 core"
    );
    let statistics: serde_json::Value = agent.get("/monitor/statistics").await.json().await.unwrap();
    assert!(
        statistics[0]["statistics"]["mem_rss_bytes"].as_u64().is_some(),
        "{statistics}"
    );
    std::fs::write(agent.sandbox("out").join("go"), "").unwrap();
    let last = agent.master.wait_for("out", TaskState::TaskFailed).await;
    assert_eq!(last.message(), "Container exited with status 5");
    assert_eq!(
        text(&agent.sandbox("out").join("file")).as_deref(),
        Some("in sandbox\n")
    );
    let stderr = text(&agent.sandbox("out").join("stderr")).unwrap();
    assert!(
        stderr.contains("to stderr") && stderr.contains("Read-only"),
        "{stderr}"
    );
}

async fn a_published_port_answers(agent: &Agent) {
    let port = free_port();
    let task = edit(docker("web", IMAGE, ""), |c| {
        let docker = c.docker.as_mut().unwrap();
        docker.network = Some(Network::Bridge as i32);
        docker.port_mappings = vec![PortMapping {
            host_port: port.into(),
            container_port: 8080,
            protocol: Some("tcp".into()),
        }];
    });
    let http = health_check::HttpCheckInfo {
        port: 8080,
        path: Some("/health".into()),
        ..Default::default()
    };
    let check = HealthCheck {
        r#type: Some(health_check::Type::Http as i32),
        http: Some(http),
        delay_seconds: Some(0.0),
        interval_seconds: Some(0.1),
        ..Default::default()
    };
    let image_command = Some(CommandInfo {
        shell: Some(false),
        ..Default::default()
    });
    agent
        .master
        .run(TaskInfo {
            health_check: Some(check),
            command: image_command,
            ..task
        })
        .await;
    let running = agent.master.wait_for("web", TaskState::TaskRunning).await;
    let address = running.container_status.unwrap().network_infos[0].ip_addresses[0]
        .ip_address()
        .to_owned();
    assert!(address.starts_with("172.29."), "{address}");
    let page = eventually("the page is served", async || {
        reqwest::get(format!("http://127.0.0.1:{port}/"))
            .await
            .ok()?
            .text()
            .await
            .ok()
    })
    .await;
    assert!(page.contains("Hello"), "{page}");
    eventually("it is healthy", async || {
        agent
            .master
            .statuses("web")
            .iter()
            .any(|s| s.healthy == Some(true))
            .then_some(())
    })
    .await;
    agent.master.kill("web").await;
    agent.master.wait_for("web", TaskState::TaskKilled).await;
}

async fn a_missing_image_is_named(agent: &Agent) {
    agent
        .master
        .run(docker("missing", "127.0.0.1:1/no-such-image:7", "true"))
        .await;
    let last = agent.master.wait_for("missing", TaskState::TaskFailed).await;
    assert_eq!(last.reason(), Reason::ContainerLaunchFailed);
    let label = &last.labels.as_ref().unwrap().labels[0];
    assert_eq!(
        (label.key.as_str(), label.value()),
        ("mesolith.io/reason", "ImageNotFound")
    );
    assert!(
        last.message().contains("'127.0.0.1:1/no-such-image:7'"),
        "{}",
        last.message()
    );
    assert_eq!(agent.master.states("missing"), [TaskState::TaskFailed]);
}

async fn parameters_reach_the_engine(agent: &Agent, engine: &Docker) {
    engine.run(&["network", "create", "own"]).unwrap();
    let parameters = [
        ("volume-driver", "local"),
        ("log-driver", "json-file"),
        ("log-opt", "max-size=1m"),
        ("device", "/dev/null:/dev/nothing:rw"),
        ("net-alias", "db"),
        ("cpus", "0.5"),
        ("cap-drop", "NET_RAW"),
    ];
    let script = "echo up; while ! [ -e $MESOS_SANDBOX/go ]; do sleep 0.1; done";
    let task = edit(docker("carried", IMAGE, script), |c| {
        c.network_infos = vec![NetworkInfo {
            name: Some("own".into()),
            ..Default::default()
        }];
        let docker = c.docker.as_mut().unwrap();
        docker.network = Some(Network::User as i32);
        docker.parameters = parameters
            .map(|(key, value)| Parameter {
                key: key.into(),
                value: value.into(),
            })
            .to_vec();
    });
    agent.master.run(task).await;
    let running = agent.master.wait_for("carried", TaskState::TaskRunning).await;
    let container = running.container_status.unwrap().container_id.unwrap().value;
    let format = "{{.HostConfig.VolumeDriver}} {{.HostConfig.LogConfig.Type}} \
                  {{index .HostConfig.LogConfig.Config \"max-size\"}} {{.HostConfig.NanoCpus}} \
                  {{.HostConfig.CapDrop}} {{(index .HostConfig.Devices 0).PathInContainer}} \
                  {{(index .NetworkSettings.Networks.own.Aliases 0)}}";
    let seen = engine
        .run(&["inspect", "--format", format, &format!("mesos-{container}")])
        .unwrap();
    assert_eq!(seen, "local json-file 1m 500000000 [NET_RAW] /dev/nothing db");
    agent.output("carried", "up").await;
    std::fs::write(agent.sandbox("carried").join("go"), "").unwrap();
    agent.master.wait_for("carried", TaskState::TaskFinished).await;
    engine.run(&["network", "rm", "own"]).unwrap();
}

async fn an_unknown_parameter_is_refused(agent: &Agent) {
    let task = edit(docker("odd", IMAGE, "true"), |c| {
        let restart = Parameter {
            key: "restart".into(),
            value: "always".into(),
        };
        c.docker.as_mut().unwrap().parameters = vec![restart];
    });
    agent.master.run(task).await;
    let last = agent.master.wait_for("odd", TaskState::TaskFailed).await;
    assert!(last.message().contains("'restart'"), "{}", last.message());
}

async fn a_kill_ends_the_container(agent: &Agent) {
    let task = docker(
        "stubborn",
        IMAGE,
        "trap 'echo asked' TERM; echo up; while true; do sleep 0.1; done",
    );
    agent
        .master
        .run(TaskInfo {
            kill_policy: Some(grace(2_000)),
            ..task
        })
        .await;
    agent.output("stubborn", "up").await;
    agent.master.wait_for("stubborn", TaskState::TaskRunning).await;
    eventually("it ends while it is asked all the time", async || {
        agent.master.kill("stubborn").await;
        agent
            .master
            .states("stubborn")
            .contains(&TaskState::TaskKilled)
            .then_some(())
    })
    .await;
    assert_eq!(agent.output("stubborn", "up").await, "up\nasked\n");
}

async fn survives_the_agent(agent: &mut Agent, engine: &Docker) {
    let script = "echo one; while ! [ -e $MESOS_SANDBOX/go ]; do sleep 0.1; done; echo two; exit 9";
    agent.master.run(docker("long", IMAGE, script)).await;
    agent.output("long", "one").await;
    agent.master.wait_for("long", TaskState::TaskRunning).await;
    agent.kill();
    let owner = format!(
        "io.mesolith.work-dir={}",
        agent.work_dir().canonicalize().unwrap().display()
    );
    engine
        .run(&["run", "-d", "--name", "mesos-orphan", "--label", &owner, IMAGE])
        .unwrap();
    engine
        .run(&["run", "-d", "--name", "mesos-stranger", IMAGE])
        .unwrap();
    std::fs::write(agent.sandbox("long").join("go"), "").unwrap();
    eventually("it ended", async || {
        let ids = engine
            .run(&["ps", "-q", "--filter", "label=io.mesolith.task=long"])
            .ok()?;
        ids.is_empty().then_some(())
    })
    .await;
    agent.restart().await;
    let last = agent.master.wait_for("long", TaskState::TaskFailed).await;
    assert_eq!(last.message(), "Container exited with status 9");
    assert_eq!(
        text(&agent.sandbox("long").join("stdout")).as_deref(),
        Some("one\ntwo\n")
    );
    eventually("only the stranger is left", async || {
        let names = engine
            .run(&["ps", "-a", "--format", "{{.Names}}", "--filter", "name=mesos-"])
            .ok()?;
        (names == "mesos-stranger").then_some(())
    })
    .await;
    engine.run(&["rm", "-f", "mesos-stranger"]).unwrap();
}

/// Without the engine the native task ends, and the container stays on record; with it both are gone.
async fn leaves_once_its_engine_is_there(agent: &mut Agent, engine: &Docker) {
    let script = "trap 'echo bye; exit 0' TERM; echo up; while true; do sleep 0.1; done";
    agent.master.run(docker("staying", IMAGE, script)).await;
    agent.master.run(shell("native", script)).await;
    agent.output("staying", "up").await;
    agent.output("native", "up").await;
    agent.master.wait_for("staying", TaskState::TaskRunning).await;
    agent.kill();
    let running = || engine.run(&["ps", "-q", "--filter", "name=mesos-"]).unwrap();
    assert_ne!(running(), "");

    let agent = &*agent;
    let leave = async |socket: &str| agent.leave(&["--containerizers=docker,mesos", socket]).await;
    assert!(!leave("--docker_socket=/nowhere").await.success());
    let told = Departure::read(&agent.work_dir()).unwrap();
    let why = told.no_docker.unwrap();
    assert!(
        !told.left && why.starts_with("1 task runs in a Docker container"),
        "{why}"
    );
    assert!(
        text(&agent.sandbox("native").join("stdout"))
            .unwrap()
            .contains("bye")
    );
    assert_ne!(running(), "");

    let socket = format!("--docker_socket={}", engine.socket().display());
    assert!(leave(&socket).await.success());
    assert_eq!(running(), "");
    assert!(
        text(&agent.sandbox("staying").join("stdout"))
            .unwrap()
            .contains("bye")
    );
    for task in ["native", "staying"] {
        assert_eq!(
            agent.master.states(task).last(),
            Some(&TaskState::TaskKilled),
            "{task}"
        );
    }
}
