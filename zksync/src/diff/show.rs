//! Describes differences in words.

use mesolith_zk::record::{Acl, NodeStat};
use mesolith_zk::tree::Node;

use super::{Pair, difference};
use crate::handle::Difference;

/// Longest data that is shown as a whole, in characters.
const SHOWN: usize = 60;

/// Every field in which a pair differs.
pub(super) fn differences(pair: &Pair<'_>, path: &str) -> Vec<Difference> {
    let (Some(x), Some(y)) = pair.nodes else {
        let is = |node: Option<Node<'_>>| if node.is_some() { "present" } else { "absent" };
        let (a, b) = pair.nodes;
        return vec![difference(path, "node", is(a).to_owned(), is(b).to_owned())];
    };
    let (s, t) = (x.stored(), y.stored());
    let mut found = Vec::new();
    let mut add = |field, same: bool, a: &dyn Fn() -> (String, String)| {
        if !same {
            let (a, b) = a();
            found.push(difference(path, field, a, b));
        }
    };
    let numbers = |a: i32, b: i32| (a.to_string(), b.to_string());
    if pair.only_counter {
        add("cversion", pair.is_same(), &|| numbers(s.cversion, t.cversion));
        return found;
    }
    add("data", pair.common.same_data(x.data(), y.data()), &|| {
        (data(x.data()), data(y.data()))
    });
    add("acl", x.acl() == y.acl(), &|| (acl(x.acl()), acl(y.acl())));
    add("owner", pair.common.kind(x) == pair.common.kind(y), &|| {
        (owner(x), owner(y))
    });
    add("version", s.version == t.version, &|| {
        numbers(s.version, t.version)
    });
    add("cversion", pair.same_counter(x, y), &|| {
        numbers(s.cversion, t.cversion)
    });
    add("aversion", s.aversion == t.aversion, &|| {
        numbers(s.aversion, t.aversion)
    });
    found
}

/// Short text as it is; of long text the beginning, its length and its checksum. Other data by length and checksum.
fn data(data: Option<&[u8]>) -> String {
    let Some(data) = data else {
        return "null".to_owned();
    };
    let text = std::str::from_utf8(data)
        .ok()
        .filter(|text| !text.chars().any(char::is_control));
    let sum = crc32fast::hash(data);
    match text {
        Some(text) if text.chars().count() <= SHOWN => format!("\"{text}\""),
        Some(text) => {
            let begin: String = text.chars().take(SHOWN).collect();
            format!("\"{begin}...\" ({} bytes, CRC-32 {sum:08x})", data.len())
        }
        None => format!("{} bytes, CRC-32 {sum:08x}", data.len()),
    }
}

/// A list in the form of ZooKeeper's own client: `world:anyone:cdrwa`.
fn acl(list: Option<&[Acl]>) -> String {
    const RIGHTS: [(i32, char); 5] = [(4, 'c'), (8, 'd'), (1, 'r'), (2, 'w'), (16, 'a')];
    let entry = |acl: &Acl| {
        let rights: String = RIGHTS
            .iter()
            .filter(|(bit, _)| acl.perms & bit != 0)
            .map(|(_, letter)| *letter)
            .collect();
        // The hash of a password is not shown.
        let id = match &*acl.id.scheme {
            "digest" => acl.id.id.split(':').next().unwrap_or_default(),
            _ => &acl.id.id,
        };
        format!("{}:{id}:{rights}", acl.id.scheme)
    };
    let open = [Acl::open()];
    let entries: Vec<_> = list.unwrap_or(&open).iter().map(entry).collect();
    entries.join(",")
}

fn owner(node: Node<'_>) -> String {
    let stat = node.stored();
    if let Some(session) = node.owner() {
        format!("session {session:#x}")
    } else if stat.ephemeral_owner == NodeStat::CONTAINER {
        "container".to_owned()
    } else if let Some(millis) = stat.ttl() {
        format!("TTL of {millis} ms")
    } else {
        "persistent".to_owned()
    }
}
