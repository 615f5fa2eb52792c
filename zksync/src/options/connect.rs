//! Turns the options of an ensemble into the configuration of a link.

use mesolith_zk::Credentials;
use mesolith_zk::learner::Server;
use mesolith_zk::security::{self, Security};

use super::{EndpointOptions, SecurityOptions, Tls};

impl EndpointOptions {
    /// The servers in the form that a link takes.
    #[must_use]
    pub fn learner_servers(&self) -> Vec<Server> {
        let server = |server: &super::ServerAddress| Server {
            client: server.client(),
            quorum: server.quorum_port.map(|port| format!("{}:{port}", server.host)),
        };
        self.servers.iter().map(server).collect()
    }
}

impl SecurityOptions {
    /// TLS and logins in the form that a link takes.
    #[must_use]
    pub fn connection(&self) -> Security {
        let tls = |tls: &Tls| {
            let given = security::Tls::new([tls.ca.clone()]);
            match &tls.identity {
                Some((certificate, key)) => given.with_identity(certificate, key),
                None => given,
            }
        };
        let login = |login: &super::Login| Credentials {
            user: login.user.clone(),
            password: login.password.expose().to_owned(),
        };
        let sasl = |sasl: &super::Sasl| match sasl {
            super::Sasl::Login(user) => security::Sasl::DigestMd5(login(user)),
            super::Sasl::Kerberos { service } => security::Sasl::Kerberos {
                service: service.clone(),
            },
        };
        // `digest` is the only scheme that the flag accepts.
        let credentials = self.auth.iter().filter_map(|auth| {
            let (user, password) = auth.value.expose().split_once(':')?;
            Some(Credentials {
                user: user.to_owned(),
                password: password.to_owned(),
            })
        });
        Security {
            quorum_tls: self.quorum_tls.as_ref().map(tls),
            quorum_sasl: self.quorum_sasl.as_ref().map(login),
            client_tls: self.tls.as_ref().map(tls),
            client_sasl: self.sasl.as_ref().map(sasl),
            credentials: credentials.collect(),
        }
    }
}
