//! Opens sessions, and limits the time of calls.

use std::time::Duration;

use tokio::time::timeout;
use zookeeper_client::{Acl, Acls, Client, Permission};

use crate::security::{self, Security};
use crate::{Address, Error};

/// Time limit of a call. It is well below a session timeout, so that a silent server is noticed here first.
pub(crate) const CALL_LIMIT: Duration = Duration::from_secs(5);
/// Time limit to open a session. The servers are tried one after the other.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);
/// First and longest pause between attempts to get a session.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// Everyone may read, and the creator may do everything. Mesos sets this list when it has credentials.
static OWNED: [Acl; 2] = [
    Acl::new_const(Permission::ALL, "auth", ""),
    Acl::new_const(Permission::READ, "world", "anyone"),
];

/// A new session with the ensemble, whichever of its servers answer.
pub(crate) async fn open(address: &Address, session_timeout: Duration) -> Result<Client, Error> {
    let servers = address.connect_string();
    let fail = |cause: String| Error::Connect {
        servers: servers.clone(),
        cause,
    };
    let security = Security::with_credentials(address.credentials.clone());
    let connected = security.connect(&servers, session_timeout, CONNECT_LIMIT).await;
    connected.map_err(|error| match error {
        security::Error::Session { cause, .. } => fail(cause),
        other => fail(other.to_string()),
    })
}

/// The access control list of the nodes that we create.
pub(crate) fn acls(address: &Address) -> Acls<'static> {
    if address.credentials.is_some() {
        Acls::new(&OWNED)
    } else {
        Acls::anyone_all()
    }
}

/// Makes a call with a time limit; the client itself would wait for a connection without end.
pub(crate) async fn bounded<T>(
    call: &str,
    future: impl Future<Output = Result<T, zookeeper_client::Error>>,
) -> Result<T, Error> {
    match timeout(CALL_LIMIT, future).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(cause)) => Err(Error::Call {
            call: call.to_owned(),
            cause: cause.to_string(),
        }),
        Err(_) => Err(Error::Timeout {
            call: call.to_owned(),
            seconds: CALL_LIMIT.as_secs(),
        }),
    }
}

/// Pause before the n-th attempt in a row (from 0).
pub(crate) fn backoff(attempt: u32) -> Duration {
    RETRY.0.saturating_mul(2u32.saturating_pow(attempt)).min(RETRY.1)
}
