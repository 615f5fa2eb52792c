//! What must be true after a trial: both trees, read by clients that know nothing of the engine, are the same.

pub mod members;
mod read;

use std::collections::BTreeMap;

pub use read::{Seen, Tree, read};

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The node, from the root that was compared.
    pub path: String,
    /// `node`, `data`, `acl`, `version`, `cversion`, `aversion`, `owner`, `children` or `lost` (an acknowledged write).
    pub field: &'static str,
    /// On A.
    pub a: String,
    /// On B.
    pub b: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: A {}, B {}", self.path, self.field, self.a, self.b)
    }
}

/// Every field of every node. Transaction numbers and times are each ensemble's own.
pub fn compare(a: &Tree, b: &Tree) -> Vec<Difference> {
    let mut found = Vec::new();
    for (path, on_a) in a {
        match b.get(path) {
            Some(on_b) => compare_node(path, on_a, on_b, &mut found),
            None => found.push(missing(path, on_a, "nothing", false)),
        }
    }
    let extra = b.iter().filter(|(path, _)| !a.contains_key(*path));
    found.extend(extra.map(|(path, on_b)| missing(path, on_b, "nothing", true)));
    found
}

fn missing(path: &str, seen: &Seen, nothing: &str, on_a: bool) -> Difference {
    let there = format!(
        "data {:?}, owner {:#x}",
        text(&seen.data),
        seen.stat.ephemeral_owner
    );
    let (a, b) = if on_a {
        (nothing.to_owned(), there)
    } else {
        (there, nothing.to_owned())
    };
    let (path, field) = (path.to_owned(), "node");
    Difference { path, field, a, b }
}

fn compare_node(path: &str, a: &Seen, b: &Seen, found: &mut Vec<Difference>) {
    let mut check = |field, a: String, b: String| {
        if a != b {
            let path = path.to_owned();
            found.push(Difference { path, field, a, b });
        }
    };
    if a.data != b.data {
        check("data", text(&a.data), text(&b.data));
    }
    check("acl", a.acl.join(" "), b.acl.join(" "));
    check("version", a.stat.version.to_string(), b.stat.version.to_string());
    check("cversion", a.creates().to_string(), b.creates().to_string());
    check(
        "aversion",
        a.stat.aversion.to_string(),
        b.stat.aversion.to_string(),
    );
    let owner = |seen: &Seen| format!("{:#x}", seen.stat.ephemeral_owner);
    check("owner", owner(a), owner(b));
    let only = |these: &Seen, those: &Seen| {
        let missing = these
            .children
            .iter()
            .filter(|name| those.children.binary_search(name).is_err());
        missing.cloned().collect::<Vec<_>>().join(" ")
    };
    check("children", only(a, b), only(b, a));
}

/// Data that is longer than this is shown by its beginning, its length and its sum.
const SHOWN: usize = 60;

fn text(data: &[u8]) -> String {
    let begin = String::from_utf8_lossy(&data[..data.len().min(SHOWN)]);
    if data.len() <= SHOWN {
        return begin.into_owned();
    }
    let sum = data.iter().fold(0_u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(*byte))
    });
    format!("{begin}... ({} bytes, sum {sum:08x})", data.len())
}

/// What a node may hold after all that was answered; more than one value where an answer was lost. `None`: not there.
pub type Expected = BTreeMap<String, Vec<Option<Vec<u8>>>>;

/// Acknowledged writes that are not there. `expected` names nodes as `tree` does.
pub fn lost(expected: &Expected, tree: &Tree) -> Vec<Difference> {
    let mut found = Vec::new();
    for (path, possible) in expected {
        let there = tree.get(path).map(|seen| seen.data.clone());
        if !possible.contains(&there) {
            let show = |data: &Option<Vec<u8>>| data.as_deref().map_or("nothing".to_owned(), text);
            found.push(Difference {
                path: path.clone(),
                field: "lost",
                a: possible.iter().map(show).collect::<Vec<_>>().join(" or "),
                b: show(&there),
            });
        }
    }
    found
}
