//! Crate arrows: what `cargo metadata` says against the code map in `docs/architecture.md`.
//!
//! The page is the rule, so that it cannot drift from the tree: a crate without a row is a finding as well.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, bail};
use mesolith_testkit::root;
use serde_json::Value;

/// Crates that may use a Kubernetes client.
const KUBE_USERS: [&str; 6] = ["crds", "controllers", "cli", "testkit", "e2e", "xtask"];

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// Every arrow that the code map does not allow.
pub(super) fn check() -> anyhow::Result<Vec<String>> {
    let page =
        std::fs::read_to_string(root().join("docs/architecture.md")).context("read docs/architecture.md")?;
    let (own, outside) = actual()?;
    let mut findings = compare(&allowed(&page), &own);
    for (name, dependencies) in outside {
        let kube = dependencies.iter().find(|d| d.starts_with("kube"));
        if let (Some(kube), false) = (kube, KUBE_USERS.contains(&name.as_str())) {
            findings.push(format!("{name} uses {kube}: only {} may", KUBE_USERS.join(", ")));
        }
    }
    Ok(findings)
}

fn compare(allowed: &Arrows, actual: &Arrows) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, uses) in actual {
        let Some(may) = allowed.get(name) else {
            findings.push(format!(
                "{name} has no row in the code map of docs/architecture.md"
            ));
            continue;
        };
        findings.extend(uses.difference(may).map(|used| {
            format!("{name} uses {used}, which the code map of docs/architecture.md does not allow")
        }));
    }
    let gone = allowed.keys().filter(|name| !actual.contains_key(*name));
    findings.extend(gone.map(|name| format!("docs/architecture.md has a row for {name}, which is no crate")));
    findings
}

/// The rows of the table: `` | `folder/` | what | may use | ``.
fn allowed(page: &str) -> Arrows {
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("/` |"));
    rows.map(|(folder, rest)| {
        let uses = rest
            .trim_end_matches(['|', ' '])
            .rsplit('|')
            .next()
            .unwrap_or_default();
        let uses = uses
            .split(',')
            // A remark in parentheses may follow a name.
            .map(|n| n.split('(').next().unwrap_or_default().trim().to_owned())
            .filter(|n| n != "-" && !n.is_empty());
        (folder.to_owned(), uses.collect())
    })
    .collect()
}

/// Own and outside dependencies of each crate, crates by folder, their dependencies by folder or name.
fn actual() -> anyhow::Result<(Arrows, Arrows)> {
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version=1", "--offline"])
        .current_dir(root())
        .output()
        .context("run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"]
        .as_array()
        .context("no packages in cargo metadata")?;
    let folder_of = |manifest: &str| -> String {
        let path = std::path::Path::new(manifest)
            .parent()
            .unwrap_or(std::path::Path::new(""));
        path.strip_prefix(root()).unwrap_or(path).display().to_string()
    };
    let names: BTreeMap<&str, String> = packages
        .iter()
        .filter_map(|p| Some((p["name"].as_str()?, folder_of(p["manifest_path"].as_str()?))))
        .collect();
    let (mut own, mut outside) = (Arrows::new(), Arrows::new());
    for package in packages {
        let Some(folder) = package["name"].as_str().and_then(|name| names.get(name)) else {
            continue;
        };
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        // Test-only dependencies are free: a test may bring up what the crate itself must not know.
        let normal = dependencies.filter(|d| folder == "e2e" || d["kind"] != "dev");
        for name in normal.filter_map(|d| d["name"].as_str()) {
            match names.get(name) {
                Some(used) => own.entry(folder.clone()).or_default().insert(short(used)),
                None => outside.entry(folder.clone()).or_default().insert(name.to_owned()),
            };
        }
        own.entry(folder.clone()).or_default();
    }
    Ok((own, outside))
}

/// The last part of a folder, as the table's third column names it; the two agents keep their own names.
fn short(folder: &str) -> String {
    match folder {
        "agent/mesos" => "mesos-agent".to_owned(),
        other => other.rsplit('/').next().unwrap_or(other).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_against_the_code_map_is_found() {
        let page = "| `zk/` | sessions | - |\n| `master/` | the master | mesos, zk |\n";
        let arrows = |rows: &[(&str, &[&str])]| -> Arrows {
            let own = |uses: &[&str]| uses.iter().map(|u| u.to_string()).collect();
            rows.iter()
                .map(|(name, uses)| (name.to_string(), own(uses)))
                .collect()
        };
        assert!(compare(&allowed(page), &arrows(&[("zk", &[]), ("master", &["zk"])])).is_empty());
        let found = compare(&allowed(page), &arrows(&[("zk", &["master"]), ("master", &[])]));
        assert_eq!(found.len(), 1, "{found:?}");
        let found = compare(
            &allowed(page),
            &arrows(&[("new", &[]), ("zk", &[]), ("master", &[])]),
        );
        assert_eq!(found.len(), 1, "{found:?}");
    }
}
