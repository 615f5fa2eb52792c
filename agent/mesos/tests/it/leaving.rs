//! An agent that leaves its cluster takes along what it started; looked at on the machine.

use std::path::{Path, PathBuf};

use mesolith_proto::departure::Departure;
use mesolith_proto::mesolith::session::v1::{ShutdownFramework, from_agent, from_master};
use mesolith_proto::mesos::v1::{CommandInfo, ExecutorId, ExecutorInfo, TaskInfo, TaskState};

use crate::agent::{Agent, text};
use crate::eventually;
use crate::master::framework_id;
use crate::tasks::{grace, scalar, shell};

/// Ends by itself a moment after it was asked to.
const POLITE: &str = "trap 'sleep 1; echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done";
/// Never ends by itself, and has a process in a session of its own.
const STUBBORN: &str = "trap '' TERM; echo up; setsid sleep 1000 & while :; do sleep 0.1; done";

fn stubborn(id: &str, milliseconds: i64) -> TaskInfo {
    TaskInfo {
        kill_policy: Some(grace(milliseconds)),
        ..shell(id, STUBBORN)
    }
}

fn in_executor(id: &str) -> TaskInfo {
    let command = CommandInfo {
        value: Some(STUBBORN.into()),
        ..Default::default()
    };
    let executor = ExecutorInfo {
        executor_id: ExecutorId { value: "E".into() },
        command: Some(command),
        resources: vec![scalar("cpus", 0.1), scalar("mem", 32.0)],
        shutdown_grace_period: grace(300).grace_period,
        ..Default::default()
    };
    TaskInfo {
        command: None,
        executor: Some(executor),
        ..shell(id, "")
    }
}

/// The control group of a task's container, with something in it.
async fn group(agent: &Agent, sandbox: &str) -> PathBuf {
    agent.output(sandbox, "up").await;
    let run = std::fs::read_link(agent.sandbox(sandbox)).unwrap();
    let group = Path::new("/sys/fs/cgroup/freezer/mesos").join(run.file_name().unwrap());
    assert!(!text(&group.join("cgroup.procs")).unwrap().is_empty());
    group
}

fn said_leave(agent: &Agent) -> bool {
    let leave = |message: &from_agent::Message| matches!(message, from_agent::Message::Leave(_));
    agent.master.state().others.iter().any(leave)
}

#[tokio::test]
async fn sigusr1_ends_everything_with_its_grace_and_tells_the_master() {
    let mut agent = Agent::start(&[]).await;
    agent.master.run(shell("polite", POLITE)).await;
    agent.master.run(stubborn("stubborn", 1500)).await;
    agent.master.run(in_executor("inside")).await;
    let mut groups = Vec::new();
    for sandbox in ["polite", "stubborn", "E"] {
        groups.push(group(&agent, sandbox).await);
    }
    for task in ["polite", "stubborn"] {
        agent.master.wait_for(task, TaskState::TaskRunning).await;
    }
    agent.signal("USR1");
    eventually("its tasks are counted", async || {
        Departure::read(&agent.work_dir()).filter(|told| told.tasks > 0)
    })
    .await;
    assert!(agent.ended().await.success());
    for task in ["polite", "stubborn", "inside"] {
        let last = agent.master.states(task).pop();
        assert_eq!(last, Some(TaskState::TaskKilled), "{task}");
    }
    let message = |task: &str| agent.master.statuses(task).pop().unwrap().message().to_owned();
    assert_eq!(message("polite"), "Command exited with status 0");
    assert_eq!(message("stubborn"), "Command terminated with signal Killed");
    assert!(said_leave(&agent));
    let left: Vec<&PathBuf> = groups.iter().filter(|group| group.exists()).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(Departure::read(&agent.work_dir()).unwrap().left);
    assert!(!agent.work_dir().join("meta/slaves/latest").exists());
}

/// What kept the agent from running must not be in the way: here its port and its resources.
#[tokio::test]
async fn an_agent_that_does_not_run_leaves_all_the_same() {
    let mut agent = Agent::start(&[]).await;
    agent.master.run(shell("polite", POLITE)).await;
    agent.master.wait_for("polite", TaskState::TaskRunning).await;
    let group = group(&agent, "polite").await;
    agent.kill();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", agent.port)).unwrap();
    assert!(agent.leave(&["--attributes=:"]).await.success());
    assert_eq!(agent.master.states("polite").last(), Some(&TaskState::TaskKilled));
    assert!(said_leave(&agent) && !group.exists());
    assert!(
        text(&agent.sandbox("polite").join("stdout"))
            .unwrap()
            .contains("bye")
    );
    assert!(agent.leave(&[]).await.success(), "again");
}

#[tokio::test]
async fn without_its_checkpoints_it_leaves_nothing_either() {
    let mut agent = Agent::start(&[]).await;
    agent.master.run(stubborn("t", 60_000)).await;
    let group = group(&agent, "t").await;
    agent.kill();
    let meta = agent.work_dir().join("meta/slaves/M-S0");
    std::fs::write(meta.join("agent.info"), "damaged").unwrap();
    assert!(agent.leave(&[]).await.success());
    assert!(!group.exists());
}

#[tokio::test]
async fn a_teardown_ends_tasks_and_executors() {
    let agent = Agent::start(&[]).await;
    agent.master.run(stubborn("t", 300)).await;
    agent.master.run(in_executor("inside")).await;
    let groups = [group(&agent, "t").await, group(&agent, "E").await];
    let gone = ShutdownFramework {
        framework_id: Some(framework_id()),
    };
    agent
        .master
        .send(from_master::Message::ShutdownFramework(gone))
        .await;
    eventually("both end with their groups", async || {
        groups.iter().all(|group| !group.exists()).then_some(())
    })
    .await;
    agent.nothing_is_left().await;
}
