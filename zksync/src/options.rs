//! What an engine is started with and cannot change while it runs: the two ensembles, its own files, and its
//! patience. What can change is in [`Settings`].

mod address;
mod connect;
mod security;

use std::path::PathBuf;
use std::time::Duration;

pub use address::{ServerAddress, parse_servers};
pub use mesolith_secret::Secret;
pub use security::{Auth, Login, Sasl, SecurityOptions, Tls};

use crate::settings::{Settings, Side};

/// An option cannot be used. The message names the flag, the value and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A part of a flag is not a server.
    #[error(
        "{flag}: '{value}' is no server: {problem}; write host:port or host:port:quorum-port, such as zk1:2181:2888"
    )]
    Server {
        /// The flag.
        flag: String,
        /// The part that is wrong.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The list of servers is empty, or names one twice.
    #[error("{flag}: {problem}")]
    Servers {
        /// The flag.
        flag: String,
        /// What is wrong.
        problem: String,
    },
    /// A secret is not in a form that is allowed. Its value is not shown.
    #[error("{flag}: expected {expected}")]
    Secret {
        /// The flag.
        flag: String,
        /// The allowed forms.
        expected: String,
    },
    /// A file that a flag names cannot be read.
    #[error("{flag}: cannot read {}: {problem}", path.display())]
    File {
        /// The flag.
        flag: String,
        /// The file.
        path: PathBuf,
        /// The system's error.
        problem: String,
    },
    /// This build does not have the login that was asked for.
    #[error("{flag}: {problem}")]
    Kerberos {
        /// The flag.
        flag: String,
        /// The cause and the remedy.
        problem: String,
    },
    /// A flag that only works together with another one, which is missing.
    #[error("{flag}: {problem}")]
    Incomplete {
        /// The flag.
        flag: String,
        /// The flag that is missing.
        problem: String,
    },
    /// A name that cannot be part of a path.
    #[error(
        "--name: '{0}' is no name of an engine: letters, digits, '-', '_' and '.' only, at most 64, not '.' first"
    )]
    Name(String),
    /// Both sides are the same servers.
    #[error("--source and --target both name {0}; they must be two ensembles")]
    SameServer(String),
    /// A duration that cannot be used.
    #[error("{flag}: {problem}")]
    Time {
        /// The flag.
        flag: &'static str,
        /// What is wrong.
        problem: String,
    },
}

impl Error {
    /// The reason that conditions show.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Server { .. } | Self::Servers { .. } => "InvalidServers",
            Self::Secret { .. } => "InvalidSecret",
            Self::File { .. } => "FileNotReadable",
            Self::Kerberos { .. } => "KerberosUnsupported",
            Self::Incomplete { .. } => "IncompleteOptions",
            Self::Name(_) => "InvalidName",
            Self::SameServer(_) => "SameEnsemble",
            Self::Time { .. } => "InvalidTime",
        }
    }
}

/// An ensemble: its servers, and the security that they ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointOptions {
    /// Its servers. Best is to name all; one is enough where the servers name the others.
    pub servers: Vec<ServerAddress>,
    /// TLS and logins.
    pub security: SecurityOptions,
}

impl EndpointOptions {
    /// The servers as `host:port,host:port`, as a client's connection string has them.
    #[must_use]
    pub fn connection_string(&self) -> String {
        let each = self.servers.iter().map(ServerAddress::client);
        each.collect::<Vec<_>>().join(",")
    }
}

/// All options of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Name of the engine. Processes with the same name take turns; engines with different names do not know each
    /// other.
    pub name: String,
    /// Side A.
    pub source: EndpointOptions,
    /// Side B.
    pub target: EndpointOptions,
    /// Directory of this process's own files.
    pub state_dir: PathBuf,
    /// Data directories of B's servers, if B is filled by file before its first start; otherwise empty.
    pub seed_dirs: Vec<PathBuf>,
    /// Allows that nodes are lost which only the target has in scope. Has to be given at each start and is never
    /// stored.
    pub overwrite: bool,
    /// How long a mirrored session outlives the loss of its own ensemble.
    pub session_grace: Duration,
    /// How long a standby waits for the active engine's sign of life before it takes over.
    pub lease_timeout: Duration,
    /// The settings at the start. Settings that are stored in the target under a higher generation win.
    pub settings: Settings,
}

impl Options {
    /// One side's ensemble.
    #[must_use]
    pub fn endpoint(&self, side: Side) -> &EndpointOptions {
        match side {
            Side::A => &self.source,
            Side::B => &self.target,
        }
    }

    /// Checks everything that can be checked without a connection. Settings have their own
    /// [`validate`](crate::settings::validate).
    ///
    /// # Errors
    /// When an option cannot be right.
    pub fn validate(&self) -> Result<(), Error> {
        validate_name(&self.name)?;
        for (flag, endpoint) in [("--source", &self.source), ("--target", &self.target)] {
            if endpoint.servers.is_empty() {
                return Err(Error::Servers {
                    flag: flag.to_owned(),
                    problem: "names no server; write host:port,host:port,...".to_owned(),
                });
            }
        }
        let same = self.source.servers.iter().find(|a| {
            let mut others = self.target.servers.iter();
            others.any(|b| a.client() == b.client())
        });
        if let Some(same) = same {
            return Err(Error::SameServer(same.client()));
        }
        let times = [
            (
                "--session-grace",
                self.session_grace,
                Duration::ZERO,
                Duration::from_secs(24 * 3600),
            ),
            (
                "--lease-timeout",
                self.lease_timeout,
                Duration::from_secs(1),
                Duration::from_secs(600),
            ),
        ];
        for (flag, value, least, most) in times {
            if value < least || value > most {
                return Err(Error::Time {
                    flag,
                    problem: format!("{value:?} is out of range: {least:?} to {most:?}"),
                });
            }
        }
        Ok(())
    }
}

/// Checks that a name can be part of a znode's path and of file names.
///
/// # Errors
/// When it cannot.
pub fn validate_name(name: &str) -> Result<(), Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.chars().all(plain) {
        return Err(Error::Name(name.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(servers: &str) -> EndpointOptions {
        EndpointOptions {
            servers: parse_servers("--source", servers).unwrap(),
            security: SecurityOptions::default(),
        }
    }

    fn options() -> Options {
        Options {
            overwrite: false,
            name: "default".into(),
            source: endpoint("a1:2181,a2:2181"),
            target: endpoint("b1:2181"),
            state_dir: "/tmp/x".into(),
            seed_dirs: Vec::new(),
            session_grace: Duration::from_secs(900),
            lease_timeout: Duration::from_secs(6),
            settings: Settings::default(),
        }
    }

    #[test]
    fn good_options_pass() {
        assert_eq!(options().validate(), Ok(()));
        assert_eq!(options().source.connection_string(), "a1:2181,a2:2181");
    }

    #[test]
    fn what_cannot_be_right_is_named() {
        let with = |change: fn(&mut Options)| {
            let mut options = options();
            change(&mut options);
            options.validate().unwrap_err().to_string()
        };
        for (found, wanted) in [
            (with(|o| o.name = "a/b".into()), "--name: 'a/b' is no name"),
            (with(|o| o.name = "..".into()), "--name: '..' is no name"),
            (with(|o| o.target.servers.clear()), "--target: names no server"),
            (
                with(|o| o.target = endpoint("A2:2181:2888")),
                "--source and --target both name a2:2181",
            ),
            (
                with(|o| o.lease_timeout = Duration::ZERO),
                "--lease-timeout: 0ns is out of range: 1s to 600s",
            ),
        ] {
            assert!(found.starts_with(wanted), "{found}");
        }
    }
}
