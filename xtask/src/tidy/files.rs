//! Files: each Rust file begins with its module doc, none grows without end, nothing unfinished or local stays.

use std::path::Path;
use std::process::Command;

use anyhow::Context;
use mesolith_testkit::root;

/// A file above this holds more than one idea; above the hard limit the check fails.
const SOFT_LIMIT: usize = 300;
const HARD_LIMIT: usize = 600;

/// Words that must not be committed, put together here so that this file does not find itself.
const WORDS: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// Name and text of every text file that git knows, in the order of their names.
pub(super) fn read() -> anyhow::Result<Vec<(String, String)>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .context("run git ls-files")?;
    let list = String::from_utf8_lossy(&output.stdout).into_owned();
    let names = list.split('\0').filter(|name| !name.is_empty());
    let texts =
        names.filter_map(|name| Some((name.to_owned(), std::fs::read_to_string(root().join(name)).ok()?)));
    Ok(texts.collect())
}

/// Checks every file and returns the size report.
pub(super) fn check(files: &[(String, String)], findings: &mut Vec<String>) -> String {
    let mut sizes: Vec<(usize, &str)> = Vec::new();
    for (name, text) in files {
        if !is_foreign(name) {
            findings.extend(words(name, text));
        }
        if name.ends_with(".rs") {
            findings.extend(header(name, text));
            sizes.push((text.lines().count(), name));
        }
    }
    sizes.sort_unstable();
    let too_long = sizes.iter().filter(|(lines, _)| *lines > HARD_LIMIT);
    findings.extend(
        too_long.map(|(lines, name)| format!("{name} has {lines} lines; split it (limit {HARD_LIMIT})")),
    );
    report(&sizes)
}

/// Files that are not written here.
fn is_foreign(name: &str) -> bool {
    name.starts_with("proto/proto/mesos/") || name.ends_with("go.sum") || name.ends_with("Cargo.lock")
}

fn words(name: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let word = WORDS.iter().find(|word| {
            line.split(|c: char| !c.is_alphanumeric())
                .any(|part| part == **word)
        });
        found.extend(word.map(|word| format!("{name}:{}: {word}: do it or file it", number + 1)));
        if line.contains(concat!("/wo", "rk/")) || line.contains(concat!("/ho", "me/")) {
            found.push(format!("{name}:{}: a path of somebody's machine", number + 1));
        }
    }
    found
}

fn header(name: &str, text: &str) -> Option<String> {
    let first = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    (!first.starts_with("//!"))
        .then(|| format!("{name}: begins without a module doc (//! what this is and where it sits)"))
}

fn report(sizes: &[(usize, &str)]) -> String {
    let total: usize = sizes.iter().map(|(lines, _)| lines).sum();
    let median = sizes.get(sizes.len() / 2).map_or(0, |(lines, _)| *lines);
    let long: Vec<_> = sizes
        .iter()
        .rev()
        .take_while(|(lines, _)| *lines > SOFT_LIMIT)
        .collect();
    let mut text = format!(
        "{} Rust files, {total} lines, median {median}, {} above {SOFT_LIMIT} lines",
        sizes.len(),
        long.len()
    );
    for (lines, name) in long {
        text += &format!("\n  {lines:5}  {}", Path::new(name).display());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_words() {
        assert_eq!(header("a.rs", "//! What this is.\n"), None);
        assert!(header("a.rs", "use x;\n").is_some());
        assert_eq!(words("a.rs", &format!("// {} later", WORDS[0])).len(), 1);
        assert_eq!(words("a.rs", "mastodon"), Vec::<String>::new());
    }
}
