//! Checks settings. Every message names the flag, the value and the remedy.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Settings;
use crate::handle::Refused;

/// Nodes of ZooKeeper itself and of the engine.
const OWN: [&str; 2] = ["/zookeeper", crate::checkpoint::ROOT];

/// Requests with more operations come near the servers' limit on the size of a packet.
const BATCH: RangeInclusive<usize> = 1..=10_000;
/// More requests would only wait in the servers' queues.
const WORKERS: RangeInclusive<usize> = 1..=64;

/// Checks every value.
///
/// # Errors
/// The first problem.
pub fn validate(settings: &Settings) -> Result<(), Refused> {
    routes(settings)?;
    exclude(settings)?;
    within("--batch-size", settings.batch_size, &BATCH)?;
    within("--workers", settings.workers, &WORKERS)?;
    if settings.rate_limit == Some(0) {
        return refuse("--rate-limit: 0 would never fill the target; leave it out for no limit".to_owned());
    }
    let most = Duration::from_secs(3600);
    if settings.lag_threshold < Duration::from_millis(1) || settings.lag_threshold > most {
        return refuse(format!(
            "--lag-threshold: {:?} is out of range: 1 ms to 1 h",
            settings.lag_threshold
        ));
    }
    if settings.conflict_threshold == 0 {
        return refuse("--conflict-threshold: 0 would always alert; the least is 1 a minute".to_owned());
    }
    Ok(())
}

fn routes(settings: &Settings) -> Result<(), Refused> {
    if settings.routes.is_empty() {
        return refuse("--paths: name at least one path, or / for all".to_owned());
    }
    for route in &settings.routes {
        for root in [&route.root, &route.target_root] {
            path("--paths", root)?;
            if OWN.iter().any(|own| is_below(root, own)) {
                return refuse(format!(
                    "--paths: {root} is never replicated; each ensemble has its own"
                ));
            }
        }
    }
    for (index, route) in settings.routes.iter().enumerate() {
        for other in &settings.routes[index + 1..] {
            // Two roots over one node could disagree on who writes it.
            for (side, one, two) in [
                ("A", &route.root, &other.root),
                ("B", &route.target_root, &other.target_root),
            ] {
                if is_below(one, two) || is_below(two, one) {
                    return refuse(format!(
                        "--paths: {one} and {two} overlap on {side}; name each subtree once"
                    ));
                }
            }
        }
    }
    Ok(())
}

fn exclude(settings: &Settings) -> Result<(), Refused> {
    for excluded in &settings.exclude {
        path("--exclude", excluded)?;
        let mut roots = settings.routes.iter().map(|route| &route.root);
        if let Some(root) = roots.clone().find(|root| is_below(root, excluded)) {
            return refuse(format!(
                "--exclude: {excluded} leaves nothing of {root}; take {root} out of --paths instead"
            ));
        }
        if !roots.any(|root| is_below(excluded, root)) {
            return refuse(format!(
                "--exclude: {excluded} is below none of --paths {}",
                settings.paths()
            ));
        }
    }
    Ok(())
}

fn path(flag: &str, path: &str) -> Result<(), Refused> {
    let parts = path.strip_prefix('/');
    let good = parts.is_some_and(|parts| {
        parts.is_empty()
            || parts
                .split('/')
                .all(|part| !matches!(part, "" | "." | "..") && !part.chars().any(char::is_control))
    });
    if good {
        return Ok(());
    }
    refuse(format!(
        "{flag}: '{path}' is no path of a znode; it begins with / and does not end with it, such as /mesos"
    ))
}

fn within(flag: &str, value: usize, range: &RangeInclusive<usize>) -> Result<(), Refused> {
    if range.contains(&value) {
        return Ok(());
    }
    refuse(format!(
        "{flag}: {value} is out of range: {} to {}",
        range.start(),
        range.end()
    ))
}

fn is_below(path: &str, root: &str) -> bool {
    root == "/"
        || path
            .strip_prefix(root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn refuse<T>(message: String) -> Result<T, Refused> {
    Err(Refused {
        reason: "InvalidSettings",
        message,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Direction, Route};
    use super::*;

    fn with(paths: &[&str], exclude: &[&str]) -> Settings {
        let route = |path: &&str| Route::parse(path, Direction::AToB).unwrap();
        Settings {
            routes: paths.iter().map(route).collect(),
            exclude: exclude.iter().map(ToString::to_string).collect(),
            ..Settings::default()
        }
    }

    #[test]
    fn paths_are_looked_at() {
        for (paths, exclude, wanted) in [
            (&["/"][..], &["/tmp"][..], None),
            (&["/mesos", "/marathon:/m2=both"], &["/mesos/log_replicas"], None),
            (&[], &[], Some("--paths: name at least one path, or / for all")),
            (&["mesos"], &[], Some("--paths: 'mesos' is no path of a znode")),
            (&["/a/"], &[], Some("--paths: '/a/' is no path of a znode")),
            (&["/a//b"], &[], Some("--paths: '/a//b' is no path of a znode")),
            (
                &["/a/../b"],
                &[],
                Some("--paths: '/a/../b' is no path of a znode"),
            ),
            (&[""], &[], Some("--paths: '' is no path of a znode")),
            (
                &["/zookeeper"],
                &[],
                Some("--paths: /zookeeper is never replicated"),
            ),
            (
                &["/a:/mesolith/x"],
                &[],
                Some("--paths: /mesolith/x is never replicated"),
            ),
            (
                &["/a", "/a"],
                &[],
                Some("--paths: /a and /a overlap on A; name each subtree once"),
            ),
            (&["/a", "/a/b"], &[], Some("--paths: /a and /a/b overlap on A")),
            (
                &["/a:/x", "/b:/x/y"],
                &[],
                Some("--paths: /x and /x/y overlap on B"),
            ),
            (
                &["/a"],
                &["/a"],
                Some("--exclude: /a leaves nothing of /a; take /a out of --paths instead"),
            ),
            (
                &["/a"],
                &["/b"],
                Some("--exclude: /b is below none of --paths /a=a-to-b"),
            ),
            (&["/a"], &["b"], Some("--exclude: 'b' is no path of a znode")),
        ] {
            let found = validate(&with(paths, exclude))
                .err()
                .map(|refused| refused.message);
            match wanted {
                None => assert_eq!(found, None, "{paths:?}"),
                Some(wanted) => assert!(
                    found.as_deref().unwrap_or("none").starts_with(wanted),
                    "{found:?}"
                ),
            }
        }
    }

    #[test]
    fn figures_are_looked_at() {
        let after = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            validate(&settings).map_err(|refused| refused.message)
        };
        assert_eq!(after(|_| ()), Ok(()));
        for (found, wanted) in [
            (
                after(|s| s.batch_size = 0),
                "--batch-size: 0 is out of range: 1 to 10000",
            ),
            (
                after(|s| s.workers = 65),
                "--workers: 65 is out of range: 1 to 64",
            ),
            (
                after(|s| s.rate_limit = Some(0)),
                "--rate-limit: 0 would never fill the target; leave it out for no limit",
            ),
            (
                after(|s| s.lag_threshold = Duration::ZERO),
                "--lag-threshold: 0ns is out of range: 1 ms to 1 h",
            ),
            (
                after(|s| s.conflict_threshold = 0),
                "--conflict-threshold: 0 would always alert; the least is 1 a minute",
            ),
        ] {
            assert_eq!(found, Err(wanted.to_owned()));
        }
    }
}
