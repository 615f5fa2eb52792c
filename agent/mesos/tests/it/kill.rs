//! How long a kill may take, whoever asks for it and how often.

use mesolith_proto::mesos::v1::{TaskInfo, TaskState, task_status::Reason};

use crate::agent::Agent;
use crate::eventually;
use crate::tasks::{grace, shell};

/// Longer than any test waits.
const FOREVER: i64 = 3_600_000;

fn stubborn(id: &str, milliseconds: i64) -> TaskInfo {
    TaskInfo {
        kill_policy: Some(grace(milliseconds)),
        ..shell(id, "trap 'echo asked' TERM; echo up; while :; do sleep 0.1; done")
    }
}

async fn started(agent: &Agent, task: TaskInfo) {
    let id = task.task_id.value.clone();
    agent.master.run(task).await;
    agent.output(&id, "up").await;
    agent.master.wait_for(&id, TaskState::TaskRunning).await;
}

#[tokio::test]
async fn asking_again_does_not_start_the_grace_anew() {
    let agent = Agent::start(&[]).await;
    started(&agent, stubborn("t", 2_000)).await;
    eventually("it ends while it is asked all the time", async || {
        agent.master.kill("t").await;
        agent
            .master
            .states("t")
            .contains(&TaskState::TaskKilled)
            .then_some(())
    })
    .await;
    let said = agent.output("t", "up").await;
    assert_eq!(said, "up\nasked\n", "it was asked more than once");
}

#[tokio::test]
async fn a_later_kill_can_shorten_it() {
    let agent = Agent::start(&[]).await;
    started(&agent, stubborn("t", FOREVER)).await;
    agent.master.kill("t").await;
    agent.output("t", "asked").await;
    agent.master.kill_by("t", Some(grace(100))).await;
    agent.master.wait_for("t", TaskState::TaskKilled).await;
}

#[tokio::test]
async fn the_grace_of_a_kill_is_not_lost_with_the_agent() {
    let mut agent = Agent::start(&[]).await;
    started(&agent, stubborn("t", FOREVER)).await;
    agent.master.kill_by("t", Some(grace(3_000))).await;
    agent.output("t", "asked").await;
    agent.kill();
    agent.restart().await;
    agent.master.wait_for("t", TaskState::TaskKilled).await;
}

#[tokio::test]
async fn the_longest_time_of_a_task_is_not_counted_anew_by_an_agent_that_comes_back() {
    let mut agent = Agent::start(&[]).await;
    let task = TaskInfo {
        max_completion_time: grace(3_000).grace_period,
        ..shell("t", "echo up; sleep 1000")
    };
    started(&agent, task).await;
    eventually("it ends while the agent restarts all the time", async || {
        agent.kill();
        agent.restart().await;
        agent
            .master
            .states("t")
            .contains(&TaskState::TaskFailed)
            .then_some(())
    })
    .await;
    let last = agent.master.wait_for("t", TaskState::TaskFailed).await;
    assert_eq!(last.reason(), Reason::MaxCompletionTimeReached);
}

#[tokio::test]
async fn the_grace_is_for_all_processes_of_a_task() {
    let agent = Agent::start(&[]).await;
    let script = "cat > child <<'E'\n\
                  trap 'sleep 1; echo done; exit' TERM; echo up; while :; do sleep 0.1; done\n\
                  E\n\
                  sh ./child; true";
    let task = TaskInfo {
        kill_policy: Some(grace(FOREVER)),
        ..shell("t", script)
    };
    started(&agent, task).await;
    agent.master.kill("t").await;
    let last = agent.master.wait_for("t", TaskState::TaskKilled).await;
    assert_eq!(last.message(), "Command terminated with signal Terminated");
    agent.output("t", "done").await;
}

#[tokio::test]
async fn what_a_task_leaves_behind_by_itself_ends_with_it() {
    let agent = Agent::start(&[]).await;
    agent
        .master
        .run(shell("t", "setsid sleep 1000 & echo $! > left; echo up; exit 0"))
        .await;
    agent.master.wait_for("t", TaskState::TaskFinished).await;
    let left = std::fs::read_to_string(agent.sandbox("t").join("left")).unwrap();
    assert!(!std::path::Path::new("/proc").join(left.trim()).exists());
}
