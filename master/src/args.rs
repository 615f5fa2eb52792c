//! Command line of the master; names and defaults as in Apache Mesos, so that people's flags and environment work.

mod accepted;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use mesolith_mesos::{Scalar, format_duration, parse_duration};

pub use accepted::Accepted;

use crate::state::{Config, Quantities};

/// Options of the master; names and defaults as in Apache Mesos. Each can come from `MESOS_<NAME>`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// IPv4 address to listen on, and to be known under
    #[arg(long, env = "MESOS_IP", default_value = "0.0.0.0")]
    pub ip: Ipv4Addr,
    /// Port to listen on
    #[arg(long, env = "MESOS_PORT", default_value_t = 5050)]
    pub port: u16,
    /// IPv4 address that others reach this master at, if it is not --ip
    #[arg(long = "advertise_ip", env = "MESOS_ADVERTISE_IP")]
    pub advertise_ip: Option<Ipv4Addr>,
    /// Port that others reach this master at, if it is not --port
    #[arg(long = "advertise_port", env = "MESOS_ADVERTISE_PORT")]
    pub advertise_port: Option<u16>,
    /// Name that clients are redirected to; the address if not given
    #[arg(long, env = "MESOS_HOSTNAME")]
    pub hostname: Option<String>,
    /// ZooKeeper for the election: zk://user:password@host:port,host:port/path (user optional); alone without it
    #[arg(long, env = "MESOS_ZK", value_parser = clap::value_parser!(mesolith_zk::Address))]
    pub zk: Option<mesolith_zk::Address>,
    /// Silence after which ZooKeeper gives the leadership away
    #[arg(long = "zk_session_timeout", env = "MESOS_ZK_SESSION_TIMEOUT", default_value = "10secs", value_parser = parse_duration)]
    pub zk_session_timeout: Duration,
    /// Name of the cluster, shown to people
    #[arg(long, env = "MESOS_CLUSTER")]
    pub cluster: Option<String>,
    /// Masters that must agree on the registry; taken for compatibility, ZooKeeper keeps the registry here
    #[arg(long, env = "MESOS_QUORUM")]
    pub quorum: Option<u32>,
    /// Directory for what must survive a restart
    #[arg(long = "work_dir", env = "MESOS_WORK_DIR", default_value = "/var/lib/mesos")]
    pub work_dir: PathBuf,
    /// File with settings that take effect at once; this master leads only while it says {"generation":N,"mayLead":true}
    #[arg(long = "live_settings", env = "MESOS_LIVE_SETTINGS")]
    pub live_settings: Option<PathBuf>,
    /// Directory with ca.crt, tls.crt and tls.key; agents must then show a node certificate
    #[arg(long = "pki_dir", env = "MESOS_PKI_DIR")]
    pub pki_dir: Option<PathBuf>,
    /// Unused offers are withdrawn after this; never if not given
    #[arg(long = "offer_timeout", env = "MESOS_OFFER_TIMEOUT", value_parser = parse_duration)]
    pub offer_timeout: Option<Duration>,
    /// How often resources are handed out
    #[arg(long = "allocation_interval", env = "MESOS_ALLOCATION_INTERVAL", default_value = "1secs", value_parser = parse_duration)]
    pub allocation_interval: Duration,
    /// How often an agent is asked whether it lives
    #[arg(long = "agent_ping_timeout", env = "MESOS_AGENT_PING_TIMEOUT", default_value = "15secs", value_parser = parse_duration)]
    pub agent_ping_timeout: Duration,
    /// Unanswered pings after which an agent is unreachable
    #[arg(long = "max_agent_ping_timeouts", env = "MESOS_MAX_AGENT_PING_TIMEOUTS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_agent_ping_timeouts: u32,
    /// Time that agents and frameworks of the last leader have to come back
    #[arg(long = "agent_reregister_timeout", env = "MESOS_AGENT_REREGISTER_TIMEOUT", default_value = "10mins", value_parser = parse_duration)]
    pub agent_reregister_timeout: Duration,
    /// Least resources in an offer: alternatives separated by |, amounts by ;
    #[arg(
        long = "min_allocatable_resources",
        env = "MESOS_MIN_ALLOCATABLE_RESOURCES",
        default_value = "cpus:0.01|mem:32"
    )]
    pub min_allocatable_resources: String,
    /// Offer agents with GPUs only to frameworks with the GPU_RESOURCES capability
    #[arg(long = "filter_gpu_resources", env = "MESOS_FILTER_GPU_RESOURCES", default_value_t = true, action = clap::ArgAction::Set)]
    pub filter_gpu_resources: bool,
    /// Weights of roles: role=weight,role=weight
    #[arg(long, env = "MESOS_WEIGHTS")]
    pub weights: Option<String>,
    /// Ended frameworks that are remembered
    #[arg(
        long = "max_completed_frameworks",
        env = "MESOS_MAX_COMPLETED_FRAMEWORKS",
        default_value_t = 50
    )]
    pub max_completed_frameworks: usize,
    /// Ended tasks that are remembered, per framework
    #[arg(
        long = "max_completed_tasks_per_framework",
        env = "MESOS_MAX_COMPLETED_TASKS_PER_FRAMEWORK",
        default_value_t = 1000
    )]
    pub max_completed_tasks_per_framework: usize,
    /// Tasks on unreachable agents that are remembered, per framework
    #[arg(
        long = "max_unreachable_tasks_per_framework",
        env = "MESOS_MAX_UNREACHABLE_TASKS_PER_FRAMEWORK",
        default_value_t = 1000
    )]
    pub max_unreachable_tasks_per_framework: usize,
    /// Flags of Mesos that change nothing here
    #[command(flatten)]
    pub accepted: Accepted,
}

/// Flags that Mesos shows and that have one value here.
const FIXED: [(&str, &str); 21] = [
    ("allocator", "hierarchical"),
    ("authenticate_agents", "false"),
    ("authenticate_frameworks", "false"),
    ("authenticate_http_frameworks", "false"),
    ("authenticate_http_readonly", "false"),
    ("authenticate_http_readwrite", "false"),
    ("authorizers", "local"),
    ("framework_sorter", "drf"),
    ("help", "false"),
    ("hostname_lookup", "true"),
    ("http_authenticators", "basic"),
    ("log_auto_initialize", "true"),
    ("logging_level", "INFO"),
    ("memory_profiling", "false"),
    ("publish_per_framework_metrics", "false"),
    ("quiet", "false"),
    ("registry_strict", "false"),
    ("require_agent_domain", "false"),
    ("role_sorter", "drf"),
    ("root_submissions", "true"),
    ("version", "false"),
];

impl Args {
    /// The settings of the state machine.
    ///
    /// # Errors
    /// With a sentence about the flag that makes no sense.
    pub(crate) fn apply(&self, config: Config) -> Result<Config, String> {
        Ok(Config {
            cluster: self.cluster.clone(),
            flags: self.shown(),
            allocation_interval: self.allocation_interval,
            ping_interval: self.agent_ping_timeout,
            max_ping_timeouts: self.max_agent_ping_timeouts,
            reregister_timeout: self.agent_reregister_timeout,
            offer_timeout: self.offer_timeout,
            min_allocatable: self
                .min_allocatable_resources
                .split('|')
                .map(quantities)
                .collect::<Result<_, _>>()?,
            filter_gpu_resources: self.filter_gpu_resources,
            weights: self
                .weights
                .as_deref()
                .map(weights)
                .transpose()?
                .unwrap_or_default(),
            max_completed_frameworks: self.max_completed_frameworks,
            max_completed_tasks: self.max_completed_tasks_per_framework,
            max_unreachable_tasks: self.max_unreachable_tasks_per_framework,
            ..config
        })
    }

    /// Flags as `/flags` shows them; the ZooKeeper password is not among them.
    fn shown(&self) -> BTreeMap<String, String> {
        let mut flags: BTreeMap<String, String> = FIXED
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut show = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                flags.insert(name.to_owned(), value);
            }
        };
        show("ip", Some(self.ip.to_string()));
        show("port", Some(self.port.to_string()));
        show("advertise_ip", self.advertise_ip.map(|v| v.to_string()));
        show("advertise_port", self.advertise_port.map(|v| v.to_string()));
        show("hostname", self.hostname.clone());
        let registry = if self.zk.is_some() {
            "zookeeper"
        } else {
            "in_memory"
        };
        show("registry", Some(registry.to_owned()));
        show("zk", self.zk.as_ref().map(ToString::to_string));
        show(
            "zk_session_timeout",
            Some(format_duration(self.zk_session_timeout)),
        );
        show("cluster", self.cluster.clone());
        show("quorum", self.quorum.map(|v| v.to_string()));
        show("work_dir", Some(self.work_dir.display().to_string()));
        show(
            "live_settings",
            self.live_settings.as_ref().map(|v| v.display().to_string()),
        );
        show("pki_dir", self.pki_dir.as_ref().map(|v| v.display().to_string()));
        show("offer_timeout", self.offer_timeout.map(format_duration));
        show(
            "allocation_interval",
            Some(format_duration(self.allocation_interval)),
        );
        show(
            "agent_ping_timeout",
            Some(format_duration(self.agent_ping_timeout)),
        );
        show(
            "max_agent_ping_timeouts",
            Some(self.max_agent_ping_timeouts.to_string()),
        );
        show(
            "agent_reregister_timeout",
            Some(format_duration(self.agent_reregister_timeout)),
        );
        show(
            "min_allocatable_resources",
            Some(self.min_allocatable_resources.clone()),
        );
        show(
            "filter_gpu_resources",
            Some(self.filter_gpu_resources.to_string()),
        );
        show("weights", self.weights.clone());
        show(
            "max_completed_frameworks",
            Some(self.max_completed_frameworks.to_string()),
        );
        show(
            "max_completed_tasks_per_framework",
            Some(self.max_completed_tasks_per_framework.to_string()),
        );
        show(
            "max_unreachable_tasks_per_framework",
            Some(self.max_unreachable_tasks_per_framework.to_string()),
        );
        flags
    }
}

/// `cpus:0.01;mem:32`.
fn quantities(text: &str) -> Result<Quantities, String> {
    let problem = || {
        format!(
            "--min_allocatable_resources: '{text}' is not a list of amounts; write cpus:0.01|mem:32 (| or, ; and)"
        )
    };
    let one = |part: &str| {
        let (name, amount) = part.split_once(':').ok_or_else(problem)?;
        let amount: Scalar = amount.parse().map_err(|_| problem())?;
        Ok((name.trim().to_owned(), amount))
    };
    text.split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(one)
        .collect()
}

/// `role=2,other=0.5`.
fn weights(text: &str) -> Result<BTreeMap<String, f64>, String> {
    let one = |part: &str| {
        let parsed = part
            .split_once('=')
            .and_then(|(role, weight)| Some((role.trim(), weight.trim().parse().ok()?)));
        match parsed {
            Some((role, weight)) if weight > 0.0 => Ok((role.to_owned(), weight)),
            _ => Err(format!(
                "--weights: '{part}' is not role=weight with a weight above 0"
            )),
        }
    };
    text.split(',').map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_of_least_resources() {
        assert_eq!(quantities("cpus:1;mem:32").unwrap().len(), 2);
        assert!(quantities("cpus").unwrap_err().contains("write cpus:0.01|mem:32"));
        assert!(weights("a=0").unwrap_err().contains("above 0"));
        assert_eq!(weights("a=2,b=0.5").unwrap()["b"], 0.5);
    }
}
