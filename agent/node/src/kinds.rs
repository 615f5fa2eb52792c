//! What each kind of component needs and how it is started. Pure: data in, a [`Recipe`] out.

pub(crate) mod agent;
pub(crate) mod master;
pub(crate) mod sync_engine;
pub(crate) mod zookeeper;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::component::{Component, Kind};
use crate::layout::Home;
use crate::problem::Problem;

/// Facts of this node that a start depends on.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    /// Our own executable, which is master, agent and sync engine as well.
    pub(crate) program: PathBuf,
    pub(crate) java: PathBuf,
    pub(crate) zookeeper_classpath: String,
    /// `None` without TLS.
    pub(crate) pki_dir: Option<PathBuf>,
    pub(crate) docker_host: String,
    /// Environment handed on to components.
    pub(crate) env: BTreeMap<String, String>,
}

/// Everything needed to start a component.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recipe {
    pub(crate) argv: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    /// Created before the start.
    pub(crate) directories: Vec<PathBuf>,
    /// Written before the start.
    pub(crate) files: Vec<(PathBuf, String)>,
}

/// What must hold before a start makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Need {
    Java,
    ZooKeeper,
    Docker,
    /// A TCP port that is free.
    Port {
        address: String,
        port: u16,
        what: &'static str,
    },
    /// `myid` of existing data must be this.
    MyId(u32),
    /// A file that somebody has to put here; `what` needs it.
    File {
        path: String,
        what: &'static str,
    },
}

pub(crate) fn needs(component: &Component) -> Vec<Need> {
    match &component.kind {
        Kind::ZooKeeper(server) => zookeeper::needs(server),
        Kind::Master(m) => vec![Need::Port {
            address: m.bind_address.clone(),
            port: m.port,
            what: "the master",
        }],
        Kind::Agent(agent) => agent::needs(agent),
        Kind::SyncEngine(engine) => sync_engine::needs(engine),
    }
}

pub(crate) fn recipe(component: &Component, home: &Home, machine: &Machine) -> Recipe {
    match &component.kind {
        Kind::ZooKeeper(server) => zookeeper::recipe(server, component.memory_bytes, home, machine),
        Kind::Master(master) => master::recipe(master, home, machine),
        Kind::Agent(agent) => agent::recipe(agent, home, machine),
        Kind::SyncEngine(engine) => sync_engine::recipe(engine, home, machine),
    }
}

/// Ends what a Mesos agent started when the agent itself does not run; none for the other kinds.
pub(crate) fn departure(component: &Component, home: &Home, machine: &Machine) -> Option<Recipe> {
    match &component.kind {
        Kind::Agent(agent) => Some(agent::departure(agent, home, machine)),
        Kind::ZooKeeper(_) | Kind::Master(_) | Kind::SyncEngine(_) => None,
    }
}

/// Why it ended, in its own words; none for kinds that only log, and when it was killed.
pub(crate) fn last_words(component: &Component, home: &Home) -> Option<Problem> {
    match &component.kind {
        Kind::SyncEngine(engine) => sync_engine::last_words(engine, home),
        Kind::ZooKeeper(_) | Kind::Master(_) | Kind::Agent(_) => None,
    }
}

/// Time between SIGTERM and SIGKILL.
pub(crate) fn stop_grace(component: &Component) -> Duration {
    let default = match component.kind {
        Kind::ZooKeeper(_) => 20,
        Kind::Master(_) | Kind::Agent(_) => 10,
        // It gives requests that are on their way 10 s itself.
        Kind::SyncEngine(_) => 15,
    };
    let seconds = if component.stop_grace_seconds == 0 {
        default
    } else {
        component.stop_grace_seconds
    };
    Duration::from_secs(seconds.into())
}

/// `--name=value` in the order of names, so that the same flags are the same command line.
fn flags(flags: &BTreeMap<String, String>) -> impl Iterator<Item = String> + '_ {
    flags.iter().map(|(name, value)| format!("--{name}={value}"))
}

#[cfg(test)]
pub(crate) mod fixtures {
    use super::*;

    pub(crate) fn machine() -> Machine {
        Machine {
            program: "/usr/bin/mesolith".into(),
            java: "/usr/bin/java".into(),
            zookeeper_classpath: zookeeper::DEBIAN_CLASSPATH.into(),
            pki_dir: Some("/pki".into()),
            docker_host: "unix:///run/docker.sock".into(),
            env: [("PATH".to_owned(), "/usr/bin".to_owned())].into(),
        }
    }

    pub(crate) fn home(id: &str) -> Home {
        crate::layout::Layout::new("/state".into()).component("u-1", id)
    }
}
