//! What a user may say about logs and traces, the same for every role.

/// Shared by all roles; given before or after the role's name.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Which log lines appear: a level, or levels by module such as info,mesolith_master=debug.
    #[arg(
        long = "log",
        env = "MESOLITH_LOG",
        default_value = "info",
        global = true,
        value_name = "FILTER"
    )]
    pub log: String,
    /// How log lines look; auto is human on a terminal and JSON otherwise.
    #[arg(
        long = "log-format",
        env = "MESOLITH_LOG_FORMAT",
        value_enum,
        default_value_t,
        global = true
    )]
    pub format: Format,
    /// OTLP collector (gRPC) that gets the traces, such as http://127.0.0.1:4317; none by default.
    #[arg(
        long = "otlp-endpoint",
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        global = true,
        value_name = "URL"
    )]
    pub otlp_endpoint: Option<String>,
}

/// Look of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Human on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// Readable for people.
    Human,
    /// One JSON object a line.
    Json,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            log: "info".to_owned(),
            format: Format::Auto,
            otlp_endpoint: None,
        }
    }
}

impl Options {
    /// The environment that gives a child process the same options.
    #[must_use]
    pub fn env(&self) -> Vec<(String, String)> {
        let format = match self.format {
            Format::Auto => "auto",
            Format::Human => "human",
            Format::Json => "json",
        };
        let mut env = vec![
            ("MESOLITH_LOG".to_owned(), self.log.clone()),
            ("MESOLITH_LOG_FORMAT".to_owned(), format.to_owned()),
        ];
        let collector = self.collector();
        env.extend(collector.map(|c| ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), c.to_owned())));
        env
    }

    /// The collector, if one is set: an empty variable means none.
    pub(crate) fn collector(&self) -> Option<&str> {
        self.otlp_endpoint
            .as_deref()
            .map(str::trim)
            .filter(|e| !e.is_empty())
    }

    /// Whether lines are JSON, given whether the output is a terminal.
    pub(crate) fn is_json(&self, terminal: bool) -> bool {
        match self.format {
            Format::Auto => !terminal,
            Format::Human => false,
            Format::Json => true,
        }
    }
}
