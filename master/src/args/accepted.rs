//! Flags of Mesos that a configuration may contain and that have nothing to act on here.

/// Flags that people's Mesos configurations contain and that change nothing here: taken, shown nowhere, no error.
#[derive(Debug, Clone, Default, clap::Args)]
#[allow(missing_docs)]
pub struct Accepted {
    #[arg(long, hide = true)]
    pub registry: Option<String>,
    #[arg(long = "registry_strict", hide = true)]
    pub registry_strict: Option<String>,
    #[arg(long = "log_auto_initialize", hide = true)]
    pub log_auto_initialize: Option<String>,
    #[arg(long = "logging_level", hide = true)]
    pub logging_level: Option<String>,
    #[arg(long = "log_dir", hide = true)]
    pub log_dir: Option<String>,
    #[arg(long, hide = true)]
    pub roles: Option<String>,
    #[arg(long = "webui_dir", hide = true)]
    pub webui_dir: Option<String>,
    #[arg(long = "hostname_lookup", hide = true)]
    pub hostname_lookup: Option<String>,
    #[arg(long = "root_submissions", hide = true)]
    pub root_submissions: Option<String>,
    #[arg(long, hide = true)]
    pub allocator: Option<String>,
    #[arg(long = "framework_sorter", hide = true)]
    pub framework_sorter: Option<String>,
    #[arg(long = "role_sorter", hide = true)]
    pub role_sorter: Option<String>,
    #[arg(long = "recovery_agent_removal_limit", hide = true)]
    pub recovery_agent_removal_limit: Option<String>,
}
