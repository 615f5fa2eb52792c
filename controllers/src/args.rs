//! Command line of this role.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Options of the operator.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Kubeconfig to use. Default: $KUBECONFIG, then ~/.kube/config, then the pod's service account.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Namespace of the leader election lease.
    #[arg(
        long,
        env = "POD_NAMESPACE",
        default_value = "mesolith-system",
        value_name = "NAMESPACE"
    )]
    pub namespace: String,
    /// Name of the leader election lease.
    #[arg(long, default_value = "mesolith-operator", value_name = "NAME")]
    pub lease_name: String,
    /// How long a silent leader keeps its lease.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(3..=600), value_name = "SECONDS")]
    pub lease_seconds: u32,
    /// Name of this replica in the lease. Default: host name and a random part.
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    pub identity: Option<String>,
    /// Where to serve /metrics, /healthz and /readyz.
    #[arg(long, default_value = "0.0.0.0:8080", value_name = "IP:PORT")]
    pub http: SocketAddr,
    /// Where to serve the migration API, /api/v1/migrations. Default: nowhere.
    #[arg(long, value_name = "IP:PORT")]
    pub api: Option<SocketAddr>,
    /// Directory with tls.crt and tls.key of the migration API, which is followed; needed unless it is served on loopback.
    #[arg(long, requires = "api", value_name = "DIR")]
    pub api_tls_dir: Option<PathBuf>,
    /// Namespace of migrations that the API is asked about without one.
    #[arg(long, default_value = "default", value_name = "NAMESPACE")]
    pub api_namespace: String,
}
