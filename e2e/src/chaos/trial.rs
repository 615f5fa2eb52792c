//! One trial: a migration goes to a phase and back, and one part is hit on the way.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::fault::{self, Given};
use super::plan::{PHASES, Trial};
use super::watch::{Figures, Watch};
use crate::context::{Context, LIMIT};
use crate::machine;

/// A whole way there and back takes 70 s when nothing happens.
const PATIENCE: Duration = Duration::from_secs(420);
/// Name of the example's migration.
const NAME: &str = "move-local";
/// Time between two looks.
const PERIOD: Duration = Duration::from_millis(150);

/// How a trial ended.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Seconds there and back.
    pub took: f64,
    /// How many processes were hit.
    pub hit: usize,
    /// What the watch has seen.
    pub figures: Figures,
    /// What was wrong.
    pub wrong: Vec<String>,
}

/// Runs it. The world is as it was afterwards, or the outcome says what is not.
///
/// # Errors
/// When the world itself fails.
pub fn run(cx: &Context, trial: &Trial) -> anyhow::Result<Outcome> {
    let instance = cx.wait_instances("hello", 1)?[0].clone();
    let containers = machine::containers(cx.docker())?;
    let watch = Watch::start(cx.masters(), cx.url(&instance)?);
    let begun = Instant::now();
    cx.apply_example("move-local.yaml")?;
    let (hit, ended) = there_and_back(cx, trial);
    let figures = watch.stop();
    let mut wrong: Vec<String> = ended
        .err()
        .map(|error| format!("{error:#}"))
        .into_iter()
        .collect();
    wrong.extend(
        figures
            .two_led
            .iter()
            .map(|both| format!("two masters led: {both}")),
    );
    if figures.failed > 0 {
        wrong.push(format!(
            "{} of {} requests to the app failed",
            figures.failed, figures.asked
        ));
    }
    if wrong.is_empty() {
        wrong.extend(left_over(cx, &instance, &containers));
    }
    Ok(Outcome {
        took: begun.elapsed().as_secs_f64(),
        hit,
        figures,
        wrong,
    })
}

/// Drives the migration as a person would, and gives the blow at its moment.
fn there_and_back(cx: &Context, trial: &Trial) -> (usize, anyhow::Result<()>) {
    let mut hit = 0;
    let mut blow: Option<Given> = None;
    let mut given = false;
    let end = Instant::now() + PATIENCE;
    let mut said = String::new();
    let ended = loop {
        if let Some(over) = blow.take_if(|blow| blow.is_over())
            && let Err(error) = over.end(cx)
        {
            break Err(error);
        }
        let status = match cx.get("zkmigration", NAME) {
            Ok(object) => object["status"].clone(),
            Err(error) => break Err(error),
        };
        said = at(&status);
        if !given && is_moment(trial, &status) {
            given = true;
            match fault::give(cx, trial) {
                Ok(now) => {
                    hit = now.hit();
                    blow = Some(now);
                }
                Err(error) => break Err(error),
            }
        }
        if is(&status, PHASES[0], "Done", "Back") && blow.is_none() {
            break Ok(());
        }
        if let Err(error) = drive(cx, trial, &status, given) {
            tracing_line(&format!("{error:#}")); // such as a conflict; the next look tries again
        }
        if Instant::now() >= end {
            break Err(anyhow::anyhow!("not back after {} s: {said}", PATIENCE.as_secs()));
        }
        std::thread::sleep(PERIOD); // a rate, not a wait
    };
    if let Some(blow) = blow {
        blow.end(cx).ok();
    }
    (hit, ended.map_err(|error| error.context(said)))
}

fn tracing_line(line: &str) {
    println!("      {line}");
}

/// Approves, or turns back at the last phase.
fn drive(cx: &Context, trial: &Trial, status: &Value, given: bool) -> anyhow::Result<()> {
    if status["stage"] != "AwaitingApproval" || status["direction"] != "Forward" {
        return Ok(());
    }
    let turn = status["phase"] == PHASES[trial.turn] && (given || trial.back);
    if turn {
        let back = r#"{"spec": {"rollback": {"reason": "a trial"}}}"#;
        cx.kubectl()
            .run(&["patch", "zkm", NAME, "--type=merge", "-p", back])?;
    } else if let Some(approval) = status["waitingFor"][0]["command"].as_str()
        && status["phase"] != PHASES[trial.turn]
    {
        cx.kubectl()
            .run(&["annotate", "zkm", NAME, approval, "--overwrite"])?;
    }
    Ok(())
}

/// Whether the migration is where the blow is to be given.
fn is_moment(trial: &Trial, status: &Value) -> bool {
    let direction = if trial.back { "Back" } else { "Forward" };
    // A stage may be over before it is seen; the next one is as good a moment.
    let stages = ["Acting", "Verifying", "AwaitingApproval", "Done"];
    let place = |stage: &str| stages.iter().position(|found| *found == stage);
    status["direction"] == direction
        && status["phase"] == PHASES[trial.phase]
        && status["stage"].as_str().and_then(place) >= place(trial.stage)
}

fn is(status: &Value, phase: &str, stage: &str, direction: &str) -> bool {
    status["phase"] == phase && status["stage"] == stage && status["direction"] == direction
}

fn at(status: &Value) -> String {
    let text = |field: &str| status[field].as_str().unwrap_or_default().to_owned();
    ["phase", "stage", "direction", "waitingForSummary"]
        .map(text)
        .join(" ")
}

/// What is not as it was before.
fn left_over(cx: &Context, instance: &Value, containers: &BTreeMap<String, String>) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Err(error) = cx.wait_ready("mesoscluster", "local") {
        wrong.push(format!("{error:#}"));
    }
    match cx.get("mesoscluster", "local") {
        Ok(cluster) if cluster["status"]["form"].is_null() => {}
        Ok(_) => wrong.push("the cluster's form is left".to_owned()),
        Err(error) => wrong.push(format!("{error:#}")),
    }
    match cx.wait_instances("hello", 1) {
        Ok(now) if now[0]["taskId"] == instance["taskId"] => {}
        Ok(now) => wrong.push(format!("task {} became {}", instance["taskId"], now[0]["taskId"])),
        Err(error) => wrong.push(format!("{error:#}")),
    }
    if !machine::containers(cx.docker()).is_ok_and(|now| now == *containers) {
        wrong.push("the app's container is another one".to_owned());
    }
    for (what, left) in [
        ("a server of B", cx.servers("zookeeper2")),
        ("a master of B", cx.masters_on(5060)),
        ("a sync engine", cx.engines()),
    ] {
        if !left.is_empty() {
            wrong.push(format!("{what} is left: pid {left:?}"));
        }
    }
    let gone = cx
        .kubectl()
        .run(&["delete", "zkm", NAME, &format!("--timeout={}s", LIMIT.as_secs())]);
    if let Err(error) = gone {
        wrong.push(format!("{error:#}"));
    }
    wrong
}
