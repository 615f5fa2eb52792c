//! A migration in the middle of its way.

use mesolith_crds::v1alpha1::ZkMigration;
use serde_json::{Value, json};

/// `to-dc2`, with this spec beside the needed fields, and this status.
pub fn migration(spec: Value, status: Value) -> ZkMigration {
    let mut object = json!({
        "apiVersion": "mesolith.io/v1alpha1",
        "kind": "ZkMigration",
        "metadata": {"name": "to-dc2", "namespace": "prod"},
        "spec": {
            "source": {"clusterRef": {"name": "prod"}},
            "target": {
                "zookeeper": {"nodes": "zk[1-3]"},
                "masters": {"nodes": "cp[1-3]"},
                "agents": {"nodes": "worker[1-3]"}
            }
        },
        "status": {
            "source": {"zookeeper": "a:2181", "mesosMasters": ["a1:5050", "a2:5050", "a3:5050"], "agents": 3},
            "target": {"zookeeper": "b:2181", "mesosMasters": ["b1:5050", "b2:5050", "b3:5050"], "agents": 3}
        }
    });
    merge(&mut object["spec"], spec);
    merge(&mut object["status"], status);
    serde_json::from_value(object).unwrap()
}

fn merge(into: &mut Value, from: Value) {
    if let Value::Object(fields) = from {
        for (key, value) in fields {
            into[key] = value;
        }
    }
}

/// Waits for the approval of DeployZk.
pub fn awaiting() -> ZkMigration {
    migration(json!({}), waits("DeployZk"))
}

pub fn waits(phase: &str) -> Value {
    json!({
        "phase": phase, "stage": "AwaitingApproval", "direction": "Forward", "since": "2026-03-01T14:02:11Z",
        "evidence": {
            "phase": phase, "hash": "9f2c1e", "summary": "quorum 3/3 · conflicts 0",
            "since": "2026-03-01T14:02:11Z", "facts": {"quorum": "3/3", "conflicts": "0"}
        },
        "waitingFor": [{
            "reason": "WaitingForApproval", "message": format!("approve {phase}@9f2c1e"),
            "command": format!("mesolith.io/approve={phase}@9f2c1e")
        }],
        "waitingForSummary": format!("approve {phase}@9f2c1e")
    })
}

pub fn at(phase: &str, stage: &str, direction: &str) -> Value {
    json!({"phase": phase, "stage": stage, "direction": direction})
}
