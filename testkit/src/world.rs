//! A whole world on one machine: Kubernetes API, Docker engine, node agents on loopback addresses, operator.
//!
//! Starting is the same as continuing: no step starts a part that runs already. `make up` and the e2e stories share
//! this code, so what a person sees is what is tested. The operator runs under the token of the
//! chart's own ServiceAccount, so a missing right shows here.

mod node;
mod operator;
mod options;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

pub use node::Node;
pub use options::{NodeOptions, Options};

use crate::{ApiServer, Docker, Kubectl, Process, Progress, leftovers};

/// The image that the examples and stories run; made on the spot from Debian's static busybox.
pub const WEB_IMAGE: &str = "mesolith/hello:latest";

/// Everything a running world consists of; dropping it leaves it running.
#[derive(Debug)]
pub struct World {
    options: Options,
    api: Option<ApiServer>,
    kubectl: Kubectl,
    docker: Docker,
    nodes: Vec<Node>,
}

impl World {
    /// Brings up whatever does not run yet.
    ///
    /// # Errors
    /// When a part does not come up; the message names the part, its log and what to do.
    pub fn up(options: Options, progress: &Progress) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&options.dir).with_context(|| format!("create {}", options.dir.display()))?;
        let (api, kubectl) = progress.step("Kubernetes API", || start_kubernetes(&options))?;
        progress.step("custom resources, rights", || {
            crate::api_server::apply_crds(&kubectl)?;
            operator::apply_rights(&kubectl)?;
            Ok(((), "manifests/crds, manifests/operator".into()))
        })?;
        let docker = progress.step("Docker engine", || start_docker(&options))?;
        progress.step("certificates", || {
            node::make_authority(&options, &kubectl)?;
            Ok(((), format!("Secret {}/{}-ca", options.namespace, options.cluster)))
        })?;
        let mut world = Self {
            options,
            api,
            kubectl,
            docker,
            nodes: Vec::new(),
        };
        for node in world.options.nodes.clone() {
            let name = format!("node agent {}", node.name);
            let started = progress.step(&name, || world.start_node(&node))?;
            world.nodes.push(started);
        }
        progress.step("operator", || world.start_operator())?;
        Ok(world)
    }

    /// Stops everything below a world's directory and removes what is left of it: processes, containers, mounts,
    /// cgroups, the directory. A world that is not there is fine.
    ///
    /// # Errors
    /// When something cannot be stopped.
    pub fn down(options: &Options) -> anyhow::Result<()> {
        let dir = &options.dir;
        stop(dir, "operator")?;
        for node in &options.nodes {
            stop(&node.dir(dir), "agent")?;
        }
        ApiServer::stop_in(&dir.join("kube"))?;
        if let Ok(docker) = Docker::find(&dir.join("engine"), options.key) {
            docker.remove_tasks_of(dir).ok();
        }
        Docker::stop_in(&dir.join("engine"), options.key)?;
        leftovers::sweep(dir)?;
        for name in ["mesolith", "mesos"] {
            leftovers::remove_cgroups(name);
        }
        match std::fs::remove_dir_all(dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("remove {}", dir.display()))
            }
            _ => Ok(()),
        }
    }

    /// The options it was made from.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The world's directory: logs, pids, state.
    pub fn dir(&self) -> &Path {
        &self.options.dir
    }

    /// Its own API server; none when it lives on somebody else's cluster.
    pub fn api(&self) -> Option<&ApiServer> {
        self.api.as_ref()
    }

    /// kubectl as administrator.
    pub fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    /// A client as administrator.
    ///
    /// # Errors
    /// When the kubeconfig cannot be read.
    pub async fn client(&self) -> anyhow::Result<kube::Client> {
        crate::api_server::client_of(self.kubectl.kubeconfig()).await
    }

    /// The Docker engine.
    pub fn docker(&self) -> &Docker {
        &self.docker
    }

    /// The node agents, in order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The operator's process, if it runs.
    pub fn operator(&self) -> Option<Process> {
        Process::find(self.dir(), "operator")
    }

    /// Starts one node agent, if it does not run.
    ///
    /// # Errors
    /// When it does not listen in time.
    pub fn start_node(&self, node: &NodeOptions) -> anyhow::Result<(Node, String)> {
        node::start(self, node)
    }

    /// Starts the operator, if it does not run.
    ///
    /// # Errors
    /// When it does not become healthy in time.
    pub fn start_operator(&self) -> anyhow::Result<((), String)> {
        operator::start(self)
    }

    /// Where every log is, for the message of a failure.
    pub fn logs(&self) -> String {
        format!(
            "logs: {0}/*.log {0}/kube/*.log {0}/nodes/*/",
            self.dir().display()
        )
    }

    fn path(&self, name: &str) -> PathBuf {
        self.options.dir.join(name)
    }
}

fn start_kubernetes(options: &Options) -> anyhow::Result<((Option<ApiServer>, Kubectl), String)> {
    if let Some(given) = &options.kubeconfig {
        let kubectl = Kubectl::new(given)?;
        kubectl
            .run(&["get", "--raw", "/readyz", "--request-timeout=10s"])
            .with_context(|| {
                format!(
                    "KUBECONFIG={} does not answer; unset it to get a local API",
                    given.display()
                )
            })?;
        return Ok(((None, kubectl), format!("{} (yours)", given.display())));
    }
    let dir = options.dir.join("kube");
    let note = if ApiServer::find(&dir).is_some() {
        "already running"
    } else {
        "started"
    };
    let api = ApiServer::start_in(&dir)?;
    let note = format!("{note}, {}", api.url());
    let kubectl = api.kubectl()?;
    Ok(((Some(api), kubectl), note))
}

fn start_docker(options: &Options) -> anyhow::Result<(Docker, String)> {
    let docker = Docker::reuse_or_start(&options.dir.join("engine"), options.key)?;
    docker.make_web_image(WEB_IMAGE, 8080)?;
    let note = if docker.is_own() {
        "own engine"
    } else {
        "the machine's engine"
    };
    let note = format!("{note}, {}", docker.host());
    Ok((docker, note))
}

fn stop(dir: &Path, name: &str) -> anyhow::Result<()> {
    Process::find(dir, name).map_or(Ok(()), |process| process.stop(Duration::from_secs(20)))
}
