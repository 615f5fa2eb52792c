//! Which subtrees of ensemble A are kept equal. `/` is everything, subtree by subtree: the masters' own is switched at
//! another moment than the others, so the tree cannot be followed as a whole.

use super::machine::Paths;
use mesolith_zk::{Address, Survey};
use std::collections::BTreeMap;

/// Right below the root, each ensemble's own: ZooKeeper's nodes and the sync engine's.
const OWN: [&str; 2] = ["zookeeper", "mesolith"];

/// The subtrees and the session that asked; `None` while A does not answer.
pub(super) async fn look(a: &Address, paths: &Paths, election: &str) -> Option<(Vec<String>, i64)> {
    let (list, exist) = match paths {
        Paths::Whole => (above(election), Vec::new()),
        Paths::Named(paths) => (Vec::new(), paths.clone()),
    };
    let Survey {
        children,
        existing,
        session,
    } = mesolith_zk::survey(a, &list, &exist).await.ok()?;
    let subtrees = match paths {
        Paths::Whole => beside(election, &children),
        Paths::Named(_) => existing,
    };
    Some((subtrees, session))
}

/// Reads `spec.sync.paths`.
///
/// # Errors
/// When the election's subtree or another one would be inside one of them.
pub(super) fn of_spec(mut paths: Vec<String>, election: &str) -> Result<Paths, String> {
    if paths.iter().any(|path| path == "/") {
        return Ok(Paths::Whole);
    }
    paths.retain(|path| path != election);
    let all = || paths.iter().map(String::as_str).chain([election]);
    for path in &paths {
        if let Some(inside) = all().find(|other| other != path && is_below(other, path)) {
            return Err(format!(
                "spec.sync.paths: {inside} is inside {path}, and each is switched on its own: name the subtrees beside it \
                 instead of {path}, or name / for everything"
            ));
        }
        if is_below(path, election) {
            return Err(format!(
                "spec.sync.paths: {path} is inside {election}, which is kept equal anyway: take it away"
            ));
        }
    }
    Ok(Paths::Named(paths))
}

fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}

/// The nodes above the election's, the root first.
fn above(election: &str) -> Vec<String> {
    let slashes = election.match_indices('/').map(|(at, _)| at);
    slashes
        .map(|at| if at == 0 { "/" } else { &election[..at] }.to_owned())
        .collect()
}

/// Everything beside the way down to the election's subtree.
fn beside(election: &str, children: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut subtrees = Vec::new();
    for (parent, names) in children {
        let root = parent == "/";
        for name in names {
            let path = if root {
                format!("/{name}")
            } else {
                format!("{parent}/{name}")
            };
            let own = root && OWN.contains(&name.as_str());
            if !own && path != election && !is_below(election, &path) {
                subtrees.push(path);
            }
        }
    }
    subtrees.sort();
    subtrees
}

#[cfg(test)]
mod tests {
    use super::*;

    fn children(of: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        of.iter()
            .map(|(parent, names)| ((*parent).to_owned(), owned(names)))
            .collect()
    }

    #[test]
    fn the_whole_tree_is_every_subtree_beside_the_election() {
        assert_eq!(above("/mesos"), ["/"]);
        assert_eq!(above("/prod/dc1/mesos"), ["/", "/prod", "/prod/dc1"]);
        let top = children(&[(
            "/",
            &["kafka", "marathon", "mesolith", "mesos", "mesos2", "zookeeper"],
        )]);
        assert_eq!(beside("/mesos", &top), ["/kafka", "/marathon", "/mesos2"]);
        let deep = children(&[
            ("/", &["prod", "zookeeper"]),
            ("/prod", &["dc1", "zookeeper"]),
            ("/prod/dc1", &["mesos", "marathon"]),
        ]);
        assert_eq!(
            beside("/prod/dc1/mesos", &deep),
            ["/prod/dc1/marathon", "/prod/zookeeper"]
        );
    }

    #[test]
    fn paths_are_read_and_never_overlap() {
        let read = |paths: &[&str]| of_spec(paths.iter().map(|p| (*p).to_owned()).collect(), "/prod/mesos");
        assert_eq!(read(&["/"]), Ok(Paths::Whole));
        assert_eq!(
            read(&["/prod/mesos", "/marathon", "/marathon2"]),
            Ok(Paths::Named(vec!["/marathon".into(), "/marathon2".into()]))
        );
        for (paths, said) in [
            (&["/prod"][..], "/prod/mesos is inside /prod"),
            (&["/a", "/a/b"], "/a/b is inside /a"),
            (&["/prod/mesos/log"], "/prod/mesos/log is inside /prod/mesos"),
        ] {
            let problem = read(paths).unwrap_err();
            assert!(problem.contains(said), "{problem}");
        }
    }
}
