//! Containers, networks and ports of an app.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::volume::Volume;

/// The container an instance runs in.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = super::rules::container)]
pub struct Container {
    /// DOCKER: the Docker engine; MESOS: natively. Default: DOCKER.
    #[serde(rename = "type", default)]
    pub type_: ContainerType,
    /// The image and how the engine runs it. Required with DOCKER.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker: Option<DockerContainer>,
    /// Isolation details; only with MESOS. Without effect in this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linux_info: Option<LinuxInfo>,
    /// Volumes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub volumes: Vec<Volume>,
    /// Ports of the container; not with host networking.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub port_mappings: Vec<PortMapping>,
}

/// What runs the container.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum ContainerType {
    /// The Docker engine.
    #[default]
    Docker,
    /// The Mesos containerizer.
    Mesos,
}

/// A Docker image and its options.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = super::rules::docker)]
pub struct DockerContainer {
    /// Image with tag or digest.
    #[schemars(length(min = 1, max = 512))]
    pub image: String,
    /// Pull even if the image is present.
    #[serde(default)]
    pub force_pull_image: bool,
    /// Run without isolation from the host; only with DOCKER.
    #[serde(default)]
    pub privileged: bool,
    /// Further options of the engine; only with DOCKER.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub parameters: Vec<Parameter>,
    /// Credentials for the registry; only with MESOS. Without effect in this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_config: Option<PullConfig>,
    /// No longer supported by Marathon; use pullConfig.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
}

/// An option of the Docker engine.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Parameter {
    /// Name of the command-line option without dashes.
    #[schemars(length(min = 1, max = 128))]
    pub key: String,
    /// Its value.
    #[schemars(length(max = 4096))]
    pub value: String,
}

/// Credentials for pulling.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PullConfig {
    /// Name of an entry of `secrets` with a Docker configuration.
    #[schemars(length(min = 1, max = 256))]
    pub secret: String,
}

/// A user of the registry (refused: see pullConfig).
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    /// Name of the user.
    #[schemars(length(max = 256))]
    pub principal: String,
    /// Password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub secret: Option<String>,
}

/// Isolation of a MESOS container.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct LinuxInfo {
    /// System call filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seccomp: Option<SeccompInfo>,
    /// Shared memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipc_info: Option<IpcInfo>,
}

/// System call filter.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SeccompInfo {
    /// Profile on the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub profile_name: Option<String>,
    /// No filter at all.
    #[serde(default)]
    pub unconfined: bool,
}

/// Shared memory.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = super::rules::ipc)]
pub struct IpcInfo {
    /// Own namespace, or the parent's.
    pub mode: IpcMode,
    /// Size of /dev/shm in MiB; only with PRIVATE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 67_108_864))]
    pub shm_size: Option<i32>,
}

/// Whose shared memory.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IpcMode {
    /// Its own.
    #[default]
    Private,
    /// The parent container's.
    ShareParent,
}

/// A port of the container.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PortMapping {
    /// Port in the container; 0: the same as on the host. Default: 0.
    #[serde(default)]
    #[schemars(range(min = 0, max = 65535))]
    pub container_port: i32,
    /// Port on the host; 0: any of the offer. Default: 0 with bridge networking, none with a container network. One port
    /// serves tcp and udp of two mappings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65535))]
    pub host_port: Option<i32>,
    /// Port for load balancers. Default: 0. Without effect in this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65535))]
    pub service_port: Option<i32>,
    /// tcp, udp or both: `udp,tcp`. Default: tcp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 7), regex(pattern = r"^(tcp|udp|udp,tcp|tcp,udp)$"))]
    pub protocol: Option<String>,
    /// Name, unique within the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub name: Option<String>,
    /// Labels for service discovery.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub labels: BTreeMap<String, String>,
    /// With several networks: which of them has this port.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(min = 1, max = 63)))]
    pub network_names: Vec<String>,
}

/// A port with host networking.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PortDefinition {
    /// The port; 0: any of the offer. Default: 0.
    #[serde(default)]
    #[schemars(range(min = 0, max = 65535))]
    pub port: i32,
    /// tcp, udp or both: `udp,tcp`. Default: tcp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 7), regex(pattern = r"^(tcp|udp|udp,tcp|tcp,udp)$"))]
    pub protocol: Option<String>,
    /// Name, unique within the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub name: Option<String>,
    /// Labels for service discovery.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub labels: BTreeMap<String, String>,
}

/// A network of an instance.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = super::rules::network)]
pub struct Network {
    /// host, container/bridge or container. Default: container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<NetworkMode>,
    /// Name of the network; required with container, not allowed with the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9_]*[a-z0-9])?$")
    )]
    pub name: Option<String>,
    /// Labels for the network's plugin; not allowed with host. Without effect in this version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub labels: BTreeMap<String, String>,
}

impl Network {
    /// The mode, Marathon's default applied.
    #[must_use]
    pub fn mode(&self) -> NetworkMode {
        self.mode.unwrap_or_default()
    }
}

/// How an instance is connected.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NetworkMode {
    /// A named network with an address for each instance.
    #[default]
    #[serde(rename = "container")]
    Container,
    /// The agent's bridge; ports are mapped.
    #[serde(rename = "container/bridge")]
    Bridge,
    /// The agent's own network.
    #[serde(rename = "host")]
    Host,
}
