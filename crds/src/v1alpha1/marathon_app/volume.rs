//! Volumes of an app's container.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A volume; which fields are set decides its kind: hostPath, persistent, external or secret.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = super::rules::volume)]
pub struct Volume {
    /// Path in the container.
    #[schemars(length(min = 1, max = 1024))]
    pub container_path: String,
    /// Path on the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub host_path: Option<String>,
    /// RO or RW. Required except for a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<VolumeMode>,
    /// Storage that outlives the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent: Option<PersistentVolume>,
    /// Storage of another system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalVolume>,
    /// Name of an entry of `secrets` that becomes a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub secret: Option<String>,
}

/// Access to a volume.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum VolumeMode {
    /// Read only.
    Ro,
    /// Read and write.
    Rw,
}

/// Storage that outlives the instance.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = super::rules::persistent_volume)]
pub struct PersistentVolume {
    /// Size in MiB.
    #[schemars(range(min = 1))]
    pub size: i64,
    /// Kind of disk. Default: root, or mount with a profile.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_: Option<PersistentVolumeType>,
    /// Largest size in MiB; only with mount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_size: Option<i64>,
    /// Disk profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub profile_name: Option<String>,
    /// Constraints on the disk's path: `[path, LIKE, regular expression]`; not with root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(min = 3, max = 3), inner(length(max = 256))))]
    pub constraints: Vec<Vec<String>>,
}

/// Kind of disk.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum PersistentVolumeType {
    /// The agent's own disk.
    Root,
    /// A directory of another disk.
    Path,
    /// A whole disk.
    Mount,
}

/// Storage of another system.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ExternalVolume {
    /// Name there.
    #[schemars(length(min = 1, max = 256))]
    pub name: String,
    /// `dvdi` or `csi`.
    #[schemars(length(min = 1, max = 64))]
    pub provider: String,
    /// Size in GiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub size: Option<i32>,
    /// Options of the provider, such as `dvdi/driver`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::map_of_any")]
    pub options: BTreeMap<String, serde_json::Value>,
    /// Whether several instances may use it. Default: false.
    #[serde(default)]
    pub shared: bool,
}
