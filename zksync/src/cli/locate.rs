//! How a verb finds the engine.

use std::path::PathBuf;

use clap::ValueEnum;

use super::error::Error;
use crate::control::{Client, ClientError, Endpoint};
use crate::options::validate_name;
use crate::run::Files;

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// One object a line; see docs/zksync-status.md.
    Json,
}

/// Flags of every verb.
#[derive(Debug, Clone, clap::Args)]
pub struct Located {
    /// Name of the engine; engines of several names can run side by side.
    #[arg(long, env = "MESOLITH_ZKSYNC_NAME", default_value = "default")]
    pub name: String,
    /// Where engines keep their control socket and log; by default mesolith/zksync in the user's state folder
    /// ($XDG_STATE_HOME or ~/.local/state).
    #[arg(long, env = "MESOLITH_ZKSYNC_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// An engine that runs elsewhere: unix:PATH, a path, http://host:port or https://host:port (needs --pki-dir).
    #[arg(long, env = "MESOLITH_ZKSYNC_ENDPOINT")]
    pub endpoint: Option<String>,
    /// ca.crt, tls.crt and tls.key for mutual TLS with --listen (a node's) or --endpoint https:// (an operator's).
    #[arg(long, env = "MESOLITH_ZKSYNC_PKI_DIR", value_name = "DIR")]
    pub pki_dir: Option<PathBuf>,
    /// How results are printed.
    #[arg(long, short, value_enum, default_value_t)]
    pub output: Output,
}

impl Located {
    /// The directory from `--state-dir`, or the default.
    pub(super) fn state_dir(&self) -> Result<PathBuf, Error> {
        let from = |name: &str, below: &str| {
            let value = std::env::var_os(name).filter(|v| !v.is_empty());
            value.map(|v| PathBuf::from(v).join(below))
        };
        let given = self.state_dir.clone();
        given
            .or_else(|| from("XDG_STATE_HOME", "mesolith/zksync"))
            .or_else(|| from("HOME", ".local/state/mesolith/zksync"))
            .map(|dir| std::path::absolute(&dir).unwrap_or(dir))
            .ok_or(Error::NoHome)
    }

    /// The files of the engine, if it is on this machine.
    pub(super) fn files(&self) -> Result<Files, Error> {
        validate_name(&self.name)?;
        Ok(Files::new(&self.state_dir()?, &self.name))
    }

    /// Whether the engine is looked for on this machine, by its files.
    pub(super) fn is_local(&self) -> bool {
        self.endpoint.is_none()
    }

    /// A connection to the engine.
    pub(super) async fn client(&self) -> Result<Client, Error> {
        if let Some(endpoint) = &self.endpoint {
            let endpoint: Endpoint = endpoint.parse()?;
            return Ok(Client::connect(&endpoint, self.pki_dir.as_deref()).await?);
        }
        let files = self.files()?;
        let endpoint = Endpoint::Unix(files.socket());
        match Client::connect(&endpoint, None).await {
            Ok(client) => Ok(client),
            Err(ClientError::Unreachable { problem, .. }) => Err(match files.holder() {
                None => Error::NotRunning {
                    name: self.name.clone(),
                    state_dir: self.state_dir()?,
                },
                Some(pid) => Error::Silent {
                    pid,
                    problem,
                    log: files.log(),
                },
            }),
            Err(error) => Err(error.into()),
        }
    }
}
