//! Node agents of a world, and the certificates they start with.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};

use super::{NodeOptions, Options, World};
use crate::{Kubectl, Process, listening, mesolith, wait_until};

/// The gRPC port of a node agent.
const AGENT_PORT: u16 = 7070;
/// Its metrics and health.
const HTTP_PORT: u16 = 7071;

/// A node agent of a world.
#[derive(Debug, Clone)]
pub struct Node {
    options: NodeOptions,
    dir: PathBuf,
}

impl Node {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.options.name
    }

    /// Its address.
    pub fn address(&self) -> IpAddr {
        self.options.address
    }

    /// What it was started with.
    pub fn options(&self) -> &NodeOptions {
        &self.options
    }

    /// Its directory: log, certificates, the agent's own state.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its process, if it runs.
    pub fn process(&self) -> Option<Process> {
        Process::find(&self.dir, "agent")
    }
}

/// Makes the cluster's CA once and puts it where the operator looks for it.
pub(super) fn make_authority(options: &Options, kubectl: &Kubectl) -> anyhow::Result<()> {
    let dir = options.dir.join("ca");
    init_authority(&dir, &options.cluster)?;
    let text = |name: &str| -> anyhow::Result<String> {
        let text =
            std::fs::read_to_string(dir.join(name)).with_context(|| format!("read the CA's {name}"))?;
        Ok(text.lines().map(|line| format!("    {line}\n")).collect())
    };
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: {}-ca, namespace: {}}}\ntype: kubernetes.io/tls\n\
         stringData:\n  tls.crt: |\n{}  tls.key: |\n{}",
        options.cluster,
        options.namespace,
        text("ca.crt")?,
        text("ca.key")?,
    );
    kubectl.apply(&secret).map(drop)
}

pub(super) fn start(world: &World, options: &NodeOptions) -> anyhow::Result<(Node, String)> {
    let node = Node {
        options: options.clone(),
        dir: options.dir(world.dir()),
    };
    let address = SocketAddr::from((options.address, AGENT_PORT));
    if let Some(process) = node.process() {
        if !process.is_outdated() {
            return Ok((node, format!("already running, {address}")));
        }
        // Components outlive the node agent, so a newer build takes over without touching them.
        process.stop(Duration::from_secs(20))?;
    }
    if listening(address) {
        bail!("{address} is taken by another program; find it with: ss -ltnp 'sport = :{AGENT_PORT}'");
    }
    issue(world, &node)?;
    let process = Process::start(&node.dir, "agent", command(world, &node)?)?;
    wait_until("the node agent to listen", Duration::from_secs(30), || {
        process.check()?;
        if listening(address) {
            Ok(())
        } else {
            bail!("nothing on {address}")
        }
    })?;
    Ok((node, address.to_string()))
}

fn command(world: &World, node: &Node) -> anyhow::Result<Command> {
    let options = &node.options;
    let mut command = Command::new(mesolith()?);
    command.arg("agent").args(["--name", &options.name]);
    command
        .arg("--listen")
        .arg(SocketAddr::from((options.address, AGENT_PORT)).to_string());
    command
        .arg("--http")
        .arg(SocketAddr::from((options.address, HTTP_PORT)).to_string());
    command.arg("--state-dir").arg(node.dir.join("state"));
    command.arg("--pki-dir").arg(node.dir.join("pki"));
    let docker = options
        .docker_host
        .clone()
        .unwrap_or_else(|| world.docker().host());
    command.args(["--docker-host", &docker]);
    command.env_remove("KUBECONFIG");
    command
        .envs(world.options().env.iter().cloned())
        .envs(options.env.iter().cloned());
    Ok(command)
}

fn issue(world: &World, node: &Node) -> anyhow::Result<()> {
    let pki = node.dir.join("pki");
    if pki.join("tls.crt").is_file() {
        return Ok(());
    }
    let authority = if node.options.untrusted {
        let other = node.dir.join("other-ca");
        init_authority(&other, "another-cluster")?;
        other
    } else {
        world.path("ca")
    };
    let mut command = Command::new(mesolith()?);
    command.args(["pki", "issue", "--role", "node", "--name", &node.options.name]);
    command.args(["--address", &node.options.address.to_string()]);
    command.arg("--ca-dir").arg(authority).arg("--out").arg(pki);
    run(command)
}

fn init_authority(dir: &Path, cluster: &str) -> anyhow::Result<()> {
    if dir.join("ca.crt").is_file() {
        return Ok(());
    }
    let mut command = Command::new(mesolith()?);
    command
        .args(["pki", "init", "--cluster", cluster])
        .arg("--dir")
        .arg(dir);
    run(command)
}

fn run(mut command: Command) -> anyhow::Result<()> {
    let output = command.output().context("start mesolith")?;
    if !output.status.success() {
        bail!("mesolith pki: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
