//! TLS and SASL, on the quorum port and for clients.
//!
//! ```text
//! quorum port   [TLS] -> [SASL] -> learner protocol
//! client port   [TLS] -> session: [SASL], [digest credentials]
//!               [TLS] -> four-letter words
//! ```
//!
//! Files are read for each connection, so renewed certificates need no restart. `Debug` shows no secret.

pub(crate) mod digest_md5;
mod explain;
mod names;
mod tls;

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::timeout;
use zookeeper_client::{Client, Connector, SaslOptions, TlsOptions};

pub(crate) use explain::{Port, explain};
pub use tls::Tls;

use crate::Credentials;

/// The security of an ensemble; nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Security {
    /// TLS on the quorum port (`sslQuorum=true`).
    pub quorum_tls: Option<Tls>,
    /// A DIGEST-MD5 user of the quorum port (`quorum.auth.enableSasl=true`).
    pub quorum_sasl: Option<Credentials>,
    /// TLS on the client ports (`secureClientPort`), for sessions and four-letter words.
    pub client_tls: Option<Tls>,
    /// SASL of client sessions.
    pub client_sasl: Option<Sasl>,
    /// Digest credentials of client sessions (`addauth digest`). A session gets all of them.
    pub credentials: Vec<Credentials>,
}

/// How a client session logs in by SASL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sasl {
    /// DIGEST-MD5, RFC 2831: a user of the servers' JAAS section.
    DigestMd5(Credentials),
    /// GSSAPI, RFC 4752, with the Kerberos ticket of the user who runs this program. The system's Kerberos library
    /// finds it in the credential cache or through the client keytab. Needs a build with the feature `kerberos`.
    Kerberos {
        /// First part of the servers' principals, usually `zookeeper`. The second part is the host that is connected
        /// to.
        service: String,
    },
}

impl Sasl {
    /// Whether this build speaks Kerberos.
    pub const HAS_KERBEROS: bool = cfg!(feature = "kerberos");

    fn options(&self) -> Result<SaslOptions, Error> {
        match self {
            Self::DigestMd5(user) => {
                Ok(SaslOptions::digest_md5(user.user.clone(), user.password.clone()).into())
            }
            #[cfg(feature = "kerberos")]
            Self::Kerberos { service } => Ok(SaslOptions::gssapi().with_username(service.clone()).into()),
            #[cfg(not(feature = "kerberos"))]
            Self::Kerberos { .. } => Err(Error::Kerberos),
        }
    }
}

/// The configured security cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("cannot read {path}: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        cause: std::io::Error,
    },
    /// A file holds no usable certificate.
    #[error(
        "{path} holds no certificate that can be used ({cause}); it has to be in PEM (-----BEGIN CERTIFICATE-----)"
    )]
    Certificate {
        /// The file.
        path: PathBuf,
        /// The cause.
        cause: String,
    },
    /// A file holds no usable key.
    #[error(
        "{path} holds no private key that can be used ({cause}); it has to be in PEM and without a password"
    )]
    Key {
        /// The file.
        path: PathBuf,
        /// The cause.
        cause: String,
    },
    /// No CA was given.
    #[error(
        "TLS needs at least one file with the certificate of the CA that signed the servers' certificates"
    )]
    NoCa,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
    /// A host name that no certificate can contain.
    #[error("'{0}' can be in no certificate; name the server by a DNS name or an IP address")]
    Host(String),
    /// Kerberos was asked for, and this build does not have it.
    #[error(
        "this build does not speak Kerberos, which needs the system's Kerberos library; build it with --features \
         kerberos, or use DIGEST-MD5 or TLS with client certificates"
    )]
    Kerberos,
    /// Names shall not be checked, which the client library cannot do.
    #[error(
        "client sessions always compare the server's name with its certificate; name the servers as their certificates \
         do, or use the client port without TLS"
    )]
    NameNeeded,
    /// No server has given a session.
    #[error("no ZooKeeper session with {servers}: {cause}")]
    Session {
        /// The servers that were tried.
        servers: String,
        /// The cause, and what to do.
        cause: String,
    },
}

impl Error {
    /// Short name for conditions, events and metric labels.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Read { .. } => "SecurityFileUnreadable",
            Self::Certificate { .. } => "CertificateInvalid",
            Self::Key { .. } => "PrivateKeyInvalid",
            Self::NoCa => "NoCertificateAuthority",
            Self::Setup(_) => "TlsSetupFailed",
            Self::Host(_) => "TlsHostInvalid",
            Self::Kerberos => "KerberosUnsupported",
            Self::NameNeeded => "TlsNameNeeded",
            Self::Session { .. } => "ZooKeeperUnreachable",
        }
    }
}

impl Security {
    /// Only digest credentials.
    pub fn with_credentials(credentials: impl IntoIterator<Item = Credentials>) -> Self {
        Self {
            credentials: credentials.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Reads every file once, so that a mistake shows before any connection.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn check(&self) -> Result<(), Error> {
        for tls in [&self.quorum_tls, &self.client_tls].into_iter().flatten() {
            tls.client_config()?;
        }
        Ok(())
    }

    /// A client that logs in as configured. With TLS it is for `secure_connect`, which [`Security::connect`] calls
    /// itself.
    ///
    /// # Errors
    /// When a file cannot be used, or when TLS must not check names, which the client library cannot do.
    pub fn connector(&self) -> Result<Connector, Error> {
        let mut connector = Client::connector();
        if let Some(tls) = &self.client_tls {
            if !tls.verify_name {
                return Err(Error::NameNeeded);
            }
            let fail = |error: zookeeper_client::Error| Error::Setup(error.to_string());
            let mut options = TlsOptions::new().with_pem_ca(&tls.ca_text()?).map_err(fail)?;
            if let Some((certificate, key)) = tls.identity_text()? {
                options = options.with_pem_identity(&certificate, &key).map_err(fail)?;
            }
            connector = connector.with_tls(options);
        }
        if let Some(sasl) = &self.client_sasl {
            connector = connector.with_sasl(sasl.options()?);
        }
        for Credentials { user, password } in &self.credentials {
            connector = connector.with_auth("digest", format!("{user}:{password}").as_bytes());
        }
        Ok(connector)
    }

    /// Opens a session with one of the servers in `host:port,host:port`. Each is tried once, within the limit.
    ///
    /// # Errors
    /// When a file cannot be used, or no server gives a session.
    pub async fn connect(&self, servers: &str, session: Duration, limit: Duration) -> Result<Client, Error> {
        // A 3.4 server raises a session timeout below two of its ticks, and answers with the timeout that it gives.
        let connector = self
            .connector()?
            .with_session_timeout(session)
            .with_fail_eagerly();
        self.open(connector, servers, limit).await
    }

    /// Like [`Security::connect`], with a `connector` that [`Security::connector`] has made.
    ///
    /// # Errors
    /// When no server gives a session.
    pub async fn open(&self, connector: Connector, servers: &str, limit: Duration) -> Result<Client, Error> {
        let fail = |cause: String| Error::Session {
            servers: servers.to_owned(),
            cause,
        };
        let connected = if self.client_tls.is_some() {
            self.check_hosts(servers)?;
            timeout(limit, connector.secure_connect(servers)).await
        } else {
            timeout(limit, connector.connect(servers)).await
        };
        match connected {
            Ok(Ok(client)) => Ok(client),
            Ok(Err(zookeeper_client::Error::AuthFailed)) if self.client_sasl.is_some() => {
                Err(fail(self.login_refused().to_owned()))
            }
            // The library does not tell a login without a ticket from a server that is not there.
            Ok(Err(error)) if matches!(self.client_sasl, Some(Sasl::Kerberos { .. })) => {
                Err(fail(format!("{error}, or {}", self.login_refused())))
            }
            Ok(Err(error)) => Err(fail(error.to_string())),
            Err(_) => Err(fail(format!("no server answered within {} s", limit.as_secs()))),
        }
    }

    fn login_refused(&self) -> &'static str {
        match self.client_sasl {
            Some(Sasl::Kerberos { .. }) => {
                "the Kerberos login failed; is there a ticket (klist) or a client keytab (KRB5_CLIENT_KTNAME), and is the \
                 server named as in its principal?"
            }
            _ => "the server refused the SASL user; check user and password against its JAAS file",
        }
    }

    /// The client library panics on a host that no certificate can name.
    fn check_hosts(&self, servers: &str) -> Result<(), Error> {
        for server in servers.split(',') {
            let host = crate::members::Endpoint::parse(server.trim()).map(|e| e.host);
            tls::server_name(&host.unwrap_or_else(|| server.trim().to_owned()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
