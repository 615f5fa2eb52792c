//! Circles: files of one crate that import each other, so that none can be read, tested or moved alone.
//!
//! ```text
//! source (text ─► paths that it writes) ─► modules (paths ─► files that define what they name) ─► graph (circles)
//! ```
//!
//! A file may use the modules below it, since it is their table of contents. All other paths that begin with `crate`,
//! `super` or `self` count, in `use` lines and written out in the code; code under `#[cfg(test)]` does not.

mod graph;
mod modules;
mod source;

use graph::Circle;
use std::collections::BTreeSet;

/// The circles that were there when this check began, one a line. It only gets shorter.
const KNOWN: &str = include_str!("circles/known.txt");
const KNOWN_FILE: &str = "xtask/src/tidy/circles/known.txt";

/// Files by name, relative to the repository.
type Files = BTreeSet<String>;

/// Every new circle, and every known one that is gone or has become smaller.
pub(super) fn check(sources: &[(String, String)]) -> Vec<String> {
    compare(&graph::circles(&modules::imports(sources)), &known(KNOWN))
}

/// The lines of the list: files, with spaces between them. A line that begins with `#` is a remark.
fn known(list: &str) -> Vec<Files> {
    list.lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| line.split_whitespace().map(str::to_owned).collect())
        .collect()
}

fn compare(found: &[Circle], known: &[Files]) -> Vec<String> {
    let mut findings = Vec::new();
    for circle in found {
        if !known.iter().any(|listed| circle.files.is_subset(listed)) {
            findings.push(format!(
                "a new circle of {} files: {}. Move what both need to a file that imports neither",
                circle.files.len(),
                circle.cycle.join(" -> ")
            ));
        }
    }
    for listed in known {
        let left: Vec<&Circle> = found
            .iter()
            .filter(|circle| circle.files.is_subset(listed))
            .collect();
        if left.iter().any(|circle| circle.files == *listed) {
            continue;
        }
        let lines: Vec<String> = left.iter().map(|circle| line(&circle.files)).collect();
        let remedy = match lines.as_slice() {
            [] => "remove it".to_owned(),
            lines => format!("put this in its place: {}", lines.join(" and ")),
        };
        findings.push(format!(
            "{KNOWN_FILE} has a circle that is gone; {remedy}. Its line: {}",
            line(listed)
        ));
    }
    findings
}

fn line(files: &Files) -> String {
    files.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// Files with their text, `a.rs: text | b.rs: text`, all in the crate `c`.
    fn sources(text: &str) -> Vec<(String, String)> {
        let files = text.split(" | ").map(|file| file.split_once(": ").unwrap());
        let named = |(name, text): (&str, &str)| (format!("c/src/{name}"), text.to_owned());
        [("c/src/lib.rs".to_owned(), String::new())]
            .into_iter()
            .chain(files.map(named))
            .collect()
    }

    #[rstest]
    #[case::none("a.rs: use crate::b::B; | b.rs: use std::fmt;", &[])]
    #[case::two("a.rs: use crate::b::B; | b.rs: use super::a::A;", &["a b a"])]
    #[case::of_three("a.rs: use crate::{b, c}; | b.rs: use crate::c::C; | c.rs: use crate::a::{self, A as X};", &["a c a"])]
    #[case::two_apart(
        "a.rs: use crate::b::B; | b.rs: use crate::a::A; | c.rs: use crate::d::D; | d.rs: use crate::c::C;",
        &["a b a", "c d c"]
    )]
    #[case::written_out("a.rs: fn f(b: crate::b::B) {} | b.rs: fn g() { super::a::f() }", &["a b a"])]
    #[case::a_child_uses_what_its_parent_holds("a.rs: mod b; use b::B; | a/b.rs: use super::A;", &[])]
    #[case::also_with_self("a.rs: mod b; use self::b::B; | a/b.rs: use super::A;", &[])]
    #[case::children_that_use_each_other(
        "a.rs: mod b; mod c; | a/b.rs: use super::c::C; | a/c.rs: use super::b::B;",
        &["a/b a/c a/b"]
    )]
    #[case::through_a_name_that_another_file_passes_on(
        "a.rs: mod b; pub use b::B; | a/b.rs: use crate::d::D; | d.rs: use crate::a::B;",
        &["a/b d a/b"]
    )]
    #[case::through_a_new_name(
        "a.rs: pub(crate) use b::{B as C}; | a/b.rs: use crate::d::D; | d.rs: use crate::a::C;",
        &["a/b d a/b"]
    )]
    #[case::names_that_pass_each_other_on("a.rs: pub use crate::b::X; | b.rs: pub use crate::a::X;", &["a b a"])]
    #[case::only_in_tests(
        "a.rs: use crate::b::B; | b.rs: #[cfg(test)] use crate::a::A; #[cfg(test)] mod tests { use crate::a::A; }",
        &[]
    )]
    #[case::only_in_words("a.rs: use crate::b::B; | b.rs: //! See crate::a::A.\nconst X: &str = \"crate::a::A\";", &[])]
    #[case::from_a_module_within_a_file(
        "a.rs: mod inner { use super::X; use super::super::b::B; } | b.rs: use crate::a::A;",
        &["a b a"]
    )]
    fn circles_of_files(#[case] text: &str, #[case] expected: &[&str]) {
        let found = graph::circles(&modules::imports(&sources(text)));
        let cycles: Vec<String> = found
            .iter()
            .map(|circle| circle.cycle.join(" ").replace("c/src/", "").replace(".rs", ""))
            .collect();
        assert_eq!(cycles, expected);
    }

    #[rstest]
    #[case::known("a b", "a b", None)]
    #[case::new("a b", "", Some("a new circle of 2 files: a -> b -> a. "))]
    #[case::grown("a b", "a c", Some("a new circle of 2 files: "))]
    #[case::gone(
        "",
        "# a remark\na b",
        Some("a circle that is gone; remove it. Its line: a b")
    )]
    #[case::smaller("a b", "a b c", Some("put this in its place: a b. Its line: a b c"))]
    fn the_list_only_gets_shorter(#[case] found: &str, #[case] list: &str, #[case] expected: Option<&str>) {
        let circles: Vec<Circle> = known(found)
            .into_iter()
            .map(|files| Circle {
                cycle: files.iter().chain(files.first()).cloned().collect(),
                files,
            })
            .collect();
        let findings = compare(&circles, &known(list));
        match expected {
            None => assert_eq!(findings, Vec::<String>::new()),
            Some(part) => assert!(findings.iter().any(|f| f.contains(part)), "{findings:?}"),
        }
    }
}
