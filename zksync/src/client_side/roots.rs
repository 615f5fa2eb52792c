//! The part of an ensemble that a link reads. Pure.

/// Roots of the subtrees that the link reads.
#[derive(Debug, Clone)]
pub(super) struct Roots(Vec<String>);

impl Roots {
    pub(super) fn new(roots: &[String]) -> Self {
        let plain = |root: &String| root.trim_end_matches('/').to_owned();
        Self(roots.iter().map(plain).collect())
    }

    /// Whether a node is in one of the subtrees, or above one.
    pub(super) fn reach(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let on_the_way = |root: &String| is_inside(path, root) || is_inside(root, path);
        self.0.iter().any(on_the_way)
    }

    /// Whether a node is in one of the subtrees.
    pub(super) fn hold(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.0.iter().any(|root| is_inside(path, root))
    }

    /// The roots as servers write them.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|root| if root.is_empty() { "/" } else { root })
    }
}

fn is_inside(below: &str, above: &str) -> bool {
    let rest = below.strip_prefix(above);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_leads_to_a_root_or_is_below_it_is_kept() {
        let roots = Roots::new(&["/a/b".to_owned()]);
        let reached: Vec<_> = ["/", "/a", "/a/b", "/a/b/c", "/a/bc", "/x"]
            .into_iter()
            .filter(|path| roots.reach(path))
            .collect();
        assert_eq!(reached, ["/", "/a", "/a/b", "/a/b/c"]);
        assert!(Roots::new(&["/".to_owned()]).reach("/x"));
    }
}
