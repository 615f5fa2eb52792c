//! Circles in a graph of files. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The files that each file imports.
pub(super) type Imports = BTreeMap<String, BTreeSet<String>>;

/// Files each of which reaches every other one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Circle {
    /// All of them.
    pub(super) files: BTreeSet<String>,
    /// The shortest way round, from a file to itself.
    pub(super) cycle: Vec<String>,
}

/// Every circle, in the order of its first file.
pub(super) fn circles(imports: &Imports) -> Vec<Circle> {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut circles = Vec::new();
    for file in imports.keys() {
        if done.contains(file.as_str()) {
            continue;
        }
        // A crate has few hundred files, so that two walks from each of them cost nothing.
        let reached = reach(imports, file);
        let files: BTreeSet<String> = reached
            .iter()
            .filter(|other| reach(imports, other).contains(file.as_str()))
            .map(|other| (*other).to_owned())
            .collect();
        if files.is_empty() {
            continue;
        }
        done.extend(imports.keys().map(String::as_str).filter(|f| files.contains(*f)));
        let ways = files.iter().filter_map(|file| way_round(imports, file));
        let cycle = ways.min_by_key(Vec::len).unwrap_or_default();
        circles.push(Circle { files, cycle });
    }
    circles
}

fn next<'a>(imports: &'a Imports, file: &str) -> impl Iterator<Item = &'a str> {
    imports.get(file).into_iter().flatten().map(String::as_str)
}

/// What a file reaches by one import or more.
fn reach<'a>(imports: &'a Imports, file: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = next(imports, file).collect();
    while let Some(other) = open.pop() {
        if reached.insert(other) {
            open.extend(next(imports, other));
        }
    }
    reached
}

/// The shortest way from a file back to itself.
fn way_round(imports: &Imports, file: &str) -> Option<Vec<String>> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut ways = VecDeque::from([vec![file]]);
    while let Some(way) = ways.pop_front() {
        for other in next(imports, way.last().copied().unwrap_or(file)) {
            if other == file {
                let whole = way.iter().copied().chain([file]);
                return Some(whole.map(str::to_owned).collect());
            }
            if seen.insert(other) {
                ways.push_back(way.iter().copied().chain([other]).collect());
            }
        }
    }
    None
}
