//! Command line of this role.

use std::net::IpAddr;
use std::path::PathBuf;

/// Options of the Mesos agent; names and defaults as in Apache Mesos. Each can also come from the environment.
#[derive(Debug, Clone, clap::Args)]
#[command(rename_all = "snake_case")]
pub struct Args {
    /// Where the leading master is found: zk://host1:port1,host2:port2/path, or host:port of one master
    #[arg(long, env = "MESOS_MASTER")]
    pub master: String,
    /// Address to listen on and to bind published container ports to; all addresses if not given
    #[arg(long, env = "MESOS_IP")]
    pub ip: Option<IpAddr>,
    /// Port to listen on
    #[arg(long, env = "MESOS_PORT", default_value_t = 5051)]
    pub port: u16,
    /// Name or address under which this agent is offered; the machine's name if not given
    #[arg(long, env = "MESOS_HOSTNAME")]
    pub hostname: Option<String>,
    /// Directory of sandboxes and checkpoints; keep it over restarts
    #[arg(long, env = "MESOS_WORK_DIR")]
    pub work_dir: PathBuf,
    /// Directory of what is true until the next boot: whose the containers of this machine are; agents may share it
    #[arg(long, env = "MESOS_RUNTIME_DIR", default_value = "/var/run/mesos")]
    pub runtime_dir: PathBuf,
    /// Comma-separated list of containerizers: docker, mesos
    #[arg(long, env = "MESOS_CONTAINERIZERS", default_value = "mesos")]
    pub containerizers: String,
    /// Resources to offer, e.g. cpus:2;mem:1024;ports:[31000-32000]; what is not named is detected
    #[arg(long, env = "MESOS_RESOURCES", default_value = "")]
    pub resources: String,
    /// Attributes, e.g. rack:a;zone:b
    #[arg(long, env = "MESOS_ATTRIBUTES", default_value = "")]
    pub attributes: String,
    /// Role of resources that name none
    #[arg(long, env = "MESOS_DEFAULT_ROLE", default_value = "*")]
    pub default_role: String,
    /// Unix socket of the Docker engine
    #[arg(long, env = "MESOS_DOCKER_SOCKET", default_value = "/var/run/docker.sock")]
    pub docker_socket: PathBuf,
    /// Allow Docker containers that ask for it to have all rights on this machine (privileged), as Mesos does
    #[arg(long, env = "MESOS_DOCKER_PRIVILEGED", default_value_t = true, action = clap::ArgAction::Set)]
    pub docker_privileged: bool,
    /// Where a container sees its sandbox
    #[arg(long, env = "MESOS_SANDBOX_DIRECTORY", default_value = "/mnt/mesos/sandbox")]
    pub sandbox_directory: String,
    /// Parent of the control groups of tasks
    #[arg(long, env = "MESOS_CGROUPS_ROOT", default_value = "mesos")]
    pub cgroups_root: String,
    /// Limit tasks to their cpus instead of sharing what is idle
    #[arg(long, env = "MESOS_CGROUPS_ENABLE_CFS", default_value_t = false, action = clap::ArgAction::Set)]
    pub cgroups_enable_cfs: bool,
    /// Run commands as the user their framework names (this needs root)
    #[arg(long, env = "MESOS_SWITCH_USER", default_value_t = true, action = clap::ArgAction::Set)]
    pub switch_user: bool,
    /// Directory of downloads that tasks share (fetch with cache), of this agent alone; work_dir/fetch if not given
    #[arg(long, env = "MESOS_FETCHER_CACHE_DIR")]
    pub fetcher_cache_dir: Option<PathBuf>,
    /// How much of such downloads is kept
    #[arg(long, env = "MESOS_FETCHER_CACHE_SIZE", default_value = "2GB")]
    pub fetcher_cache_size: String,
    /// First back-off before registering, doubled up to a minute
    #[arg(long, env = "MESOS_REGISTRATION_BACKOFF_FACTOR", default_value = "1secs")]
    pub registration_backoff_factor: String,
    /// How long a ZooKeeper session outlives its connection
    #[arg(long, env = "MESOS_ZK_SESSION_TIMEOUT", default_value = "10secs")]
    pub zk_session_timeout: String,
    /// How long sandboxes of ended tasks are kept
    #[arg(long, env = "MESOS_GC_DELAY", default_value = "1weeks")]
    pub gc_delay: String,
    /// Directory with ca.crt, tls.crt and tls.key of this node; without it the session is not encrypted
    #[arg(long, env = "MESOS_PKI_DIR")]
    pub pki_dir: Option<PathBuf>,
    /// Do not serve: end what an agent in this --work_dir started, tell the master, and exit. For an agent that does
    /// not run any more; one that runs does the same on SIGUSR1
    #[arg(long)]
    pub leave: bool,
}
