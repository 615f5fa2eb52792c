//! Command tasks: states, output, limits, ends.

use mesolith_proto::mesolith::session::v1::from_master;
use mesolith_proto::mesos::v1::{
    CommandInfo, ContainerInfo, HealthCheck, TaskInfo, TaskState, container_info, health_check,
    task_status::Reason,
};

use crate::agent::Agent;
use crate::eventually;
use crate::master::{SHORT, run_tasks};
use crate::tasks::{docker, grace, shell};

#[tokio::test]
async fn a_command_runs_in_its_sandbox_and_finishes() {
    let agent = Agent::start(&[]).await;
    agent
        .master
        .run(shell(
            "hello",
            "echo $MESOS_TASK_ID in $PWD; cat /proc/self/cgroup >&2",
        ))
        .await;
    let last = agent.master.wait_for("hello", TaskState::TaskFinished).await;
    assert_eq!(last.message(), "Command exited with status 0");
    let states = agent.master.states("hello");
    assert_eq!(
        states,
        [
            TaskState::TaskStarting,
            TaskState::TaskRunning,
            TaskState::TaskFinished
        ]
    );
    let sandbox = agent.sandbox("hello").canonicalize().unwrap();
    assert_eq!(
        agent.output("hello", "in").await,
        format!("hello in {}\n", sandbox.display())
    );
    let container = sandbox.file_name().unwrap().to_str().unwrap().to_owned();
    let groups = std::fs::read_to_string(sandbox.join("stderr")).unwrap();
    assert!(groups.contains(&format!("/mesos/{container}")), "{groups}");

    eventually("nothing is left of it", async || {
        let group = std::path::Path::new("/sys/fs/cgroup/memory/mesos").join(&container);
        (agent.checkpoints().is_empty() && !group.exists()).then_some(())
    })
    .await;
    let state = agent.state().await;
    assert_eq!(state["frameworks"], serde_json::json!([]));
    let framework = &state["completed_frameworks"][0];
    for (key, value) in [
        ("name", "test"),
        ("user", "root"),
        ("hostname", "scheduler.example"),
        ("principal", "test-principal"),
    ] {
        assert_eq!(framework[key], value, "{framework}");
    }
    assert_eq!(framework["roles"], serde_json::json!(["ops"]));
    assert_eq!(framework["failover_timeout"], 60.0);
    let ended = &framework["completed_executors"][0];
    assert_eq!(ended["completed_tasks"][0]["state"], "TASK_FINISHED");
    let directory = ended["directory"].as_str().unwrap();
    let read = agent
        .get(&format!("/files/read?path={directory}/stdout&offset=0&length=5"))
        .await;
    assert_eq!(read.text().await.unwrap(), r#"{"data":"hello","offset":0}"#);
    assert_eq!(
        agent.get("/files/read?path=/etc/passwd&offset=0").await.status(),
        404
    );
    let sandboxes: serde_json::Value = agent.get("/files/debug").await.json().await.unwrap();
    assert_eq!(sandboxes[directory], directory);
    std::os::unix::fs::symlink("/etc", sandbox.join("out")).unwrap();
    for (path, sentence) in [
        ("browse?path=DIR/..", "'DIR/..' is inaccessible.\n"),
        ("browse?path=DIR/out", "'DIR/out' is inaccessible.\n"),
        (
            "read?offset=0&path=DIR/../../../../x",
            "'DIR/../../../../x' is inaccessible.\n",
        ),
        (
            "read?offset=0&path=DIR/out/passwd",
            "'DIR/out/passwd' is inaccessible.\n",
        ),
        (
            "download?path=DIR/out/passwd",
            "'DIR/out/passwd' is inaccessible.\n",
        ),
        ("read?path=DIR", "Cannot read a directory.\n"),
        ("download?path=DIR", "Cannot download a directory.\n"),
        (
            "read?offset=-2&path=DIR/stdout",
            "Negative offset provided: -2.\n",
        ),
        ("browse?path=", "Expecting 'path=value' in query.\n"),
    ] {
        let answer = agent
            .get(&format!("/files/{}", path.replace("DIR", directory)))
            .await;
        assert_eq!(answer.status(), 400, "{path}");
        assert_eq!(answer.text().await.unwrap(), sentence.replace("DIR", directory));
    }
}

#[tokio::test]
async fn failures_say_how_the_command_ended() {
    let agent = Agent::start(&[]).await;
    agent.master.run(shell("three", "exit 3")).await;
    agent.master.run(shell("signal", "kill -SEGV $$")).await;
    agent
        .master
        .run(shell("hungry", "head -c 200m /dev/zero | tail"))
        .await;
    let missing = CommandInfo {
        shell: Some(false),
        value: Some("/no/such".into()),
        ..Default::default()
    };
    agent
        .master
        .run(TaskInfo {
            command: Some(missing),
            ..shell("missing", "")
        })
        .await;
    let cases = [
        (
            "three",
            Reason::CommandExecutorFailed,
            "Command exited with status 3",
        ),
        (
            "signal",
            Reason::CommandExecutorFailed,
            "Command terminated with signal Segmentation fault",
        ),
        (
            "hungry",
            Reason::ContainerLimitationMemory,
            "Memory limit exceeded: the container may use 32MB",
        ),
        (
            "missing",
            Reason::ContainerLaunchFailed,
            "Failed to launch container: program not found: /no/such",
        ),
    ];
    for (task, reason, message) in cases {
        let last = agent.master.wait_for(task, TaskState::TaskFailed).await;
        assert_eq!((last.reason(), last.message()), (reason, message), "{task}");
    }
}

#[tokio::test]
async fn a_kill_is_polite_first() {
    let agent = Agent::start(&[]).await;
    agent
        .master
        .run(shell(
            "polite",
            "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done",
        ))
        .await;
    let stubborn = shell("stubborn", "trap '' TERM; echo up; while :; do sleep 0.1; done");
    agent
        .master
        .run(TaskInfo {
            kill_policy: Some(grace(300)),
            ..stubborn
        })
        .await;
    for task in ["polite", "stubborn"] {
        agent.output(task, "up").await;
        agent.master.wait_for(task, TaskState::TaskRunning).await;
        agent.master.kill(task).await;
    }
    let polite = agent.master.wait_for("polite", TaskState::TaskKilled).await;
    assert_eq!(polite.message(), "Command exited with status 0");
    agent.output("polite", "bye").await;
    let stubborn = agent.master.wait_for("stubborn", TaskState::TaskKilled).await;
    assert_eq!(stubborn.message(), "Command terminated with signal Killed");
    assert!(agent.master.states("polite").contains(&TaskState::TaskKilling));
}

#[tokio::test]
async fn a_failing_health_check_ends_the_task() {
    let agent = Agent::start(&[]).await;
    let check = HealthCheck {
        r#type: Some(health_check::Type::Command as i32),
        command: Some(CommandInfo {
            value: Some("cat /proc/self/cgroup > checked-in; test -e healthy".into()),
            ..Default::default()
        }),
        delay_seconds: Some(0.0),
        interval_seconds: Some(0.05),
        grace_period_seconds: Some(0.0),
        consecutive_failures: Some(3),
        ..Default::default()
    };
    let task = shell("sick", "touch healthy; echo up; while :; do sleep 0.1; done");
    agent
        .master
        .run(TaskInfo {
            health_check: Some(check),
            ..task
        })
        .await;
    eventually("it is healthy", async || {
        agent
            .master
            .statuses("sick")
            .iter()
            .any(|s| s.healthy == Some(true))
            .then_some(())
    })
    .await;
    // The check runs in the task's own control group.
    let container = std::fs::read_link(agent.sandbox("sick")).unwrap();
    let groups = agent.sandbox("sick").join("checked-in");
    let groups = std::fs::read_to_string(groups).unwrap();
    let own = format!("/mesos/{}", container.file_name().unwrap().to_string_lossy());
    for controller in ["cpu", "memory", "freezer"] {
        assert!(groups.contains(&format!(":{controller}:{own}\n")), "{groups}");
    }
    std::fs::remove_file(agent.sandbox("sick").join("healthy")).unwrap();
    let last = agent.master.wait_for("sick", TaskState::TaskKilled).await;
    assert_eq!(last.healthy, Some(false));
    let sick = agent
        .master
        .statuses("sick")
        .into_iter()
        .find(|s| s.healthy == Some(false))
        .unwrap();
    assert_eq!(sick.reason(), Reason::TaskHealthCheckStatusUpdated);
}

#[tokio::test]
async fn what_is_not_built_is_refused_with_a_reason() {
    let agent = Agent::start(&[]).await;
    let mut group = run_tasks(shell("grouped", "true"));
    group.group = true;
    agent.master.send(from_master::Message::RunTasks(group)).await;
    let refused = agent.master.wait_for("grouped", TaskState::TaskError).await;
    assert_eq!(refused.reason(), Reason::TaskGroupInvalid);

    agent.master.run(docker("boxed", "nginx:1.21", "true")).await;
    let refused = agent.master.wait_for("boxed", TaskState::TaskFailed).await;
    assert_eq!(refused.reason(), Reason::ContainerLaunchFailed);
    assert!(
        refused.message().contains("--containerizers"),
        "{}",
        refused.message()
    );

    let mut image = shell("image", "true");
    image.container = Some(ContainerInfo {
        r#type: container_info::Type::Mesos as i32,
        mesos: Some(container_info::MesosInfo {
            image: Some(Default::default()),
        }),
        ..Default::default()
    });
    agent.master.run(image).await;
    agent.master.wait_for("image", TaskState::TaskFailed).await;
}

#[tokio::test]
async fn only_the_first_update_is_out_until_it_is_acknowledged() {
    let agent = Agent::start(&[]).await;
    agent.master.state().silent = true;
    agent.master.run(shell("t", "exit 0")).await;
    let first = agent.master.wait_for("t", TaskState::TaskStarting).await;
    eventually("the task ended", async || {
        let state = agent.state().await;
        let task = &state["frameworks"][0]["executors"][0]["tasks"][0];
        (task["state"] == "TASK_FINISHED").then_some(())
    })
    .await;
    assert_eq!(agent.master.states("t"), [TaskState::TaskStarting]);
    agent.master.disconnect().await;
    agent.master.hello(2).await;
    eventually("the first one again", async || {
        (agent.master.statuses("t").len() >= 2).then_some(())
    })
    .await;
    assert_eq!(agent.master.states("t"), [TaskState::TaskStarting]);
    agent.master.state().silent = false;
    agent.master.acknowledge(&first).await;
    agent.master.wait_for("t", TaskState::TaskFinished).await;
    tokio::time::sleep(SHORT).await;
    let states = agent.master.states("t");
    assert_eq!(
        states,
        [
            TaskState::TaskStarting,
            TaskState::TaskRunning,
            TaskState::TaskFinished
        ]
    );
}
