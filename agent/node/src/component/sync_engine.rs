//! A sync engine as the ledger keeps it. Its settings are written as the engine itself reads and prints them.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SyncEngine {
    pub(crate) name: String,
    pub(crate) a: Ensemble,
    pub(crate) b: Ensemble,
    /// An IP address.
    pub(crate) bind_address: String,
    pub(crate) port: u16,
    pub(crate) metrics_port: Option<u16>,
    pub(crate) settings: Settings,
    pub(crate) session_grace_seconds: Option<u32>,
    pub(crate) lease_timeout_ms: Option<u32>,
    pub(crate) overwrite: bool,
}

impl SyncEngine {
    /// The part that a running engine must be restarted for: settings are given to it while it runs.
    pub(super) fn without_settings(&self) -> Self {
        Self {
            settings: Settings::default(),
            ..self.clone()
        }
    }
}

/// An ensemble and the files with what it asks of those who connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ensemble {
    pub(crate) servers: String,
    pub(crate) auth_files: Vec<String>,
    pub(crate) sasl_file: Option<String>,
    pub(crate) quorum_sasl_file: Option<String>,
    pub(crate) tls: Option<Tls>,
    pub(crate) quorum_tls: Option<Tls>,
}

/// PEM files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tls {
    pub(crate) ca: String,
    /// Our certificate and its key.
    pub(crate) identity: Option<(String, String)>,
}

/// Fields that are not given have the engine's defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) generation: u64,
    pub(crate) mode: Mode,
    pub(crate) routes: Vec<Route>,
    pub(crate) exclude: Vec<String>,
    pub(crate) conflict_resolution: Strategy,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) batch_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) workers: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate_limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lag_threshold_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) conflict_threshold: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Route {
    pub(crate) root: String,
    pub(crate) target_root: String,
    pub(crate) direction: Direction,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    #[default]
    Run,
    Pause,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Direction {
    #[default]
    AToB,
    BToA,
    Both,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Strategy {
    #[default]
    SourceWins,
    LastWriteWins,
    Manual,
}
