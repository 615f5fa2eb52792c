//! What is known about a running app.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is known about the app; only the operator writes it.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
#[schemars(transform = crate::schema::status)]
pub struct MarathonAppStatus {
    /// `metadata.generation` this status speaks about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Ready is the summary; Reconciling and Stalled follow kstatus. Degraded: the operator failed several times in
    /// a row. FieldsWithoutEffect names fields of the spec that this version does not act on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,

    /// Path of the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,

    /// `namespace/name` of the MesosCluster it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,

    /// Version of the definition that is being run: the time it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,

    /// Instances that run.
    pub instances: i32,

    /// Instances that pass all health checks.
    pub healthy_instances: i32,

    /// Instances of the newest version.
    pub updated_instances: i32,

    /// Running and wanted, for the column: 9/10.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub instances_summary: String,

    /// Label selector for the scale subresource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,

    /// One line for people: Running, Deploying 3/10, Waiting and why, Suspended.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 1024))]
    pub summary: String,

    /// What the app waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<WaitingStatus>,

    /// Instances, oldest first, up to 128.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 128),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["taskId"])
    )]
    pub instance_list: Vec<InstanceStatus>,

    /// The last instance that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_task_failure: Option<LastTaskFailure>,
}

/// What an app waits for.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct WaitingStatus {
    /// One CamelCase word, such as InsufficientResources or ConstraintUnsatisfied.
    pub reason: String,
    /// A sentence: what is missing, and what is there.
    #[schemars(length(max = 1024))]
    pub message: String,
    /// Instances that wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instances: Option<i32>,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
}

/// One instance.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct InstanceStatus {
    /// Mesos task id.
    pub task_id: String,
    /// Mesos task state, such as TASK_RUNNING.
    #[serde(default)]
    pub state: String,
    /// Host name of the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Mesos agent id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Ports on the host, in the order of the definition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub ports: Vec<i32>,
    /// Whether it passes all health checks; absent without checks or before the first result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy: Option<bool>,
    /// Version of the definition it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// What Mesos says about its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
}

/// A failed instance.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct LastTaskFailure {
    /// Mesos task id.
    pub task_id: String,
    /// Mesos task state, such as TASK_FAILED.
    pub state: String,
    /// What Mesos says.
    #[schemars(length(max = 1024))]
    pub message: String,
    /// Host name of the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Version of the definition it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
}
