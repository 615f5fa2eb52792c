//! Makes connections to the nodes of a cluster, with mutual TLS from the cluster's CA or without TLS.

use mesolith_pki::{Authority, CertificateRequest, ClientTls, Identity, Material, Role};
use mesolith_proto::node::v1::node_client::NodeClient;
use sha2::{Digest, Sha256};
use std::time::Duration;
use tonic::transport::Channel;

/// Errors before dialling.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// No certificate for the operator.
    #[error("failed to issue the operator's certificate: {0}")]
    IssueCertificate(String),
}

/// A way to reach the nodes of one cluster.
pub(crate) struct Dial {
    fingerprint: String,
    mutual: Option<Mutual>,
}

struct Mutual {
    authority: Authority,
    material: Material,
    lifetime: Duration,
}

impl Dial {
    /// Without TLS.
    pub(crate) fn plain() -> Self {
        Self {
            fingerprint: "plain".into(),
            mutual: None,
        }
    }

    /// With a certificate of role operator, made here and kept in memory only.
    pub(crate) fn mutual(authority: Authority, lifetime: Duration) -> Result<Self, Error> {
        let failed = |message: String| Error::IssueCertificate(message);
        let identity = Identity::new(Role::Operator, "operator").map_err(|e| failed(e.to_string()))?;
        let request = CertificateRequest::new(identity, Vec::<String>::new());
        let material = authority
            .issue(&request)
            .map_err(|e| failed(crate::outcome::chain(&e)))?;
        let fingerprint = fingerprint(authority.cert_pem(), &material.cert, lifetime);
        Ok(Self {
            fingerprint,
            mutual: Some(Mutual {
                authority,
                material,
                lifetime,
            }),
        })
    }

    /// Changes when new connections are needed.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// A client that connects on first use and accepts only the node of that name.
    pub(crate) fn client(&self, node: &str, address: &str) -> Result<NodeClient<Channel>, String> {
        self.channel(node, address).map(NodeClient::new)
    }

    /// A connection to something that runs with a node's certificate.
    pub(crate) fn channel(&self, node: &str, address: &str) -> Result<Channel, String> {
        let channel = match &self.mutual {
            None => mesolith_pki::plain_channel(address),
            Some(mutual) => ClientTls::from_material(&mutual.material, Role::Node, Some(node))
                .and_then(|tls| tls.channel(address)),
        };
        channel.map_err(|e| crate::outcome::chain(&e))
    }

    /// Signs a node's request for a new certificate; `None` without TLS. Returns certificate and CA.
    pub(crate) fn sign(
        &self,
        node: &str,
        address: &str,
        request: &str,
    ) -> Option<Result<(String, String), String>> {
        let mutual = self.mutual.as_ref()?;
        let sign = || {
            let identity = Identity::new(Role::Node, node).map_err(|e| e.to_string())?;
            let host = address
                .rsplit_once(':')
                .map_or(address, |(host, _)| host)
                .trim_matches(['[', ']']);
            let wanted = CertificateRequest::new(identity, [host]).with_lifetime(mutual.lifetime);
            let cert = mutual
                .authority
                .sign(request, &wanted)
                .map_err(|e| crate::outcome::chain(&e))?;
            Ok((cert, mutual.authority.cert_pem().to_owned()))
        };
        Some(sign())
    }

    /// A node's certificate is renewed when less than this is left of its life.
    pub(crate) fn renew_below(&self) -> Option<Duration> {
        self.mutual.as_ref().map(|mutual| mutual.lifetime / 3)
    }
}

/// A hash of the CA, the operator's certificate and the lifetime. If one of them changes, new connections are needed.
fn fingerprint(ca_pem: &str, own_pem: &str, lifetime: Duration) -> String {
    let hash = Sha256::new()
        .chain_update(ca_pem)
        .chain_update(own_pem)
        .chain_update(lifetime.as_secs().to_be_bytes())
        .finalize();
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A request with a time limit and the trace it belongs to.
pub(super) fn request<T>(message: T, limit: Duration) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(limit);
    mesolith_telemetry::inject_metadata(request.metadata_mut());
    request
}

/// The same without a limit, for streams.
pub(super) fn stream_request<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    mesolith_telemetry::inject_metadata(request.metadata_mut());
    request
}

/// What a failed call says, in one sentence without the library's words.
pub(super) fn sentence(status: &tonic::Status) -> String {
    // A transport error's own text is "transport error": the cause is what helps.
    let said = match std::error::Error::source(status) {
        Some(source) => crate::outcome::cause(source),
        None => crate::outcome::plain(status.message()),
    };
    if said.is_empty() {
        status.code().to_string()
    } else {
        said
    }
}
