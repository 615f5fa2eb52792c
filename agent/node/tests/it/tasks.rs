//! What a Mesos agent launched lives on when its component is stopped, killed or restarted.

use std::path::{Path, PathBuf};
use std::time::Instant;

use mesolith_process::{Adopted, CgroupSpec, Handle, Spec, Status, adopt, launch};
use mesolith_proto::node::v1 as pb;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pb::component::Kind;

use crate::harness::{Agent, PATIENCE, free_port};

/// Stands in for a Mesos agent: launches a task unless it finds it running, as they do, and stays.
#[tokio::test]
#[ignore = "started as a component by the other tests of this module"]
async fn stand_in() {
    let Ok(file) = std::env::var("MESOLITH_TEST_TASK") else {
        return;
    };
    mesolith_process::use_shim_program(env!("CARGO_BIN_EXE_mesolith-node-agent"));
    let spec: Spec = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    if !matches!(adopt(&spec.dir).await.unwrap(), Adopted::Running(_)) {
        launch(&spec).await.unwrap();
    }
    std::future::pending::<()>().await;
}

/// The task, and the script that the node agent takes for the Mesos agent's program.
fn prepare(dir: &Path, uid: &str) -> (Spec, PathBuf) {
    let task = Spec {
        id: "task".into(),
        argv: ["sleep", "1000"].map(String::from).to_vec(),
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
        "#!/bin/sh\nMESOLITH_TEST_TASK={} exec {} tasks::stand_in --exact --nocapture --ignored\n",
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

#[tokio::test]
async fn a_task_keeps_its_pid_while_its_agent_is_killed_restarted_and_removed() {
    let mut agent = Agent::new("127.0.0.1");
    let (task, program) = prepare(agent.directory.path(), &agent.uid);
    agent
        .arguments
        .extend(["--program".to_owned(), program.display().to_string()]);
    agent.start(&[]);
    let wanted = |token: &str, port: u16| pb::Component {
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
    let port = free_port();
    agent.apply(1, vec![wanted("", port)]).await.unwrap();
    let pid = running(&task).await.pid();
    let other =
        |old: u32| move |s: &pb::ClusterState| s.components.iter().any(|c| c.pid != 0 && c.pid != old);
    let first = agent.until("it runs", other(0)).await.components[0].pid;

    kill(Pid::from_raw(first.cast_signed()), Signal::SIGKILL).unwrap();
    let second = agent.until("it is started again", other(first)).await.components[0].pid;
    assert_eq!(running(&task).await.pid(), pid, "after kill -9");

    agent.apply(2, vec![wanted("again", port)]).await.unwrap();
    agent.until("it is restarted", other(second)).await;
    assert_eq!(
        running(&task).await.pid(),
        pid,
        "after a restart that was asked for"
    );

    agent.apply(3, vec![]).await.unwrap();
    agent.until("it is removed", |s| s.components.is_empty()).await;
    let task = running(&task).await;
    assert_eq!(task.pid(), pid, "after the component was dropped");
    // Its shim lives as well, so its end is seen.
    task.signal(Signal::SIGTERM).unwrap();
    assert_eq!(task.wait().await.unwrap().status, Status::Signal(15));
}
