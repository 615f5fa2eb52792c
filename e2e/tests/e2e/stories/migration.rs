//! The cluster moves to a second ensemble and second masters on the same nodes, and back, while its tasks run.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use mesolith_e2e::chaos::watch::Watch;
use mesolith_testkit::wait_until;
use serde_json::Value;

use crate::context::{Context, LIMIT};
use crate::machine;
use crate::stories::crowd::Crowd;
use crate::stories::kill::same_task;

/// Three servers of ZooKeeper and three masters start, on two busy cores.
const PHASES: Duration = Duration::from_secs(240);

pub(super) fn masters_move_and_come_back(cx: &Context) -> anyhow::Result<()> {
    let instance = cx.wait_instances("hello", 1)?[0].clone();
    let containers = machine::containers(cx.docker())?;
    let crowd = Crowd::start(cx)?;
    let watch = Watch::start(cx.masters(), cx.url(&instance)?);
    cx.apply_example("move-local.yaml")?;
    let begun = Instant::now();
    wait_at(cx, ("RemoveZk", "Preflight", "Forward"))?;
    println!(
        "    masters of cluster B lead and agents follow after {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    ensure!(cx.masters_on(5050).is_empty(), "masters of A are left");
    ensure!(cx.masters_on(5060).len() == 3, "{:?}", cx.masters_on(5060));
    same_task(cx, &instance, &containers)?;
    crowd.is_untouched(cx)?;

    let begun = Instant::now();
    rolled_back(cx)?;
    println!("    back after {:.1} s", begun.elapsed().as_secs_f64());
    ensure!(cx.masters_on(5060).is_empty(), "masters of B are left");
    let servers = cx.servers("zookeeper2");
    ensure!(servers.is_empty(), "servers of B are left: {servers:?}");
    let cluster = cx.wait_ready("mesoscluster", "local")?;
    ensure!(
        cluster["status"]["form"].is_null(),
        "{}",
        cluster["status"]["form"]
    );
    cx.leader()?;
    same_task(cx, &instance, &containers)?;
    crowd.is_untouched(cx)?;
    println!("    {} tasks ran on", crowd.len() + 1);
    crowd.end(cx)?;
    let seen = watch.stop();
    println!(
        "    {} requests to the app, {} failed; without a leader for {:.1} s at most",
        seen.asked,
        seen.failed,
        seen.leaderless.as_secs_f64()
    );
    ensure!(seen.failed == 0, "{} requests failed", seen.failed);
    ensure!(seen.two_led.is_empty(), "two masters led: {:?}", seen.two_led);
    cx.kubectl()
        .run(&["delete", "zkm", "move-local", "--timeout=60s"])?;
    cx.wait_instances("hello", 1).map(drop)
}

/// Goes back to the start, where nothing of the migration is left.
pub(super) fn rolled_back(cx: &Context) -> anyhow::Result<()> {
    let back = r#"{"spec": {"rollback": {"reason": "a rehearsal"}}}"#;
    cx.kubectl()
        .run(&["patch", "zkm", "move-local", "--type=merge", "-p", back])?;
    let clean = wait_at(cx, ("DeployZk", "Done", "Back"))?;
    show(&clean);
    cx.wait_condition("zkmigration", "move-local", ("Ready", "True", "RolledBack"))?;
    Ok(())
}

/// Waits until the migration is there, and approves what it shows on the way.
pub(super) fn wait_at(cx: &Context, (phase, stage, direction): (&str, &str, &str)) -> anyhow::Result<Value> {
    let mut last = String::new();
    wait_until(&format!("{phase} {stage} {direction}"), PHASES + LIMIT, || {
        let object = cx.get("zkmigration", "move-local")?;
        let status = &object["status"];
        let text = |field: &str| status[field].as_str().unwrap_or_default().to_owned();
        let at = [text("phase"), text("stage"), text("direction")];
        let said = format!("{}: {}", at.join(" "), text("waitingForSummary"));
        if said != last {
            println!("      {said}");
            last.clone_from(&said);
        }
        if at == [phase, stage, direction].map(str::to_owned) {
            return Ok(object);
        }
        approve(cx, status)?;
        bail!("{said}")
    })
}

/// Gives the approval that the status asks for, in the words that it shows.
fn approve(cx: &Context, status: &Value) -> anyhow::Result<()> {
    if status["stage"] != "AwaitingApproval" {
        return Ok(());
    }
    let Some(approval) = status["waitingFor"][0]["command"].as_str() else {
        return Ok(());
    };
    cx.kubectl()
        .run(&["annotate", "zkm", "move-local", approval, "--overwrite"])
        .map(drop)
}

/// Its history, as a person would read it.
pub(super) fn show(object: &Value) {
    for entry in object["status"]["history"].as_array().into_iter().flatten() {
        let text = |field: &str| entry[field].as_str().unwrap_or_default();
        println!(
            "      {} {} {} {}: {}",
            text("time"),
            text("phase"),
            text("stage"),
            text("direction"),
            text("message")
        );
    }
}
