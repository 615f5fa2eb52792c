//! How masters are asked: plain HTTP at `host:port`.

use std::time::Duration;

/// A master that does not even take the connection is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// What asks them.
pub(crate) fn client() -> reqwest::Client {
    // Names are resolved and sockets opened later, so building cannot fail with these settings. A default client
    // differs only in its time limit.
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        // Without this a container that has no CA certificates makes it fail.
        .tls_certs_only([])
        .build()
        .unwrap_or_default()
}

/// `host:port`, with brackets around an IPv6 address.
pub(crate) fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}
