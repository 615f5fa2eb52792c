//! Command line of this role.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Options of the node agent.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Name of this node, as in the MesosCluster's node list; the machine's host name by default.
    #[arg(long, env = "MESOLITH_NODE_NAME")]
    pub name: Option<String>,
    /// Address for the operator (gRPC).
    #[arg(long, env = "MESOLITH_LISTEN", default_value = "0.0.0.0:7070")]
    pub listen: SocketAddr,
    /// Address for metrics and health.
    #[arg(long, env = "MESOLITH_HTTP", default_value = "127.0.0.1:7071")]
    pub http: SocketAddr,
    /// Ledger, component data, logs and archives.
    #[arg(long, env = "MESOLITH_STATE_DIR", default_value = "/var/lib/mesolith")]
    pub state_dir: PathBuf,
    /// ca.crt, tls.crt and tls.key of this node, for this agent and for the masters and agents it starts.
    #[arg(long, env = "MESOLITH_PKI_DIR", default_value = "/etc/mesolith/pki")]
    pub pki_dir: PathBuf,
    /// Plain text and no authentication: for development on one machine only.
    #[arg(long)]
    pub insecure: bool,
    /// Docker engine of this node.
    #[arg(long, env = "DOCKER_HOST", default_value = "unix:///var/run/docker.sock")]
    pub docker_host: String,
    /// Class path of the ZooKeeper server.
    #[arg(long, env = "MESOLITH_ZOOKEEPER_CLASSPATH", default_value = crate::kinds::zookeeper::DEBIAN_CLASSPATH)]
    pub zookeeper_classpath: String,
    /// Program that is started for masters and agents; this one by default.
    #[arg(long, hide = true)]
    pub program: Option<PathBuf>,
    /// Environment of the components, on top of what they inherit: how to log and where to send traces.
    #[arg(skip)]
    pub component_env: Vec<(String, String)>,
    /// Stop the components when this agent stops, instead of leaving them running: for development.
    #[arg(long)]
    pub stop_components_on_exit: bool,
}
