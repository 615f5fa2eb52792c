//! Certificates for servers and for those who connect to them.

use std::path::PathBuf;

use mesolith_zk::security::Tls;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// An authority and what it signs.
pub(crate) struct Authority {
    dir: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(dir.path().join("ca.pem"), certificate.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        Self { dir, issuer }
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Certificate and key for a host, and both in one file as ZooKeeper wants them.
    fn sign(&self, host: &str) -> [PathBuf; 3] {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("a {host}"));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file = |ending: &str, text: String| {
            let path = self.dir.path().join(format!("{host}.{ending}"));
            std::fs::write(&path, text).unwrap();
            path
        };
        let both = key.serialize_pem() + &certificate.pem();
        [
            file("pem", certificate.pem()),
            file("key", key.serialize_pem()),
            file("both.pem", both),
        ]
    }

    /// Trusts this authority and has a certificate of it.
    pub(crate) fn tls(&self) -> Tls {
        let [certificate, key, _] = self.sign("127.0.0.1");
        Tls::new([self.ca()]).with_identity(certificate, key)
    }

    pub(crate) fn stores(&self, prefix: &str, host: &str) -> String {
        let [_, _, both] = self.sign(host);
        format!(
            "{prefix}keyStore.location={}\n{prefix}keyStore.type=PEM\n{prefix}trustStore.location={}\n\
             {prefix}trustStore.type=PEM\n",
            both.display(),
            self.ca().display()
        )
    }
}
