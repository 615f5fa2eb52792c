//! kill -9 of the agent: tasks live, and their ends are reported. Without its records they end with it.

use mesolith_proto::mesolith::session::v1::from_agent;
use mesolith_proto::mesos::v1::TaskState;

use std::path::Path;

use crate::agent::{Agent, text};
use crate::eventually;
use crate::tasks::shell;

const UNTIL_TOLD: &str = "echo up; while ! test -e go; do sleep 0.05; done; echo done; exit 7";

#[tokio::test]
async fn a_task_lives_on_and_ends_after_the_restart() {
    let mut agent = Agent::start(&[]).await;
    agent.master.run(shell("t", UNTIL_TOLD)).await;
    agent.master.wait_for("t", TaskState::TaskRunning).await;
    agent.output("t", "up").await;
    agent.kill();
    agent.restart().await;
    let from_agent::Message::Reregister(hello) = agent.master.hello(2).await else {
        panic!("a new agent")
    };
    assert_eq!(hello.agent.unwrap().id.unwrap().value, "M-S0");
    assert_eq!(hello.tasks[0].state(), TaskState::TaskRunning);
    assert_eq!(hello.frameworks.len(), 1);
    std::fs::write(agent.sandbox("t").join("go"), "").unwrap();
    let last = agent.master.wait_for("t", TaskState::TaskFailed).await;
    assert_eq!(last.message(), "Command exited with status 7");
}

#[tokio::test]
async fn a_task_that_ended_meanwhile_is_reported() {
    let mut agent = Agent::start(&[]).await;
    agent.master.run(shell("t", UNTIL_TOLD)).await;
    agent.master.wait_for("t", TaskState::TaskRunning).await;
    agent.output("t", "up").await;
    agent.kill();
    std::fs::write(agent.sandbox("t").join("go"), "").unwrap();
    agent.output("t", "done").await;
    agent.restart().await;
    let last = agent.master.wait_for("t", TaskState::TaskFailed).await;
    assert_eq!(last.message(), "Command exited with status 7");
    agent.nothing_is_left().await;
}

#[tokio::test]
async fn unacknowledged_updates_survive() {
    let mut agent = Agent::start(&[]).await;
    agent.master.state().silent = true;
    agent.master.run(shell("t", "exit 0")).await;
    let first = agent.master.wait_for("t", TaskState::TaskStarting).await;
    agent.kill();
    agent.restart().await;
    eventually("the first one again", async || {
        (agent.master.statuses("t").len() >= 2).then_some(())
    })
    .await;
    let again = agent.master.statuses("t").pop().unwrap();
    assert_eq!(again.uuid, first.uuid);
    agent.master.state().silent = false;
    agent.master.acknowledge(&again).await;
    agent.master.wait_for("t", TaskState::TaskFinished).await;
}

#[tokio::test]
async fn a_kill_under_way_goes_on() {
    let mut agent = Agent::start(&[]).await;
    agent
        .master
        .run(shell("t", "trap '' TERM; echo up; while :; do sleep 0.1; done"))
        .await;
    agent.output("t", "up").await;
    agent.master.wait_for("t", TaskState::TaskRunning).await;
    agent.master.kill("t").await;
    agent.master.wait_for("t", TaskState::TaskKilling).await;
    agent.kill();
    agent.restart().await;
    agent.master.wait_for("t", TaskState::TaskKilled).await;
}

const FOREVER: &str = "echo $$ > pid; echo up; setsid sleep 1000 & while :; do sleep 1; done";

/// A task that runs for ever, its first process and its control group.
async fn started(agent: &Agent) -> (String, std::path::PathBuf) {
    agent.master.run(shell("t", FOREVER)).await;
    agent.master.wait_for("t", TaskState::TaskRunning).await;
    agent.output("t", "up").await;
    let pid = text(&agent.sandbox("t").join("pid")).unwrap().trim().to_owned();
    let run = std::fs::read_link(agent.sandbox("t")).unwrap();
    let group = Path::new("/sys/fs/cgroup/freezer/mesos").join(run.file_name().unwrap());
    assert!(text(&group.join("cgroup.procs")).unwrap().contains(&pid));
    (pid, group)
}

/// Three agents of one machine share control groups and runtime directory; only one loses its work directory.
#[tokio::test]
async fn tasks_of_a_lost_work_directory_end_and_those_of_neighbours_do_not() {
    let shared = tempfile::tempdir().unwrap();
    let runtime_dir = format!("--runtime_dir={}", shared.path().display());
    let mut agent = Agent::start(&[&runtime_dir]).await;
    let mut neighbour = Agent::start(&[&runtime_dir]).await;
    let (lost, group) = started(&agent).await;
    let (kept, kept_group) = started(&neighbour).await;
    let alive = |pid: &str| Path::new("/proc").join(pid).exists();

    // The neighbour's agent is not there to defend its task.
    neighbour.kill();
    agent.kill();
    std::fs::remove_dir_all(agent.work_dir()).unwrap();
    assert!(alive(&lost));
    agent.restart().await;

    eventually("the orphan ends with its group", async || {
        (!alive(&lost) && !group.exists()).then_some(())
    })
    .await;
    assert!(alive(&kept) && kept_group.exists());
    neighbour.restart().await;
    neighbour.master.kill("t").await;
    neighbour.master.wait_for("t", TaskState::TaskKilled).await;
    eventually("no marks are left", async || {
        let marks = std::fs::read_dir(shared.path().join("containers")).unwrap();
        (marks.count() == 0).then_some(())
    })
    .await;
}

/// With its checkpoints an agent takes its tasks up again, whatever the marks say.
#[tokio::test]
async fn marks_alone_end_nothing() {
    let mut agent = Agent::start(&[]).await;
    let (pid, _) = started(&agent).await;
    agent.kill();
    agent.restart().await;
    agent.get("/state").await;
    assert!(Path::new("/proc").join(&pid).exists());
    assert_eq!(agent.master.states("t").last(), Some(&TaskState::TaskRunning));
}
