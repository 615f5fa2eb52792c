//! kill -9 of the agent: tasks live, and their ends are reported.

use mesolith_proto::mesolith::session::v1::from_agent;
use mesolith_proto::mesos::v1::TaskState;

use crate::agent::Agent;
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
    eventually("nothing is left", async || {
        agent.checkpoints().is_empty().then_some(())
    })
    .await;
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
