//! The example cluster and app: applied once, then waited for.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use mesolith_testkit::{Kubectl, Progress, World, root};
use serde_json::Value;

/// File below `manifests/examples`, resource, name, and how long it may take on a slow machine.
const EXAMPLES: [(&str, &str, &str, u64); 2] = [
    ("cluster.yaml", "mesoscluster", "local", 300),
    ("hello.yaml", "marathonapp", "hello", 180),
];

/// Applies what is not there yet; what a person has changed since stays as it is.
pub(super) fn apply(kubectl: &Kubectl) -> anyhow::Result<(bool, String)> {
    let mut applied = Vec::new();
    for (file, kind, name, _) in EXAMPLES {
        if kubectl
            .run(&["get", kind, name, "-n", "default", "-o", "name"])
            .is_err()
        {
            let path = root().join("manifests/examples").join(file);
            kubectl.run(&["apply", "--server-side", "-f", &path.display().to_string()])?;
            applied.push(format!("manifests/examples/{file}"));
        }
    }
    let note = if applied.is_empty() {
        "already there".to_owned()
    } else {
        applied.join(", ")
    };
    Ok((!applied.is_empty(), note))
}

/// Waits until both are ready, showing what each waits for.
pub(super) fn wait_ready(world: &World, progress: &Progress) -> anyhow::Result<()> {
    for (_, kind, name, seconds) in EXAMPLES {
        let title = format!("{kind} {name}");
        progress.step(&title, || {
            let begun = Instant::now();
            let mut stuck = None;
            loop {
                let object = get(world.kubectl(), kind, name)?;
                let (ready, sentence) = readiness(&object);
                if ready {
                    return Ok(((), sentence));
                }
                if !needs_a_person(&sentence) {
                    stuck = None;
                } else if stuck.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                    bail!("{sentence}. Then run make up again: it goes on from here");
                }
                if begun.elapsed() > Duration::from_secs(seconds) {
                    bail!(
                        "not ready after {seconds} s: {sentence}. Look at it: kubectl describe {kind} {name}"
                    );
                }
                if world.operator().is_none() {
                    bail!(
                        "the operator has ended; its log is {}/operator.log",
                        world.dir().display()
                    );
                }
                progress.waiting(
                    &title,
                    &format!("{:4.0} s  {sentence}", begun.elapsed().as_secs_f64()),
                );
                std::thread::sleep(Duration::from_millis(500));
            }
        })?;
    }
    Ok(())
}

/// How long a state that does not mend itself is watched: a part of an earlier run may just be ending.
const PATIENCE: Duration = Duration::from_secs(15);

/// Whether the state needs a person, since waiting does not help.
fn needs_a_person(sentence: &str) -> bool {
    let reasons = ["PortInUse: ", "JavaNotFound: ", "NodeUntrusted: "];
    reasons.iter().any(|reason| sentence.starts_with(reason))
}

/// One object as JSON.
pub(super) fn get(kubectl: &Kubectl, kind: &str, name: &str) -> anyhow::Result<Value> {
    let text = kubectl.run(&["get", kind, name, "-n", "default", "-o", "json"])?;
    serde_json::from_str(&text).context("read kubectl's JSON")
}

/// Whether the object is ready for its present spec, and the sentence of its Ready condition.
fn readiness(object: &Value) -> (bool, String) {
    let conditions = object["status"]["conditions"].as_array();
    let ready = conditions.into_iter().flatten().find(|c| c["type"] == "Ready");
    let Some(ready) = ready else {
        return (false, "the operator has not looked at it yet".into());
    };
    let text = |key: &str| ready[key].as_str().unwrap_or_default().to_owned();
    let current = ready["observedGeneration"].is_null()
        || ready["observedGeneration"] == object["metadata"]["generation"];
    (
        current && ready["status"] == "True",
        format!("{}: {}", text("reason"), text("message")),
    )
}

#[cfg(test)]
mod tests {
    use super::readiness;
    use serde_json::json;

    #[test]
    fn an_old_condition_does_not_count() {
        let of = |observed: i64, status: &str| {
            readiness(&json!({
                "metadata": {"generation": 2},
                "status": {"conditions": [
                    {"type": "Ready", "status": status, "observedGeneration": observed, "reason": "R", "message": "m"}
                ]}
            }))
        };
        assert_eq!(of(2, "True"), (true, "R: m".into()));
        assert!(!of(1, "True").0);
        assert!(!of(2, "False").0);
        assert!(!readiness(&json!({})).0);
    }
}
