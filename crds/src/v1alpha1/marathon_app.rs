//! MarathonApp: the Marathon app definition as an object, in camelCase, field for field.

mod container;
mod health;
mod rules;
mod status;
mod strategy;
mod volume;

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use container::{
    Container, ContainerType, Credential, DockerContainer, IpcInfo, IpcMode, LinuxInfo, Network, NetworkMode,
    Parameter, PortDefinition, PortMapping, PullConfig, SeccompInfo,
};
pub use health::{
    Check, CheckCommand, CommandValue, ExecCheck, HealthCheck, HealthCheckProtocol, HttpCheck, HttpScheme,
    IpProtocol, ReadinessCheck, TcpCheck,
};
pub(crate) use rules::POLICY;
pub use status::{InstanceStatus, LastTaskFailure, MarathonAppStatus, WaitingStatus};
pub use strategy::{
    ExecutorResources, KillSelection, Residency, ResourceLimits, TaskLostBehavior, UnreachableMode,
    UnreachableStrategy, UpgradeStrategy,
};
pub use volume::{ExternalVolume, PersistentVolume, PersistentVolumeType, Volume, VolumeMode};

/// A long-running service: Marathon's app definition, run on a MesosCluster.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[kube(
    group = "mesolith.io",
    version = "v1alpha1",
    kind = "MarathonApp",
    plural = "marathonapps",
    singular = "marathonapp",
    shortname = "mapp",
    category = "mesolith",
    namespaced,
    status = "MarathonAppStatus",
    derive = "PartialEq",
    doc = "A long-running service: Marathon's app definition, run on a MesosCluster.",
    validation = Rule::new(
        "(has(self.spec.id) ? self.spec.id : '/' + self.metadata.name) == \
         (has(oldSelf.spec.id) ? oldSelf.spec.id : '/' + oldSelf.metadata.name)"
    )
    .message("spec.id is immutable: delete this app and make a new one"),
    scale(
        spec_replicas_path = ".spec.instances",
        status_replicas_path = ".status.instances",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "App ID", type_ = "string", json_path = ".status.appId"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Instances", type_ = "string", json_path = ".status.instancesSummary"),
    printcolumn(name = "Healthy", type_ = "integer", json_path = ".status.healthyInstances"),
    printcolumn(name = "Updated", type_ = "integer", json_path = ".status.updatedInstances"),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.summary"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        priority = 1
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::spec)]
pub struct MarathonAppSpec {
    /// The cluster to run on. Default: the only MesosCluster in this namespace, else the only one at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_ref: Option<ClusterRef>,

    /// Path of the app: lower-case segments separated by slashes, `/production/web-app`. Default: `/` and the
    /// object's name. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 256))]
    pub id: Option<String>,

    /// Command line for /bin/sh. One of `cmd` and `args`, or a container whose image has a command of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16384))]
    pub cmd: Option<String>,

    /// Arguments: without a shell, or after the entry point of the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 4096)))]
    pub args: Vec<String>,

    /// User to run as. Default: the framework's user. Without effect with the Docker engine: use its parameter `user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub user: Option<String>,

    /// Environment: a text for each name. Numbers must be quoted. The app's own values are for its process alone: what
    /// is published, checked and announced is what was assigned, whatever `PORT0` says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::environment")]
    pub env: BTreeMap<String, EnvValue>,

    /// How many instances run.
    #[serde(default = "default_instances")]
    #[schemars(range(min = 0, max = 100_000))]
    pub instances: i32,

    /// Processors for each instance.
    #[serde(default = "default_cpus")]
    #[schemars(range(min = 0.001, max = 4096))]
    pub cpus: f64,

    /// Memory for each instance in MiB.
    #[serde(default = "default_mem")]
    #[schemars(range(min = 0, max = 67_108_864))]
    pub mem: f64,

    /// Disk for each instance in MiB.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_099_511_627_776_i64))]
    pub disk: f64,

    /// GPUs for each instance; only without the Docker engine.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1024))]
    pub gpus: i32,

    /// Upper limits above the amounts asked for; only with the Mesos containerizer. Without effect in this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_limits: Option<ResourceLimits>,

    /// Executor: empty or `//cmd` for the built-in one, or the path of a program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), regex(pattern = r"^(//cmd|/?[^/]+(/[^/]+)*|)$"))]
    pub executor: Option<String>,

    /// Resources of the executor itself. Without effect in this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor_resources: Option<ExecutorResources>,

    /// Placement: `[field, operator]` or `[field, operator, value]`. Fields are `hostname`, `@zone`, `@region`,
    /// `@agent` (the agent's id) or an agent attribute; operators UNIQUE, CLUSTER, GROUP_BY, LIKE, UNLIKE, MAX_PER and IS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 2, max = 3), inner(length(max = 256))))]
    pub constraints: Vec<Vec<String>>,

    /// Roles whose offers are taken: `*` or the app's role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub accepted_resource_roles: Vec<String>,

    /// Mesos role of the instances; the framework subscribes to it. Default: `*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub role: Option<String>,

    /// Files put into the sandbox before an instance starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub fetch: Vec<FetchUri>,

    /// The container to run in. Default: none, a process of the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,

    /// Networks: one of mode host, or one of mode container/bridge, or several of mode container, of which this version
    /// takes one. Default: host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub networks: Vec<Network>,

    /// Ports with host networking; 0 stands for any port of the offer. Default: one such port named `default`;
    /// an empty list means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub port_definitions: Option<Vec<PortDefinition>>,

    /// With host networking: wait for exactly the ports that are defined.
    #[serde(default)]
    pub require_ports: bool,

    /// Health checks; an instance counts as healthy when all pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub health_checks: Vec<HealthCheck>,

    /// A status check that is shown and gates nothing. Without effect in this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,

    /// At most one check that a new instance must pass before a deployment goes on. Without effect in this version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1))]
    pub readiness_checks: Vec<ReadinessCheck>,

    /// First delay before a failed instance is started again.
    #[serde(default = "default_backoff_seconds")]
    #[schemars(range(min = 0, max = 86_400))]
    pub backoff_seconds: i32,

    /// By how much the delay grows with every further failure.
    #[serde(default = "default_backoff_factor")]
    #[schemars(range(min = 1.0, max = 100.0))]
    pub backoff_factor: f64,

    /// Longest delay.
    #[serde(default = "default_max_launch_delay_seconds")]
    #[schemars(range(min = 0, max = 604_800))]
    pub max_launch_delay_seconds: i32,

    /// How long an instance may take to stop before it is killed. Default: the agent's 3 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 604_800))]
    pub task_kill_grace_period_seconds: Option<i32>,

    /// How many instances must stay healthy, and how many more may run, during a deployment. Default: 1 and 1;
    /// 0.5 and 0 with persistent or external volumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade_strategy: Option<UpgradeStrategy>,

    /// Labels of every instance; service discovery reads them (`HAPROXY_GROUP` and so on).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 512))]
    pub labels: BTreeMap<String, String>,

    /// Paths of apps that must be healthy before this one starts. Without effect in this version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 256)), extend("x-kubernetes-list-type" = "set"))]
    pub dependencies: Vec<String>,

    /// Which instances are stopped first when there are fewer.
    #[serde(default)]
    pub kill_selection: KillSelection,

    /// When an instance on an unreachable agent is replaced and forgotten. Default: at once; disabled with
    /// persistent volumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreachable_strategy: Option<UnreachableStrategy>,

    /// Behaviour of instances with persistent volumes (deprecated in Marathon, still shown by it). Without effect in
    /// this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residency: Option<Residency>,

    /// Secrets that volumes refer to by name. Refused by this version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub secrets: BTreeMap<String, SecretSource>,

    /// Whether the container gets a terminal. Without effect in this version unless the container has type DOCKER.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tty: Option<bool>,
}

/// A MesosCluster.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ClusterRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its namespace. Default: the namespace of the object that refers to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
}

/// Value of an environment variable.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(untagged)]
pub enum EnvValue {
    /// A text.
    Text(String),
    /// A reference to an entry of `secrets`.
    Secret {
        /// Its name there.
        secret: String,
    },
    /// Anything else: kept, so that one wrong value does not make the object unreadable, and reported as such.
    Invalid(serde_json::Value),
}

/// A file for the sandbox.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct FetchUri {
    /// Where it is.
    #[schemars(length(min = 1, max = 1024))]
    pub uri: String,
    /// Whether an archive is unpacked. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extract: Option<bool>,
    /// Whether it is made executable. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<bool>,
    /// Whether the agent keeps a copy. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<bool>,
    /// Name in the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub dest_path: Option<String>,
}

/// Where a secret comes from.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SecretSource {
    /// `name/key` of a Secret in the namespace of this object.
    #[schemars(length(min = 1, max = 512))]
    pub source: String,
}

fn default_instances() -> i32 {
    1
}

fn default_cpus() -> f64 {
    1.0
}

fn default_mem() -> f64 {
    128.0
}

fn default_backoff_seconds() -> i32 {
    1
}

fn default_backoff_factor() -> f64 {
    1.15
}

fn default_max_launch_delay_seconds() -> i32 {
    300
}

impl MarathonApp {
    /// The app's path: `spec.id`, or `/` and the object's name.
    #[must_use]
    pub fn app_id(&self) -> String {
        match &self.spec.id {
            Some(id) if id.starts_with('/') => id.clone(),
            Some(id) => format!("/{id}"),
            None => format!("/{}", self.metadata.name.as_deref().unwrap_or_default()),
        }
    }
}
