//! What a Mesos agent launched lives on when its component is killed or restarted, and ends before it is removed.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mesolith_process::{Adopted, CgroupSpec, Handle, Spec, Status, adopt, launch};
use mesolith_proto::departure::Departure;
use mesolith_proto::node::v1 as pb;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pb::component::Kind;

use crate::harness::{Agent, PATIENCE, free_port};

/// Stands in for a Mesos agent: launches a task unless it finds it running, and stays. When it is told to leave, it
/// ends the task.
#[tokio::test]
#[ignore = "started as a component by the other tests of this module"]
async fn stand_in() {
    let Ok(file) = std::env::var("MESOLITH_TEST_TASK") else {
        return;
    };
    mesolith_process::use_shim_program(env!("CARGO_BIN_EXE_mesolith-node-agent"));
    let usr1 = tokio::signal::unix::SignalKind::user_defined1();
    let mut told = tokio::signal::unix::signal(usr1).unwrap();
    let spec: Spec = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let arguments = std::env::var("MESOLITH_TEST_ARGUMENTS").unwrap();
    if !arguments.contains("--leave") {
        if !matches!(adopt(&spec.dir).await.unwrap(), Adopted::Running(_)) {
            launch(&spec).await.unwrap();
        }
        told.recv().await;
    }
    let work = arguments.split("--work_dir=").nth(1).unwrap();
    let work = Path::new(work.split(' ').next().unwrap());
    let tell = |tasks: u32, left: bool| {
        let told = Departure {
            tasks,
            left,
            ..Departure::default()
        };
        std::fs::write(Departure::path(work), told.text()).unwrap();
    };
    tell(1, false);
    running(&spec).await.stop(Duration::from_secs(60)).await.unwrap();
    tell(0, true);
}

/// A file by which a test makes the program fail unless it runs with `--leave`.
const BREAKS: &str = "case \"$*\" in *--leave) ;; *) test ! -e broken || exit 9 ;; esac\n";

/// The task, and the script that the node agent takes for the Mesos agent's program.
fn prepare(dir: &Path, uid: &str) -> (Spec, PathBuf) {
    let task = Spec {
        id: "task".into(),
        // Shows that it gets its grace: it ends by itself, a moment after it was asked to.
        argv: ["sh", "-c", "trap 'sleep 2; exit 7' TERM; sleep 1000 & wait"]
            .map(String::from)
            .to_vec(),
        env: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
        cwd: dir.to_owned(),
        dir: dir.join("task"),
        cgroup: Some(CgroupSpec {
            path: format!("/mesolith-test/{uid}-task"),
            ..CgroupSpec::default()
        }),
        ..Spec::default()
    };
    let (file, program) = (dir.join("task.json"), dir.join("mesos-agent"));
    std::fs::write(&file, serde_json::to_vec(&task).unwrap()).unwrap();
    let ourselves = std::env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\n{BREAKS}MESOLITH_TEST_ARGUMENTS=\"$*\" MESOLITH_TEST_TASK={} exec {} tasks::stand_in --exact --nocapture --ignored\n",
        file.display(),
        ourselves.display()
    );
    std::fs::write(&program, script).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, executable).unwrap();
    (task, program)
}

async fn running(task: &Spec) -> Handle {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Ok(Adopted::Running(handle)) = adopt(&task.dir).await {
            return handle;
        }
        assert!(Instant::now() < deadline, "the task does not run");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// A node agent that takes the script for its program, the task, and how its component is wanted.
fn node() -> (Agent, Spec, impl Fn(&str) -> pb::Component) {
    let mut agent = Agent::new("127.0.0.1");
    let (task, program) = prepare(agent.directory.path(), &agent.uid);
    agent
        .arguments
        .extend(["--program".to_owned(), program.display().to_string()]);
    agent.start(&[]);
    let port = free_port();
    let wanted = move |token: &str| pb::Component {
        id: "agent".into(),
        kind: Some(Kind::Agent(pb::MesosAgent {
            bind_address: "127.0.0.1".into(),
            port: port.into(),
            zookeeper: "zk://127.0.0.1:1/mesos".into(),
            containerizers: vec!["mesos".into()],
            ..Default::default()
        })),
        restart_token: token.into(),
        stop_grace_seconds: 3,
        ..Default::default()
    };
    (agent, task, wanted)
}

#[tokio::test]
async fn a_task_keeps_its_pid_until_its_agent_is_removed_and_ends_with_its_grace_then() {
    let (agent, task, wanted) = node();
    agent.apply(1, vec![wanted("")]).await.unwrap();
    let pid = running(&task).await.pid();
    let other =
        |old: u32| move |s: &pb::ClusterState| s.components.iter().any(|c| c.pid != 0 && c.pid != old);
    let first = agent.until("it runs", other(0)).await.components[0].pid;

    kill(Pid::from_raw(first.cast_signed()), Signal::SIGKILL).unwrap();
    let second = agent.until("it is started again", other(first)).await.components[0].pid;
    assert_eq!(running(&task).await.pid(), pid, "after kill -9");

    agent.apply(2, vec![wanted("again")]).await.unwrap();
    agent.until("it is restarted", other(second)).await;
    let task = running(&task).await;
    assert_eq!(task.pid(), pid, "after a restart that was asked for");

    agent.apply(3, vec![]).await.unwrap();
    let state = agent.until("its task is counted", |s| {
        s.components.iter().any(|c| c.tasks_left == 1)
    });
    let state = state.await.components.remove(0);
    assert_eq!(
        (state.phase(), state.reason.as_str()),
        (pb::Phase::Stopping, "StoppingTasks")
    );
    assert_eq!(state.message, "1 task is being stopped");
    agent.until("it is removed", |s| s.components.is_empty()).await;
    assert_eq!(task.wait().await.unwrap().status, Status::Code(7));
}

#[tokio::test]
async fn the_task_of_an_agent_that_cannot_start_any_more_ends_with_its_cluster() {
    let (mut agent, task, wanted) = node();
    agent.apply(1, vec![wanted("")]).await.unwrap();
    let task = running(&task).await;
    std::fs::write(agent.home("agent").join("broken"), "").unwrap();
    let first = agent
        .until("it runs", |s| s.components.iter().any(|c| c.pid != 0))
        .await;
    kill(
        Pid::from_raw(first.components[0].pid.cast_signed()),
        Signal::SIGKILL,
    )
    .unwrap();
    agent.until_reason("CrashLoop").await;

    let request = pb::RemoveRequest {
        cluster: Some(agent.cluster()),
        archive: true,
        generation: 2,
        keep: vec!["master".into()],
        ..Default::default()
    };
    let answer = agent.client().await.remove(request.clone()).await;
    assert!(!answer.unwrap().into_inner().gone);
    agent
        .until("its task is counted", |s| {
            s.components.iter().any(|c| c.tasks_left == 1)
        })
        .await;
    // What is left to do is on disk.
    agent.kill();
    agent.start(&[]);
    assert_eq!(task.wait().await.unwrap().status, Status::Code(7));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = agent.client().await.remove(request.clone()).await;
        if answer.unwrap().into_inner().gone {
            break;
        }
        assert!(Instant::now() < deadline, "the cluster is never gone");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!agent.home("agent").exists());
}
