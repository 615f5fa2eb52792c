//! Which paths are replicated.

/// Never replicated: what an ensemble keeps about itself, and what the engine keeps.
const OWN: [&str; 2] = ["/zookeeper", crate::checkpoint::ROOT];

/// A list of paths cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a path.
    #[error(
        "--paths: '{0}' is no path of a znode; it begins with / and does not end with it, such as /mesos"
    )]
    Path(String),
    /// A path of the ensemble's or the engine's own.
    #[error("--paths: {0} is never replicated; each ensemble has its own")]
    Own(String),
    /// Nothing would be replicated.
    #[error("--paths: name at least one path, or / for all")]
    Empty,
}

/// Roots to replicate with all below them, less what is excluded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    roots: Vec<String>,
    excluded: Vec<String>,
}

impl Scope {
    /// From lists of paths; "/" is everything.
    ///
    /// # Errors
    /// When a path is none, belongs to the ensemble itself, or there is no root.
    pub fn new(roots: &[String], excluded: &[String]) -> Result<Self, Error> {
        if roots.is_empty() {
            return Err(Error::Empty);
        }
        for path in roots.iter().chain(excluded) {
            let part = path.strip_prefix('/').ok_or_else(|| Error::Path(path.clone()))?;
            if !part.is_empty() && part.split('/').any(str::is_empty) {
                return Err(Error::Path(path.clone()));
            }
        }
        if let Some(own) = roots
            .iter()
            .find(|root| OWN.iter().any(|own| is_below(root, own)))
        {
            return Err(Error::Own(own.clone()));
        }
        Ok(Self {
            roots: roots.to_vec(),
            excluded: excluded.to_vec(),
        })
    }

    /// Whether changes of a node are replicated.
    pub fn contains(&self, path: &str) -> bool {
        // No data of an application: the root itself differs only in its counters.
        path.len() > 1
            && self.roots.iter().any(|root| is_below(path, root))
            && !OWN.iter().any(|own| is_below(path, own))
            && !self.excluded.iter().any(|excluded| is_below(path, excluded))
    }

    /// The roots, as they were given.
    pub fn roots(&self) -> &[String] {
        &self.roots
    }
}

fn is_below(path: &str, root: &str) -> bool {
    root == "/"
        || path
            .strip_prefix(root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(roots: &[&str], excluded: &[&str]) -> Result<Scope, Error> {
        let own = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        Scope::new(&own(roots), &own(excluded))
    }

    #[test]
    fn a_root_holds_what_is_below_it() {
        let mesos = scope(&["/mesos", "/marathon"], &["/mesos/log_replicas"]).unwrap();
        for (path, inside) in [
            ("/mesos", true),
            ("/mesos/json.info_0000000001", true),
            ("/mesosphere", false),
            ("/mesos/log_replicas/1", false),
            ("/marathon/state", true),
            ("/", false),
        ] {
            assert_eq!(mesos.contains(path), inside, "{path}");
        }
        let all = scope(&["/"], &[]).unwrap();
        for (path, inside) in [
            ("/a", true),
            ("/", false),
            ("/zookeeper/config", false),
            ("/zookeeperish", true),
            ("/mesolith/zksync/x", false),
        ] {
            assert_eq!(all.contains(path), inside, "{path}");
        }
    }

    #[test]
    fn bad_paths_are_named() {
        assert_eq!(scope(&[], &[]), Err(Error::Empty));
        assert_eq!(scope(&["mesos"], &[]), Err(Error::Path("mesos".into())));
        assert_eq!(scope(&["/a//b"], &[]), Err(Error::Path("/a//b".into())));
        assert_eq!(scope(&["/a"], &["/a/"]), Err(Error::Path("/a/".into())));
        assert_eq!(scope(&["/zookeeper"], &[]), Err(Error::Own("/zookeeper".into())));
    }
}
