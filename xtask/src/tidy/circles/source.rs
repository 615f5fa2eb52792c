//! The paths that a Rust file writes. Pure; it knows as much of the language as that needs.

use std::collections::BTreeMap;

/// What a file says of other files.
#[derive(Debug, Default)]
pub(super) struct Source<'a> {
    /// Every path in `use` lines, and those in the code that begin with `crate`, `super` or `self`.
    pub(super) paths: Vec<Path<'a>>,
    /// The names that `use` lines bring in, with the path that each of them stands for.
    pub(super) names: BTreeMap<&'a str, Vec<&'a str>>,
}

/// A path as it is written.
#[derive(Debug)]
pub(super) struct Path<'a> {
    /// Modules within the file that the path is in.
    pub(super) within: Vec<&'a str>,
    /// Its names; at least one.
    pub(super) names: Vec<&'a str>,
}

/// Reads a file, but not its tests.
pub(super) fn read(text: &str) -> Source<'_> {
    let tokens = tokens(text);
    let mut source = Source::default();
    let mut within: Vec<(&str, usize)> = Vec::new();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(token) = tokens.get(at) {
        match (*token, &tokens[at + 1..]) {
            ("#", ["[", "cfg", "(", rest @ ..]) if is_test(rest) => at = after_item(&tokens, at),
            ("mod", [name, "{", ..]) => within.push((name, depth)),
            // `use<'a>` lists what a type captures.
            ("use", [next, ..]) if *next != "<" => {
                let modules: Vec<&str> = within.iter().map(|(name, _)| *name).collect();
                let mut tree = Vec::new();
                at = read_tree(&tokens, at + 1, &[], &mut tree);
                for (path, name) in tree.into_iter().filter(|(path, _)| !path.is_empty()) {
                    if modules.is_empty() {
                        source.names.insert(name, path.clone());
                    }
                    source.paths.push(Path {
                        within: modules.clone(),
                        names: path,
                    });
                }
                continue;
            }
            ("crate" | "super" | "self", ["::", ..]) => {
                let mut names = vec![*token];
                while let (Some(&"::"), Some(name)) = (tokens.get(at + 1), tokens.get(at + 2)) {
                    names.push(name);
                    at += 2;
                }
                source.paths.push(Path {
                    within: within.iter().map(|(name, _)| *name).collect(),
                    names,
                });
            }
            ("{", _) => depth += 1,
            ("}", _) => {
                depth = depth.saturating_sub(1);
                within.retain(|(_, begun)| *begun < depth);
            }
            _ => {}
        }
        at += 1;
    }
    source
}

/// Whether a `cfg` whose tokens begin here asks for a test build.
fn is_test(tokens: &[&str]) -> bool {
    let condition = || tokens.iter().take_while(|token| **token != "]");
    condition().any(|token| *token == "test") && !condition().any(|token| *token == "not")
}

/// The place of the last token of the item whose first attribute begins at `at`.
fn after_item(tokens: &[&str], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(token) = tokens.get(at) {
        match *token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            "}" if depth == 1 => return at,
            "}" => depth = depth.saturating_sub(1),
            ";" | "," if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Reads one tree of a `use` line from `at` and returns the place after it. Each leaf is a path and the name that it
/// has here.
fn read_tree<'a>(
    tokens: &[&'a str],
    mut at: usize,
    before: &[&'a str],
    leaves: &mut Vec<(Vec<&'a str>, &'a str)>,
) -> usize {
    let mut path = before.to_vec();
    while let Some(token) = tokens.get(at) {
        match *token {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| !["}", ";"].contains(token)) {
                    at = read_tree(tokens, at, &path, leaves);
                    at += usize::from(tokens.get(at) == Some(&","));
                }
                return at + 1;
            }
            "," | ";" | "}" => break,
            "as" => {
                at += 1;
                let name = tokens.get(at).copied().unwrap_or_default();
                leaves.push((path, name));
                return at + 1;
            }
            "::" | "*" => {}
            "self" if !path.is_empty() => {}
            name => path.push(name),
        }
        at += 1;
    }
    let name = path.last().copied().unwrap_or_default();
    leaves.push((path, name));
    at
}

/// Names, `::` and single signs; no comments, texts and numbers.
fn tokens(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let is_name = |at: usize| {
        bytes
            .get(at)
            .is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_' || *b >= 0x80)
    };
    let find = |from: usize, what: &str| {
        text[from..]
            .find(what)
            .map_or(text.len(), |n| from + n + what.len())
    };
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        at = match bytes[at] {
            _ if rest.starts_with("//") => find(at, "\n"),
            _ if rest.starts_with("/*") => find(at + 2, "*/"),
            b'"' => after_text(bytes, at),
            b'r' if raw_fence(rest).is_some() => {
                let fence = raw_fence(rest).unwrap_or_default();
                find(at + fence.len() + 1, &format!("\"{}", &fence[..fence.len() - 1]))
            }
            // A character, or a lifetime, which is read as a name.
            b'\'' if rest.starts_with("'\\") => find(at + 3, "'"),
            b'\'' => {
                let length = rest[1..].chars().next().map_or(0, char::len_utf8);
                let closed = bytes.get(at + 1 + length) == Some(&b'\'');
                at + if closed { length + 2 } else { 1 }
            }
            _ if rest.starts_with("::") => {
                tokens.push("::");
                at + 2
            }
            _ if is_name(at) => {
                let length = (at..).take_while(|n| is_name(*n)).count();
                tokens.push(&text[at..at + length]);
                at + length
            }
            byte => {
                if !byte.is_ascii_whitespace() {
                    tokens.push(&text[at..=at]);
                }
                at + 1
            }
        };
    }
    tokens
}

/// The place after a text in quotes that begins at `at`.
fn after_text(bytes: &[u8], mut at: usize) -> usize {
    at += 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// What stands between the `r` of a raw text and its first letter: `#"`, or `"` alone.
fn raw_fence(rest: &str) -> Option<&str> {
    let hashes = rest[1..].bytes().take_while(|b| *b == b'#').count();
    rest[1 + hashes..].starts_with('"').then(|| &rest[1..hashes + 2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::tree("use a::{b::{self, C}, d as e, f::*}; x", "a::b a::b::C a::d a::f")]
    #[case::in_code(
        "fn f() { let x = crate::a::b(&self); super::c(); 'a: loop {} }",
        "crate::a::b super::c"
    )]
    #[case::texts(
        "let x = (\"crate::a\", r#\"crate::\"b\"#, 'x', '\\'', '\"', b\"\\\"crate::c\");",
        ""
    )]
    #[case::raw_without_fence("r\"crate::a\" crate::b", "crate::b")]
    #[case::comments("// crate::a\n/* crate::b */ use c;", "c")]
    #[case::tests(
        "#[cfg(test)]\nmod tests { use a; }\n#[cfg(test)] use b::{c}; #[cfg(all(test, unix))] fn f() {} use d;",
        "d"
    )]
    #[case::not_tests("#[cfg(not(test))] use a;", "a")]
    #[case::captures("fn f() -> impl Fn() + use<'a> { a; b } use c;", "c")]
    #[case::attribute_on_a_field("struct S { #[cfg(test)] a: crate::a::A, b: crate::b::B }", "crate::b::B")]
    fn paths(#[case] text: &str, #[case] expected: &str) {
        let source = read(text);
        let written: Vec<String> = source.paths.iter().map(|path| path.names.join("::")).collect();
        assert_eq!(written.join(" "), expected);
    }
}
