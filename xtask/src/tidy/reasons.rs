//! Reasons: the enum in `crds` has every reason that the controllers and the node agent have, and no other.

use mesolith_crds::Reason;

/// The page with the node agent's table of reasons.
const NODE_AGENT: &str = "docs/node-agent.md";
const TABLE: &str = "crds/src/reason/table.rs";

/// Reasons of the node agent that are missing, and reasons that nothing has.
pub(super) fn check(files: &[(String, String)]) -> Vec<String> {
    let page = files.iter().find(|(name, _)| name == NODE_AGENT);
    let node = page.map(|(_, text)| table(text)).unwrap_or_default();
    let used = |reason: Reason| {
        let path = format!("Reason::{reason}");
        let mut sources = files
            .iter()
            .filter(|(name, _)| name.starts_with("controllers/src/"));
        node.contains(&reason.as_str()) || sources.any(|(_, text)| has_path(text, &path))
    };
    let missing = node.iter().filter(|word| Reason::parse(word).is_none());
    let missing = missing.map(|word| format!("{TABLE}: {word} of {NODE_AGENT} is missing"));
    let unused = Reason::all().filter(|reason| !used(*reason));
    let unused = unused.map(|reason| format!("{TABLE}: nothing has the reason {reason}; remove it"));
    missing.chain(unused).collect()
}

/// The words in the first column of the table.
fn table(page: &str) -> Vec<&str> {
    let rows = page.split("| reason | what to do |").nth(1).unwrap_or_default();
    let rows = rows.lines().skip(2).take_while(|line| line.starts_with('|'));
    let words = rows
        .filter_map(|row| row.split('|').nth(1))
        .flat_map(|cell| cell.split(','));
    words.map(|word| word.trim().trim_matches('`')).collect()
}

/// Whether a text has this path, and not only a longer one.
fn has_path(text: &str, path: &str) -> bool {
    let ends = |after: &str| !after.starts_with(|c: char| c.is_alphanumeric());
    text.match_indices(path)
        .any(|(at, _)| ends(&text[at + path.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_table() {
        let page =
            "text\n| reason | what to do |\n|---|---|\n| `A`, `B` | c, d |\n| `E` | f |\n\n| `G` | h |\n";
        assert_eq!(table(page), ["A", "B", "E"]);
    }

    #[test]
    fn a_longer_path_is_another_one() {
        assert!(has_path(
            "Reason::RollingOneByOne, Reason::Rolling)",
            "Reason::Rolling"
        ));
        assert!(!has_path("Reason::RollingOneByOne", "Reason::Rolling"));
    }

    #[test]
    fn what_the_node_agent_has_and_what_nothing_has_is_found() {
        let page = "| reason | what to do |\n|---|---|\n| `PortInUse`, `NodeOnFire` | run |\n";
        let found = check(&[(NODE_AGENT.to_owned(), page.to_owned())]);
        assert!(
            found[0].contains("NodeOnFire of docs/node-agent.md is missing"),
            "{found:?}"
        );
        assert!(found.iter().any(|f| f.contains("nothing has the reason Paused")));
        assert!(!found.iter().any(|f| f.contains("PortInUse")));
    }
}
