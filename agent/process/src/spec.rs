//! What to run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One process to launch. The environment is exactly [`Spec::env`]: nothing of the starter's leaks in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Name for people and logs.
    pub id: String,
    /// Program and arguments; a program without a slash is looked up in the `PATH` of `env`.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// Working directory; must exist.
    pub cwd: PathBuf,
    /// User name or numeric id to run as; none keeps the starter's.
    pub user: Option<String>,
    /// Appended to; none is `/dev/null`.
    pub stdout: Option<PathBuf>,
    /// Appended to; none is `/dev/null`.
    pub stderr: Option<PathBuf>,
    /// Runtime directory of this process, created if absent; one process at a time.
    pub dir: PathBuf,
    /// Control group; none runs without one (then only the process group and the shim's orphans are killed on stop).
    pub cgroup: Option<CgroupSpec>,
    /// Resource limits in setrlimit's sense.
    #[serde(default)]
    pub limits: Vec<Limit>,
}

/// A control group of its own for the process, removed after it ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CgroupSpec {
    /// Path below each hierarchy, e.g. `/mesolith/<cluster uid>/<node>/zookeeper`.
    pub path: String,
    /// Relative weight (1024 = one cpu).
    pub cpu_shares: Option<u64>,
    /// Hard limit in cpus.
    pub cpu_quota: Option<f64>,
    /// Hard limit of memory; exceeding it means the OOM killer.
    pub memory_bytes: Option<u64>,
}

/// One setrlimit, named as Mesos names it without its prefix: `NOFILE`, `CORE`, `NPROC`, ...
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// E.g. `NOFILE`; `RLMT_NOFILE` and `RLIMIT_NOFILE` are understood too.
    pub resource: String,
    /// None is unlimited.
    pub soft: Option<u64>,
    /// None is unlimited.
    pub hard: Option<u64>,
}
