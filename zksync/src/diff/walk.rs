//! Walks two trees as one, node by node. The path is kept in one buffer.

use mesolith_zk::tree::Node;

type Nodes<'t> = (Option<Node<'t>>, Option<Node<'t>>);

/// A pair of nodes, at least one of which exists.
pub(super) struct Found<'w, 't, P> {
    /// Path of the pair, beginning with the walk's root.
    pub(super) path: &'w str,
    /// What the caller's function returned for the path.
    pub(super) place: Option<P>,
    pub(super) nodes: Nodes<'t>,
}

/// The children of a pair that were not visited yet.
struct Level<'t> {
    pair: Nodes<'t>,
    of_a: Option<Box<dyn Iterator<Item = Node<'t>> + 't>>,
    of_b: Option<Box<dyn Iterator<Item = Node<'t>> + 't>>,
    /// Number of B's children that A has as well.
    matched: i32,
    /// Length of the pair's path.
    length: usize,
}

impl<'t> Level<'t> {
    fn new(pair: Nodes<'t>, length: usize) -> Self {
        Self {
            pair,
            of_a: pair.0.map(|node| Box::new(node.children()) as _),
            of_b: None,
            matched: 0,
            length,
        }
    }

    fn next(&mut self) -> Option<Nodes<'t>> {
        let (a, b) = self.pair;
        if let Some(child) = self.of_a.as_mut().and_then(Iterator::next) {
            let other = b.and_then(|b| b.child(child.name()));
            self.matched += i32::from(other.is_some());
            return Some((Some(child), other));
        }
        let b = b?;
        if self.of_b.is_none() {
            // Usually A has all of B's children. Then they need not be looked up one by one.
            if b.stat().num_children == self.matched {
                return None;
            }
            self.of_b = Some(Box::new(b.children()));
        }
        self.of_b
            .as_mut()?
            .find(|child| a.is_none_or(|a| a.child(child.name()).is_none()))
            .map(|child| (None, Some(child)))
    }
}

/// Visits every pair of nodes below a root: the root first, parents before their children.
pub(super) struct Walk<'t> {
    path: String,
    start: Option<Nodes<'t>>,
    levels: Vec<Level<'t>>,
}

impl<'t> Walk<'t> {
    /// Begins at a root. `root` is the path that the caller sees; `a` and `b` are the nodes on either side.
    pub(super) fn new(root: &str, a: Option<Node<'t>>, b: Option<Node<'t>>) -> Self {
        Self {
            path: root.to_owned(),
            start: (a.is_some() || b.is_some()).then_some((a, b)),
            levels: Vec::new(),
        }
    }

    /// The next pair. A path for which `place` returns `None` is left out with everything below it, except for the
    /// root.
    pub(super) fn next<P>(&mut self, place: impl Fn(&str) -> Option<P>) -> Option<Found<'_, 't, P>> {
        if let Some(nodes) = self.start.take() {
            let length = if self.path == "/" { 0 } else { self.path.len() };
            self.levels.push(Level::new(nodes, length));
            return Some(Found {
                place: place(&self.path),
                path: &self.path,
                nodes,
            });
        }
        loop {
            let level = self.levels.last_mut()?;
            let Some(nodes) = level.next() else {
                self.levels.pop();
                continue;
            };
            let ((Some(node), _) | (None, Some(node))) = nodes else {
                continue;
            };
            self.path.truncate(level.length);
            self.path.push('/');
            self.path.push_str(node.name());
            let Some(place) = place(&self.path) else {
                continue;
            };
            let parent = |node: Option<Node<'_>>| node.is_some_and(|node| node.stat().num_children > 0);
            if parent(nodes.0) || parent(nodes.1) {
                let length = self.path.len();
                self.levels.push(Level::new(nodes, length));
            }
            return Some(Found {
                path: &self.path,
                place: Some(place),
                nodes,
            });
        }
    }
}
