//! Routes: the paths that are kept equal, their names on either side, and the side that writes them.

use std::borrow::Cow;

use crate::settings::{Direction, Route, Settings, Side};

/// Never replicated: the nodes of ZooKeeper itself and the nodes of the engine.
const OWN: [&str; 2] = ["/zookeeper", crate::checkpoint::ROOT];

/// The paths cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is not a path.
    #[error(
        "--paths: '{0}' is no path of a znode; it begins with / and does not end with it, such as /mesos"
    )]
    Path(String),
    /// The path belongs to ZooKeeper or to the engine.
    #[error("--paths: {0} is never replicated; each ensemble has its own")]
    Own(String),
    /// One root contains another one, on either side.
    #[error(
        "--paths: {0} and {1} contain one another; name the outer one, and leave parts of it out with --exclude"
    )]
    Overlap(String, String),
    /// Nothing would be replicated.
    #[error("--paths: name at least one path, or / for all")]
    Empty,
}

impl Error {
    /// Short name for conditions, events and metric labels.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Path(_) => "PathInvalid",
            Self::Own(_) => "PathReserved",
            Self::Overlap(..) => "PathsOverlap",
            Self::Empty => "NoPaths",
        }
    }
}

/// The roots with everything below them, without the excluded subtrees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    routes: Vec<Route>,
    excluded: Vec<String>,
}

/// A node that is kept equal, by its name on the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place<'p> {
    /// Its name on the other side.
    pub there: Cow<'p, str>,
    /// The side that writes it.
    pub direction: Direction,
}

impl Routes {
    /// Builds the routes that a user wants.
    ///
    /// # Errors
    /// When a path is not valid or belongs to ZooKeeper itself, when roots overlap, or when there is no root.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        if settings.routes.is_empty() {
            return Err(Error::Empty);
        }
        for route in &settings.routes {
            for root in [&route.root, &route.target_root] {
                check(root)?;
                if OWN.iter().any(|own| is_below(root, own)) {
                    return Err(Error::Own(root.clone()));
                }
            }
        }
        settings.exclude.iter().try_for_each(|path| check(path))?;
        for (n, one) in settings.routes.iter().enumerate() {
            for other in &settings.routes[n + 1..] {
                for side in [Side::A, Side::B] {
                    let (x, y) = (root(one, side), root(other, side));
                    if is_below(x, y) || is_below(y, x) {
                        return Err(Error::Overlap(x.to_owned(), y.to_owned()));
                    }
                }
            }
        }
        Ok(Self {
            routes: settings.routes.clone(),
            excluded: settings.exclude.clone(),
        })
    }

    /// The routes, as they were given.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Whether any client's change on a side is carried to the other side.
    pub fn any_from(&self, side: Side) -> bool {
        self.routes.iter().any(|route| route.direction.carries_from(side))
    }

    /// The name of a node on the other side; `None` if the node is not kept equal.
    pub fn locate<'p>(&self, side: Side, path: &'p str) -> Option<Place<'p>> {
        // Of the root itself only the counter is kept.
        (path.len() > 1).then(|| self.counted(side, path)).flatten()
    }

    /// Where a node is on the other side whose creates count there too: one that is kept equal, and the root itself.
    pub fn counted<'p>(&self, side: Side, path: &'p str) -> Option<Place<'p>> {
        if OWN.iter().any(|own| is_below(path, own)) {
            return None;
        }
        let route = self
            .routes
            .iter()
            .find(|route| is_below(path, root(route, side)))?;
        let there = translate(path, root(route, side), root(route, side.other()));
        if OWN.iter().any(|own| is_below(&there, own)) {
            return None;
        }
        let on_a = if side == Side::A { path } else { &there };
        if self.excluded.iter().any(|excluded| is_below(on_a, excluded)) {
            return None;
        }
        Some(Place {
            there,
            direction: route.direction,
        })
    }

    /// The name of a node on the other side, if changes are carried from this side.
    pub fn carried<'p>(&self, from: Side, path: &'p str) -> Option<Cow<'p, str>> {
        self.locate(from, path)
            .filter(|place| place.direction.carries_from(from))
            .map(|place| place.there)
    }

    /// The node of the other side that has to count a create of `from`: the parent's counterpart, wherever the new node
    /// itself goes.
    pub fn counts_there<'p>(&self, from: Side, path: &'p str) -> Option<Place<'p>> {
        let (above, _) = path.rsplit_once('/')?;
        self.counted(from, if above.is_empty() { "/" } else { above })
            .filter(|place| place.direction.carries_from(from))
    }

    /// What a node of `side` is called on A; itself if it is not kept equal.
    pub fn on_a<'p>(&self, side: Side, path: &'p str) -> Cow<'p, str> {
        match side {
            Side::A => Cow::Borrowed(path),
            Side::B => self
                .locate(side, path)
                .map_or(Cow::Borrowed(path), |place| place.there),
        }
    }

    /// The routes whose roots on a side are below a node, which is above them all.
    pub(crate) fn under<'r>(&'r self, side: Side, path: &'r str) -> impl Iterator<Item = &'r Route> {
        let routes = self.routes.iter();
        routes.filter(move |route| {
            let root = root(route, side);
            root.len() > path.len() && is_below(root, path)
        })
    }

    /// Whether a node is above a root and has the same name on both sides.
    pub(crate) fn is_shared_ancestor(&self, path: &str) -> bool {
        self.routes
            .iter()
            .any(|route| route.root == route.target_root && is_below(&route.root, path))
    }
}

/// What a route's root is called on a side.
pub(crate) fn root(route: &Route, side: Side) -> &str {
    match side {
        Side::A => &route.root,
        Side::B => &route.target_root,
    }
}

fn check(path: &str) -> Result<(), Error> {
    let part = path
        .strip_prefix('/')
        .ok_or_else(|| Error::Path(path.to_owned()))?;
    if !part.is_empty() && part.split('/').any(|name| matches!(name, "" | "." | "..")) {
        return Err(Error::Path(path.to_owned()));
    }
    Ok(())
}

fn translate<'p>(path: &'p str, from: &str, to: &str) -> Cow<'p, str> {
    if from == to {
        return Cow::Borrowed(path);
    }
    let rest = if from == "/" {
        path.trim_end_matches('/')
    } else {
        &path[from.len()..]
    };
    let above = if to == "/" { "" } else { to };
    match (above, rest) {
        ("", "") => Cow::Borrowed("/"),
        _ => Cow::Owned(format!("{above}{rest}")),
    }
}

/// Whether a path is a root or below it.
pub(crate) fn is_below(path: &str, root: &str) -> bool {
    root == "/"
        || path
            .strip_prefix(root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(list: &[(&str, &str)], excluded: &[&str]) -> Result<Routes, Error> {
        let route = |(root, target): &(&str, &str)| Route {
            root: (*root).to_owned(),
            target_root: (*target).to_owned(),
            direction: Direction::AToB,
        };
        Routes::new(&Settings {
            routes: list.iter().map(route).collect(),
            exclude: excluded.iter().map(ToString::to_string).collect(),
            ..Settings::default()
        })
    }

    #[test]
    fn a_root_holds_what_is_below_it() {
        let mesos = routes(
            &[("/mesos", "/mesos"), ("/marathon", "/marathon")],
            &["/mesos/log"],
        )
        .unwrap();
        for (path, inside) in [
            ("/mesos", true),
            ("/mesos/json.info_0000000001", true),
            ("/mesosphere", false),
            ("/mesos/log/1", false),
            ("/marathon/state", true),
            ("/", false),
        ] {
            assert_eq!(mesos.locate(Side::A, path).is_some(), inside, "{path}");
        }
        let all = routes(&[("/", "/")], &[]).unwrap();
        for (path, inside) in [
            ("/a", true),
            ("/", false),
            ("/zookeeper/config", false),
            ("/zookeeperish", true),
            ("/mesolith/zksync/x", false),
        ] {
            assert_eq!(all.locate(Side::B, path).is_some(), inside, "{path}");
        }
    }

    #[test]
    fn a_root_may_be_called_otherwise_on_the_other_side() {
        let moved = routes(&[("/mesos", "/dc2/mesos")], &["/mesos/tmp"]).unwrap();
        let there = |side, path| moved.locate(side, path).map(|place| place.there.into_owned());
        assert_eq!(there(Side::A, "/mesos/x"), Some("/dc2/mesos/x".into()));
        assert_eq!(there(Side::B, "/dc2/mesos/x"), Some("/mesos/x".into()));
        assert_eq!(there(Side::B, "/dc2/mesos"), Some("/mesos".into()));
        assert_eq!(there(Side::B, "/dc2/mesos/tmp/1"), None);
        assert_eq!(there(Side::B, "/mesos/x"), None);
        let chroot = routes(&[("/", "/dc1")], &[]).unwrap();
        let place = chroot.locate(Side::A, "/mesos").unwrap();
        assert_eq!(place.there, "/dc1/mesos");
        assert_eq!(chroot.on_a(Side::B, "/dc1/mesos"), "/mesos");
        // A node that is not kept equal keeps its name.
        assert_eq!(chroot.on_a(Side::B, "/other"), "/other");
    }

    #[test]
    fn creates_count_in_the_counterpart_of_their_parent() {
        let counts = |routes: &Routes, side, path| {
            let place = routes.counts_there(side, path);
            place.map(|place| place.there.into_owned())
        };
        let all = routes(&[("/", "/")], &["/m/tmp"]).unwrap();
        assert_eq!(counts(&all, Side::A, "/m/tmp"), Some("/m".into()));
        assert_eq!(counts(&all, Side::A, "/m/tmp/x"), None);
        assert_eq!(counts(&all, Side::A, "/mesolith"), Some("/".into()));
        assert_eq!(counts(&all, Side::A, "/zookeeper/quota"), None);
        assert_eq!(
            counts(&all, Side::B, "/m/tmp"),
            None,
            "nothing is carried from there"
        );
        let moved = routes(&[("/", "/dc1")], &[]).unwrap();
        assert_eq!(counts(&moved, Side::A, "/m"), Some("/dc1".into()));
        let part = routes(&[("/m", "/m")], &[]).unwrap();
        assert_eq!(
            counts(&part, Side::A, "/m"),
            None,
            "what is above a root is not kept"
        );
    }

    #[test]
    fn bad_paths_are_named() {
        assert_eq!(routes(&[], &[]), Err(Error::Empty));
        for (bad, error) in [
            ("mesos", Error::Path("mesos".into())),
            ("/a//b", Error::Path("/a//b".into())),
            ("/a/../b", Error::Path("/a/../b".into())),
            ("/zookeeper", Error::Own("/zookeeper".into())),
        ] {
            assert_eq!(routes(&[(bad, bad)], &[]), Err(error));
        }
        assert_eq!(routes(&[("/a", "/a")], &["/a/"]), Err(Error::Path("/a/".into())));
        assert_eq!(
            routes(&[("/a", "/a"), ("/a/b", "/c")], &[]),
            Err(Error::Overlap("/a".into(), "/a/b".into()))
        );
    }
}
