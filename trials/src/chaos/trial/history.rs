//! Reads from the transaction logs of both sides what happened to a node and its children. This shows where a
//! difference comes from.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::PathBuf;

use anyhow::Result;
use mesolith_testkit_zookeeper::Ensemble;
use mesolith_zk::record::{Op, Txn};
use mesolith_zk::txn_log::LogReader;

use crate::checker::Difference;
use crate::world::{Side, World};

/// One line for each change of a node, oldest first. Logs that cannot be read are left out.
fn history(ensemble: &Ensemble, path: &str) -> Vec<String> {
    // A member that was away lacks some transactions, but all members together have every one.
    let mut lines = BTreeMap::new();
    for id in 1..=ensemble.len() {
        let files = fs::read_dir(ensemble.data(id)).into_iter().flatten().flatten();
        for file in files.filter(|file| file.file_name().to_string_lossy().starts_with("log.")) {
            let Ok(file) = File::open(file.path()) else {
                continue;
            };
            let Ok(reader) = LogReader::new(BufReader::new(file)) else {
                continue;
            };
            for txn in reader.map_while(Result::ok) {
                let mut said = Vec::new();
                describe(&txn.op, path, &mut said);
                if !said.is_empty() {
                    lines.insert(txn.header.zxid.0, line(&txn, &said));
                }
            }
        }
    }
    lines.into_values().collect()
}

/// Writes the history of the first nodes that differ to a file that is kept; returns its path.
pub(super) fn keep(world: &World, root: &str, differences: &[Difference]) -> Result<PathBuf> {
    let mut text = String::new();
    for difference in differences.iter().take(5) {
        let path = format!("{root}{}", difference.path);
        for side in [Side::A, Side::B] {
            text += &format!("{side}'s log of {path}, which differs in {}:\n", difference.field);
            for line in history(world.ensemble(side), &path) {
                text += &format!("  {line}\n");
            }
        }
    }
    for engine in &world.engines {
        let log = fs::read_to_string(engine.log()).unwrap_or_default();
        for line in log
            .lines()
            .filter(|line| line.contains(r#""message":"conflict""#))
        {
            text += &format!("{line}\n");
        }
        text += &format!("an engine's last words:\n{}\n", engine.last_words());
    }
    let path = std::env::temp_dir().join(format!("chaos-zksync{}.log", root.replace('/', "-")));
    fs::write(&path, text)?;
    Ok(path)
}

/// Writes the status and the log of each engine to a file that is kept; returns its path.
pub(in crate::chaos) async fn keep_logs(world: &World, seed: u64) -> Result<PathBuf> {
    let mut text = String::new();
    for engine in &world.engines {
        let status = engine.status().await;
        let log = fs::read_to_string(engine.log()).unwrap_or_default();
        text += &format!("an engine's status: {status:?}\nits log:\n{log}\n");
    }
    let path = std::env::temp_dir().join(format!("chaos-zksync-{seed:x}.log"));
    fs::write(&path, text)?;
    Ok(path)
}

fn line(txn: &Txn, said: &[String]) -> String {
    let failed = if txn.op.is_failed_multi() { " FAILED" } else { "" };
    let header = &txn.header;
    format!(
        "{:#x} by {:#x}/{}{failed}: {}",
        header.zxid.0,
        header.session,
        header.cxid,
        said.join(", ")
    )
}

fn describe(op: &Op, path: &str, said: &mut Vec<String>) {
    let concerns =
        |other: &str| other == path || other.rsplit_once('/').is_some_and(|(parent, _)| parent == path);
    let name = |other: &str| {
        other
            .strip_prefix(path)
            .filter(|rest| !rest.is_empty())
            .unwrap_or("itself")
            .to_owned()
    };
    match op {
        Op::Create(create) if concerns(&create.path) => {
            let counter = create.parent_cversion;
            said.push(format!(
                "create {} {:?} parent's counter {counter:?}",
                name(&create.path),
                create.kind
            ));
        }
        Op::Delete { path } | Op::DeleteContainer { path } if concerns(path) => {
            said.push(format!("delete {}", name(path)))
        }
        Op::SetData(set) if set.path.as_ref() == path => said.push(format!("set to version {}", set.version)),
        Op::SetAcl {
            path: at, version, ..
        } if at.as_ref() == path => said.push(format!("acl to version {version}")),
        Op::CloseSession { paths: Some(paths) } => {
            let gone = paths.iter().filter(|at| concerns(at));
            said.extend(gone.map(|at| format!("gone with its session: {}", name(at))));
        }
        Op::Multi(parts) => parts.iter().for_each(|part| describe(part, path, said)),
        _ => {}
    }
}
