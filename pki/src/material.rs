//! The three files that one end of a connection uses.

use std::fmt;

/// What one end of a connection needs: whom it trusts, what it shows, and the key to prove it. PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Material {
    /// The CA certificate, or several while a CA is being replaced.
    pub ca: String,
    /// The own certificate.
    pub cert: String,
    /// The own private key.
    pub key: String,
}

impl fmt::Debug for Material {
    /// Leaves the key out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material")
            .field("ca", &self.ca)
            .field("cert", &self.cert)
            .finish_non_exhaustive()
    }
}
