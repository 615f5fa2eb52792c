//! Containers, networks, ports and volumes of a definition.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::wire::wire_enum;

wire_enum! {
    /// How instances are connected.
    NetworkMode {
        /// A named network.
        Container = "container",
        /// The agent's default bridge.
        Bridge = "container/bridge",
        /// The host's own network.
        Host = "host",
    }
}

/// One network of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "Marathon's names")]
pub struct Network {
    #[serde(default = "container")]
    pub mode: NetworkMode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

fn container() -> NetworkMode {
    NetworkMode::Container
}

/// A port of an app on the host's network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "Marathon's names")]
pub struct PortDefinition {
    #[serde(default)]
    pub port: u16,
    #[serde(default = "tcp")]
    pub protocol: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

fn tcp() -> String {
    "tcp".to_owned()
}

/// A port of a container and the host port that leads to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "Marathon's names")]
pub struct PortMapping {
    #[serde(default)]
    pub container_port: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_port: Option<u16>,
    #[serde(default)]
    pub service_port: u16,
    #[serde(default = "tcp")]
    pub protocol: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub network_names: Vec<String>,
}

wire_enum! {
    /// Which containerizer runs the app.
    ContainerType {
        /// The native one.
        Mesos = "MESOS",
        /// The Docker engine.
        Docker = "DOCKER",
    }
}

/// The container of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "Marathon's names")]
pub struct Container {
    #[serde(default = "docker_type", rename = "type")]
    pub kind: ContainerType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker: Option<Docker>,
    #[serde(default)]
    pub volumes: Vec<Volume>,
    #[serde(default)]
    pub port_mappings: Vec<PortMapping>,
}

fn docker_type() -> ContainerType {
    ContainerType::Docker
}

/// The image and how the engine runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "Marathon's names")]
pub struct Docker {
    #[serde(default)]
    pub image: String,
    #[serde(default)]
    pub force_pull_image: bool,
    #[serde(default)]
    pub privileged: bool,
    #[serde(default)]
    pub parameters: Vec<Parameter>,
}

/// An option of the engine's command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "Marathon's names")]
pub struct Parameter {
    pub key: String,
    pub value: String,
}

wire_enum! {
    /// Whether the container may write.
    VolumeMode {
        /// Read only.
        ReadOnly = "RO",
        /// Read and write.
        ReadWrite = "RW",
    }
}

/// A volume. This version can place host volumes only; it reads the others to refuse them by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "Marathon's names")]
pub struct Volume {
    #[serde(default)]
    pub container_path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_path: Option<String>,
    #[serde(default = "read_write")]
    pub mode: VolumeMode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

fn read_write() -> VolumeMode {
    VolumeMode::ReadWrite
}
