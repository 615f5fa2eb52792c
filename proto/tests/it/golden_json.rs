//! Reading what Mesos wrote and writing it again gives the same, key order aside.

use mesolith_proto::json::{self, FromJson};
use mesolith_proto::mesos::v1::{executor, master, scheduler};
use serde::Serialize;
use serde_json::Value;

fn check<T: FromJson + Serialize>(golden: &str) {
    let golden: Value = serde_json::from_str(golden).unwrap();
    let message: T = json::from_value(&golden)
        .map_err(|e| format!("{e}: {golden}"))
        .unwrap();
    assert_eq!(
        sorted(&json::to_value(&message)).to_string(),
        sorted(&golden).to_string()
    );
}

/// Keys sorted (maps compare by position here), empty lists left out: where a page of Mesos is written by hand it
/// has `"executors":[]`, where the mapping writes it has nothing.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map
                .iter()
                .filter(|(_, v)| v.as_array().is_none_or(|a| !a.is_empty()))
                .collect();
            entries.sort_by_key(|(k, _)| *k);
            Value::Object(entries.into_iter().map(|(k, v)| (k.clone(), sorted(v))).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

#[test]
fn events_of_a_scheduler() {
    include_str!("../golden/scheduler-events.jsonl")
        .lines()
        .for_each(check::<scheduler::Event>);
}

#[test]
fn events_of_an_operator() {
    include_str!("../golden/operator-events.jsonl")
        .lines()
        .for_each(check::<master::Event>);
}

#[test]
fn answers_of_the_operator_api() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/json");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        check::<master::Response>(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
        seen += 1;
    }
    assert_eq!(seen, 16);
}

#[test]
fn calls_of_a_scheduler_are_understood_whole() {
    // Calls are written by clients, not by Mesos: 1 where the mapping writes 1.0, defaults left out. What was read
    // must survive being written and read again.
    for line in include_str!("../golden/scheduler-calls.jsonl").lines() {
        let call: scheduler::Call = json::from_slice(line.as_bytes()).unwrap();
        assert_eq!(
            json::from_slice::<scheduler::Call>(&json::to_vec(&call)).unwrap(),
            call
        );
        contains(&json::to_value(&call), &serde_json::from_str(line).unwrap());
    }
}

#[test]
fn both_sides_of_an_executor() {
    for line in include_str!("../golden/executor.jsonl").lines() {
        // Python wrote the calls, with blanks; Mesos the events, without.
        if line.starts_with("{\"type\": ") {
            let call: executor::Call = json::from_slice(line.as_bytes()).unwrap();
            contains(&json::to_value(&call), &serde_json::from_str(line).unwrap());
        } else {
            check::<executor::Event>(line);
        }
    }
}

/// Everything in `part` is in `whole`.
fn contains(whole: &Value, part: &Value) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (key, value) in part {
                match whole.get(key) {
                    Some(there) => contains(there, value),
                    None => assert!(value.as_array().is_some_and(Vec::is_empty), "{key} is lost"),
                }
            }
        }
        (Value::Array(whole), Value::Array(part)) => {
            assert_eq!(whole.len(), part.len());
            whole.iter().zip(part).for_each(|(w, p)| contains(w, p));
        }
        (Value::Number(a), Value::Number(b)) => assert_eq!(a.as_f64(), b.as_f64()),
        (a, b) => assert_eq!(a, b),
    }
}
