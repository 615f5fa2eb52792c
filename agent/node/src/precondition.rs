//! Checks before a start: a missing Java or an occupied port is said as such, not as a crash.

pub(crate) mod port;

use std::path::{Path, PathBuf};

use crate::kinds::Need;
use crate::layout::Home;
use crate::problem::Problem;

/// Below this a server would start and then fail at its first snapshot or checkpoint.
const LEAST_FREE_BYTES: u64 = 64 << 20;

/// First unmet need, if any.
pub(crate) async fn unmet(needs: &[Need], home: &Home, state_dir: &Path, machine: &Tools) -> Option<Problem> {
    if let Some(problem) = disk(state_dir) {
        return Some(problem);
    }
    for need in needs {
        let problem = match need {
            Need::Java => java(machine.path.as_deref()).err(),
            Need::ZooKeeper => zookeeper(&machine.zookeeper_classpath).err(),
            Need::Docker => docker(&machine.docker_host).await.err(),
            Need::Port { address, port, what } => port::taken(address, *port, what),
            Need::MyId(id) => my_id(home, *id),
            Need::File { path, what } => file(path, what),
        };
        if problem.is_some() {
            return problem;
        }
    }
    None
}

/// Where to look for the programs components need.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    pub(crate) path: Option<String>,
    pub(crate) zookeeper_classpath: String,
    pub(crate) docker_host: String,
}

/// Free and total bytes of the file system that holds a path.
pub(crate) fn space(path: &Path) -> Option<(u64, u64)> {
    let stat = nix::sys::statvfs::statvfs(path).ok()?;
    let unit = stat.fragment_size();
    Some((stat.blocks_available() * unit, stat.blocks() * unit))
}

pub(crate) fn disk(state_dir: &Path) -> Option<Problem> {
    let (free, _) = space(state_dir)?;
    let megabytes = free >> 20;
    (free < LEAST_FREE_BYTES).then(|| {
        let message = format!(
            "{} has {megabytes} MiB left; free some space on its disk",
            state_dir.display()
        );
        Problem::new("NoSpace", message)
    })
}

/// `JAVA_HOME/bin/java` or the first `java` on the path.
pub(crate) fn java(path: Option<&str>) -> Result<PathBuf, Problem> {
    let home = std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin"));
    let path = path.unwrap_or_default();
    let found = home
        .into_iter()
        .chain(std::env::split_paths(path))
        .map(|dir| dir.join("java"))
        .find(|p| p.is_file());
    found.ok_or_else(|| {
        let message = format!(
            "no java in JAVA_HOME or on the node agent's PATH ({path}); install one, e.g. \
             apt-get install default-jre-headless"
        );
        Problem::new("JavaNotFound", message)
    })
}

/// The server's jar.
pub(crate) fn zookeeper(classpath: &str) -> Result<PathBuf, Problem> {
    let mut entries = classpath.split(':').map(PathBuf::from);
    let first = entries.next().unwrap_or_default();
    let missing = std::iter::once(first.clone())
        .chain(entries)
        .find(|p| !p.ends_with("*") && !p.exists());
    match missing {
        None => Ok(first),
        Some(path) => {
            let message = format!(
                "{} does not exist; apt-get install zookeeper, or set --zookeeper-classpath on the node agent",
                path.display()
            );
            Err(Problem::new("ZooKeeperNotFound", message))
        }
    }
}

/// The engine's version, if it answers.
pub(crate) async fn docker(host: &str) -> Result<String, Problem> {
    let problem = |why: String| {
        let message =
            format!("the Docker engine at {host} does not answer: {why}; start it: systemctl start docker");
        Problem::new("DockerUnavailable", message)
    };
    let docker = bollard::Docker::connect_with_host(host).map_err(|e| problem(e.to_string()))?;
    let limit = std::time::Duration::from_secs(3);
    match tokio::time::timeout(limit, docker.version()).await {
        Ok(Ok(version)) => Ok(version.version.unwrap_or_default()),
        Ok(Err(error)) => Err(problem(crate::problem::chain(&error))),
        Err(_) => Err(problem("no answer within 3 s".into())),
    }
}

fn file(path: &str, what: &str) -> Option<Problem> {
    let error = std::fs::File::open(path).err()?;
    let message = format!("for {what}: cannot read {path}: {error}; put it on this node");
    Some(Problem::new("FileNotReadable", message))
}

/// Data of another server id must not be joined to the ensemble under this one: it would vote with a foreign history.
fn my_id(home: &Home, wanted: u32) -> Option<Problem> {
    let path = home.data().join("myid");
    let text = std::fs::read_to_string(&path).ok()?;
    let found = text.trim();
    (found != wanted.to_string()).then(|| {
        let message = format!(
            "the data in {} belongs to ZooKeeper server {found}, but this node is to be server {wanted}; \
             remove the component first (its data is archived) or give the node its old id back",
            home.data().display()
        );
        Problem::new("ZooKeeperIdMismatch", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_of_another_server_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let home = crate::layout::Layout::new(dir.path().into()).component("u", "zookeeper");
        assert_eq!(my_id(&home, 1), None);
        std::fs::create_dir_all(home.data()).unwrap();
        std::fs::write(home.data().join("myid"), "2\n").unwrap();
        assert_eq!(my_id(&home, 2), None);
        assert_eq!(my_id(&home, 1).unwrap().reason, "ZooKeeperIdMismatch");
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = zookeeper("/no/such/zookeeper.jar:/x").unwrap_err();
        assert_eq!(missing.reason, "ZooKeeperNotFound");
        assert!(
            missing
                .message
                .starts_with("/no/such/zookeeper.jar does not exist")
        );
    }

    #[tokio::test]
    async fn an_engine_that_is_not_there() {
        let problem = docker("unix:///no/such/docker.sock").await.unwrap_err();
        assert_eq!(problem.reason, "DockerUnavailable");
    }
}
