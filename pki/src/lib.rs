//! Per-cluster certificate authority, node certificates, TLS that reloads without a restart.
//!
//! Every cluster has a CA of its own ([`Authority`]). A certificate says who its owner is by a URI,
//! `spiffe://mesolith/<role>/<name>` ([`Identity`]), and where it may be dialled by IP and DNS names. Both ends of a
//! connection check the chain, the role and, for the dialled side, the address ([`ServerTls`], [`ClientTls`]).
//!
//! A process keeps its three files in one directory ([`PkiDir`]); replacing them takes effect at the next handshake,
//! and open connections stay.

mod authority;
mod dir;
mod facts;
mod identity;
mod material;
mod request;
mod tls;

pub use authority::{Authority, AuthorityError};
pub use dir::{DirError, PkiDir, write_private, write_public};
pub use facts::{CertificateFacts, FactsError};
pub use identity::{Identity, IdentityError, Role};
pub use material::Material;
pub use request::{CertificateRequest, DEFAULT_LIFETIME, PendingKey, RequestError};
pub use tls::{
    ClientStream, ClientTls, Incoming, Peer, ServerStream, ServerTls, TlsError, plain_channel, trust_problem,
};
