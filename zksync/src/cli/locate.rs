//! How a verb finds the engine.

use std::path::PathBuf;

use clap::ValueEnum;

use super::components::{self, Component};
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
    /// Name of the engine; engines of several names can run side by side. By default it is "default", and verbs other
    /// than start find the engine that runs as a component of the node agent here, if there is exactly one.
    #[arg(long, env = "MESOLITH_ZKSYNC_NAME")]
    pub name: Option<String>,
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

    /// Name of an engine that a person starts.
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("default")
    }

    /// The files of an engine that a person has started on this machine.
    pub(super) fn files(&self) -> Result<Files, Error> {
        validate_name(self.name())?;
        Ok(Files::new(&self.state_dir()?, self.name()))
    }

    /// The component of a node agent on this machine that is meant, if no engine of a person is.
    pub(super) fn component(&self) -> Result<Option<Component>, Error> {
        let elsewhere = self.endpoint.is_some() || self.state_dir.is_some();
        if elsewhere || self.files()?.holder().is_some() {
            return Ok(None);
        }
        let mut found = components::running(&components::node_state_dir());
        found.retain(|one| self.name.as_ref().is_none_or(|name| *name == one.name));
        match found.len() {
            0 | 1 => Ok(found.pop()),
            _ => Err(Error::Several { engines: found }),
        }
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
        if let Some(client) = dial(&self.files()?).await? {
            return Ok(client);
        }
        if let Some(component) = self.component()?
            && let Some(client) = dial(&component.files()).await?
        {
            return Ok(client);
        }
        Err(Error::NotRunning {
            name: self.name().to_owned(),
            state_dir: self.state_dir()?,
        })
    }
}

/// A connection to the engine with these files; none when nobody runs with them.
async fn dial(files: &Files) -> Result<Option<Client>, Error> {
    match Client::connect(&Endpoint::Unix(files.socket()), None).await {
        Ok(client) => Ok(Some(client)),
        Err(ClientError::Unreachable { problem, .. }) => match files.holder() {
            None => Ok(None),
            Some(pid) => Err(Error::Silent {
                pid,
                problem,
                log: files.log(),
            }),
        },
        Err(error) => Err(error.into()),
    }
}
