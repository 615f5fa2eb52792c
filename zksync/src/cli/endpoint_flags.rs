//! The flags of one ensemble: the same for `--source` and `--target`.

use std::path::PathBuf;

use crate::options::{Auth, EndpointOptions, Error, Login, Sasl, SecurityOptions, Tls, parse_servers};

macro_rules! endpoint_flags {
    ($(#[$doc:meta])* $type:ident, $name:literal, $env:literal, $side:literal) => {
        $(#[$doc])*
        #[derive(Clone, Default, clap::Args)]
        pub(super) struct $type {
            #[arg(help = concat!("Servers of ", $side, ": host:port[:quorum-port],..."), id = $name, long = $name, env = concat!("MESOLITH_ZKSYNC_", $env), value_name = "SERVERS")]
            pub servers: Option<String>,
            #[arg(help = concat!("Authorities (PEM) of ", $side, "'s client port: switches TLS on."), id = concat!($name, "-tls-ca"), long = concat!($name, "-tls-ca"), value_name = "FILE", help_heading = "Security")]
            pub tls_ca: Option<PathBuf>,
            /// Our certificate (PEM) for that port.
            #[arg(id = concat!($name, "-tls-cert"), long = concat!($name, "-tls-cert"), value_name = "FILE", help_heading = "Security")]
            pub tls_cert: Option<PathBuf>,
            /// The key of that certificate.
            #[arg(id = concat!($name, "-tls-key"), long = concat!($name, "-tls-key"), value_name = "FILE", help_heading = "Security")]
            pub tls_key: Option<PathBuf>,
            #[arg(help = concat!("Authorities (PEM) of ", $side, "'s quorum port: switches TLS on."), id = concat!($name, "-quorum-tls-ca"), long = concat!($name, "-quorum-tls-ca"), value_name = "FILE", help_heading = "Security")]
            pub quorum_tls_ca: Option<PathBuf>,
            /// Our certificate (PEM) for that port.
            #[arg(id = concat!($name, "-quorum-tls-cert"), long = concat!($name, "-quorum-tls-cert"), value_name = "FILE", help_heading = "Security")]
            pub quorum_tls_cert: Option<PathBuf>,
            /// The key of that certificate.
            #[arg(id = concat!($name, "-quorum-tls-key"), long = concat!($name, "-quorum-tls-key"), value_name = "FILE", help_heading = "Security")]
            pub quorum_tls_key: Option<PathBuf>,
            #[arg(help = concat!("Identity that reads ", $side, "'s protected nodes: digest:USER:@FILE, or @FILE with digest:USER:PASSWORD in it; digest:USER:PASSWORD shows the password in ps."), id = concat!($name, "-auth"), long = concat!($name, "-auth"), env = concat!("MESOLITH_ZKSYNC_", $env, "_AUTH"), hide_env_values = true, value_name = "AUTH", help_heading = "Security")]
            pub auth: Vec<String>,
            #[arg(help = concat!("SASL login on ", $side, "'s client port: DIGEST-MD5 by USER:@FILE, or @FILE with USER:PASSWORD in it; or kerberos, with the ticket or client keytab of whoever runs this (kerberos=SERVICE if the servers' principals do not begin with zookeeper)."), id = concat!($name, "-sasl"), long = concat!($name, "-sasl"), env = concat!("MESOLITH_ZKSYNC_", $env, "_SASL"), hide_env_values = true, value_name = "LOGIN", help_heading = "Security")]
            pub sasl: Option<String>,
            #[arg(help = concat!("SASL DIGEST-MD5 login on ", $side, "'s quorum port, by USER:@FILE, or @FILE with USER:PASSWORD in it."), id = concat!($name, "-quorum-sasl"), long = concat!($name, "-quorum-sasl"), env = concat!("MESOLITH_ZKSYNC_", $env, "_QUORUM_SASL"), hide_env_values = true, value_name = "LOGIN", help_heading = "Security")]
            pub quorum_sasl: Option<String>,
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                // The rest may hold passwords.
                f.debug_struct(stringify!($type)).field("servers", &self.servers).finish_non_exhaustive()
            }
        }

        impl $type {
            /// Whether any server of this ensemble was given.
            pub(super) fn is_given(&self) -> bool {
                self.servers.is_some()
            }

            /// Turns the flags into an endpoint, and reads the files that they name.
            pub(super) fn options(&self) -> Result<EndpointOptions, Error> {
                let flag = |rest: &str| format!("--{}{rest}", $name);
                let tls = |rest: &str, ca: &Option<PathBuf>, cert: &Option<PathBuf>, key: &Option<PathBuf>| {
                    Tls::from_flags(&flag(rest), ca.clone(), cert.clone(), key.clone())
                };
                let (sasl, quorum_sasl) = (self.sasl.as_deref(), self.quorum_sasl.as_deref());
                Ok(EndpointOptions {
                    servers: parse_servers(&flag(""), self.servers.as_deref().unwrap_or_default())?,
                    security: SecurityOptions {
                        tls: tls("-tls", &self.tls_ca, &self.tls_cert, &self.tls_key)?,
                        quorum_tls: tls(
                            "-quorum-tls",
                            &self.quorum_tls_ca,
                            &self.quorum_tls_cert,
                            &self.quorum_tls_key,
                        )?,
                        auth: self
                            .auth
                            .iter()
                            .map(|text| Auth::from_flag(&flag("-auth"), text))
                            .collect::<Result<_, _>>()?,
                        sasl: sasl.map(|text| Sasl::from_flag(&flag("-sasl"), text)).transpose()?,
                        quorum_sasl: quorum_sasl
                            .map(|text| Login::from_flag(&flag("-quorum-sasl"), text))
                            .transpose()?,
                    },
                })
            }
        }
    };
}

endpoint_flags!(
    /// Flags of side A.
    SourceFlags, "source", "SOURCE", "the source ensemble"
);
endpoint_flags!(
    /// Flags of side B.
    TargetFlags, "target", "TARGET", "the target ensemble"
);
