//! Security that an ensemble asks of those who connect: TLS, SASL and digest.

use std::path::PathBuf;

use super::{Error, Secret};

/// TLS for one kind of port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// PEM file with the authorities that may have signed the servers' certificates.
    pub ca: PathBuf,
    /// PEM files with our own certificate and its key, for servers that ask for one.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// A name and password for SASL DIGEST-MD5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// How our client session logs in with SASL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sasl {
    /// With DIGEST-MD5.
    Login(Login),
    /// With the Kerberos ticket of the user who runs this process.
    Kerberos {
        /// First part of the servers' principals.
        service: String,
    },
}

/// An identity as `addauth` of ZooKeeper's own client takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// The scheme, usually `digest`.
    pub scheme: String,
    /// The credentials; `user:password` for `digest`.
    pub value: Secret,
}

/// All security of an ensemble; everything is empty for one that asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecurityOptions {
    /// TLS on the client port.
    pub tls: Option<Tls>,
    /// TLS on the quorum port.
    pub quorum_tls: Option<Tls>,
    /// Identities that a client of ours adds to its session.
    pub auth: Vec<Auth>,
    /// SASL login of our client's session.
    pub sasl: Option<Sasl>,
    /// SASL login on the quorum port.
    pub quorum_sasl: Option<Login>,
}

impl Tls {
    /// Reads three flags whose names begin with `prefix`, such as `--source-tls`. Without any of them there is no
    /// TLS.
    ///
    /// # Errors
    /// When only some of them are given, or a file cannot be read.
    pub fn from_flags(
        prefix: &str,
        ca: Option<PathBuf>,
        cert: Option<PathBuf>,
        key: Option<PathBuf>,
    ) -> Result<Option<Self>, Error> {
        let incomplete = |given: &str, missing: &str| Error::Incomplete {
            flag: format!("{prefix}-{given}"),
            problem: format!("needs {prefix}-{missing} as well"),
        };
        let identity = match (cert, key) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((cert, key)),
            (Some(_), None) => return Err(incomplete("cert", "key")),
            (None, Some(_)) => return Err(incomplete("key", "cert")),
        };
        let Some(ca) = ca else {
            return identity.map_or(Ok(None), |_| Err(incomplete("cert", "ca")));
        };
        let files = identity
            .iter()
            .flat_map(|(cert, key)| [("cert", cert), ("key", key)]);
        for (name, path) in std::iter::once(("ca", &ca)).chain(files) {
            // Checked now, so that the error does not wait for the first connection.
            std::fs::File::open(path).map_err(|error| Error::File {
                flag: format!("{prefix}-{name}"),
                path: path.clone(),
                problem: error.to_string(),
            })?;
        }
        Ok(Some(Self { ca, identity }))
    }
}

impl Sasl {
    /// Parses `kerberos` or `kerberos=SERVICE`, or else a [`Login`].
    ///
    /// # Errors
    /// When it is neither, or this build has no Kerberos.
    pub fn from_flag(flag: &str, text: &str) -> Result<Self, Error> {
        let service = match text.strip_prefix("kerberos") {
            Some("") => "zookeeper",
            Some(rest) if rest.starts_with('=') && !rest.contains(':') => &rest[1..],
            _ => return Login::from_flag(flag, text).map(Self::Login),
        };
        if !mesolith_zk::security::Sasl::HAS_KERBEROS {
            return Err(Error::Kerberos {
                flag: flag.to_owned(),
                problem: mesolith_zk::security::Error::Kerberos.to_string(),
            });
        }
        Ok(Self::Kerberos {
            service: service.to_owned(),
        })
    }
}

impl Login {
    /// Parses `user:password`, `user:@FILE`, or `@FILE` of a file that holds `user:password`.
    ///
    /// # Errors
    /// When it is none of these, or the file cannot be read.
    pub fn from_flag(flag: &str, text: &str) -> Result<Self, Error> {
        let whole = secret(flag, text)?;
        let (user, password) = whole
            .expose()
            .split_once(':')
            .filter(|(user, password)| !user.is_empty() && !password.is_empty())
            .ok_or_else(|| Error::Secret {
                flag: flag.to_owned(),
                expected: "USER:@FILE, USER:PASSWORD, or @FILE with USER:PASSWORD in it".to_owned(),
            })?;
        Ok(Self {
            user: user.to_owned(),
            password: secret(flag, password)?,
        })
    }
}

impl Auth {
    /// Parses `digest:user:password`, `digest:user:@FILE`, or `@FILE` of a file that holds `digest:user:password`.
    ///
    /// # Errors
    /// When it is none of these, or the file cannot be read.
    pub fn from_flag(flag: &str, text: &str) -> Result<Self, Error> {
        let whole = secret(flag, text)?;
        let expected = || Error::Secret {
            flag: flag.to_owned(),
            expected: "digest:USER:@FILE, digest:USER:PASSWORD, or @FILE with digest:USER:PASSWORD in it"
                .to_owned(),
        };
        let (scheme, value) = whole.expose().split_once(':').ok_or_else(expected)?;
        if scheme != "digest" {
            return Err(expected());
        }
        let Login { user, password } = Login::from_flag(flag, value).map_err(|error| match error {
            Error::Secret { .. } => expected(),
            other => other,
        })?;
        Ok(Self {
            scheme: scheme.to_owned(),
            value: Secret::new(format!("{user}:{}", password.expose())),
        })
    }
}

/// A secret as a flag gives it.
fn secret(flag: &str, text: &str) -> Result<Secret, Error> {
    Secret::read(text).map_err(|error| Error::File {
        flag: flag.to_owned(),
        path: error.path,
        problem: error.source.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_come_from_the_flag_or_a_file_and_are_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            format!("@{}", path.display())
        };
        let password = file("password", "s3cret\n");
        let (login, auth) = (file("login", "joe:s3cret\n"), file("auth", "digest:joe:s3cret\n"));
        for text in ["joe:s3cret", &format!("joe:{password}"), &login] {
            let sasl = Login::from_flag("--source-sasl", text).unwrap();
            assert_eq!((sasl.user.as_str(), sasl.password.expose()), ("joe", "s3cret"));
            assert!(!format!("{sasl:?}").contains("s3cret"));
        }
        for text in ["digest:joe:s3cret", &format!("digest:joe:{password}"), &auth] {
            let auth = Auth::from_flag("--source-auth", text).unwrap();
            assert_eq!(
                (auth.scheme.as_str(), auth.value.expose()),
                ("digest", "joe:s3cret")
            );
            assert!(!format!("{auth:?}").contains("s3cret"));
        }
    }

    #[test]
    fn a_wrong_secret_is_refused_without_showing_it() {
        for text in ["joes3cret", ":s3cret", "joe:"] {
            let error = Sasl::from_flag("--target-sasl", text).unwrap_err().to_string();
            assert!(error.starts_with("--target-sasl: expected USER:@FILE"), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
        for text in ["joe:s3cret", "digest:s3cret", "x509:joe:s3cret"] {
            let error = Auth::from_flag("--target-auth", text).unwrap_err().to_string();
            assert!(
                error.starts_with("--target-auth: expected digest:USER:@FILE"),
                "{error}"
            );
            assert!(!error.contains("s3cret"), "{error}");
        }
        let error = Sasl::from_flag("--target-sasl", "joe:@/nowhere/file").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("--target-sasl: cannot read /nowhere/file: ")
        );
    }

    #[test]
    fn kerberos_is_for_client_ports_and_takes_a_build_with_it() {
        let said = |result: Result<_, Error>| result.map(|_: Login| ()).unwrap_err().to_string();
        let quorum = said(Login::from_flag("--source-quorum-sasl", "kerberos"));
        assert!(
            quorum.starts_with("--source-quorum-sasl: expected USER:@FILE"),
            "{quorum}"
        );
        for (text, service) in [("kerberos", "zookeeper"), ("kerberos=zk", "zk")] {
            match Sasl::from_flag("--source-sasl", text) {
                Ok(sasl) => assert_eq!(
                    sasl,
                    Sasl::Kerberos {
                        service: service.to_owned()
                    }
                ),
                Err(error) => {
                    let said = error.to_string();
                    assert!(
                        !cfg!(feature = "kerberos") && said.contains("--features kerberos"),
                        "{said}"
                    );
                }
            }
        }
        let user = Sasl::from_flag("--source-sasl", "kerberos:s3cret").unwrap();
        assert!(matches!(user, Sasl::Login(login) if login.user == "kerberos"));
    }

    #[test]
    fn tls_flags_come_together() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pem");
        std::fs::write(&file, "").unwrap();
        let some = || Some(file.clone());
        let tls = |ca, cert, key| Tls::from_flags("--source-tls", ca, cert, key);
        assert_eq!(tls(None, None, None), Ok(None));
        assert!(tls(some(), None, None).unwrap().unwrap().identity.is_none());
        assert!(tls(some(), some(), some()).unwrap().unwrap().identity.is_some());
        let said = |result: Result<_, Error>| result.map(|_: Option<Tls>| ()).unwrap_err().to_string();
        assert_eq!(
            said(tls(some(), some(), None)),
            "--source-tls-cert: needs --source-tls-key as well"
        );
        assert_eq!(
            said(tls(None, some(), some())),
            "--source-tls-cert: needs --source-tls-ca as well"
        );
        let missing = Some(PathBuf::from("/nowhere/ca.pem"));
        assert!(said(tls(missing, None, None)).starts_with("--source-tls-ca: cannot read /nowhere/ca.pem"));
    }
}
