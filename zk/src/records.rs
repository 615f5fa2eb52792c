//! Records of the leader: small znodes under one path, for the leaders after it.
//!
//! A record is written in one transaction with a look at the writer's own node in the election. So a process whose
//! candidacy has ended, and that does not know it yet, cannot overwrite what the next leader wrote.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use zookeeper_client::{CheckWriteError, Client, CreateMode};

use crate::session::{CALL_LIMIT, acls, bounded, open};
use crate::{Address, Error};

/// Reads under way at once: a new leader reads thousands of records before it acts.
const PIPELINE: usize = 256;

/// The records under `<path of the election>/<name>`; the path is made with the first one.
pub struct Records {
    address: Address,
    name: &'static str,
    session_timeout: Duration,
    client: Option<Client>,
}

impl Records {
    /// Nothing is asked yet.
    pub fn new(address: Address, name: &'static str, session_timeout: Duration) -> Self {
        Self {
            address,
            name,
            session_timeout,
            client: None,
        }
    }

    /// Where the records are.
    pub fn path(&self) -> String {
        self.address.child(self.name)
    }

    /// All records by name; none if nobody ever wrote one.
    ///
    /// # Errors
    /// When the ensemble does not answer or refuses.
    pub async fn read(&mut self) -> Result<BTreeMap<String, Vec<u8>>, Error> {
        let path = self.path();
        let client = self.client().await?;
        // The server that we reached may not have heard yet of what the last leader wrote.
        bounded(&format!("sync {path}"), client.sync(&self.address.path)).await?;
        if bounded(&format!("stat {path}"), client.check_stat(&path))
            .await?
            .is_none()
        {
            return Ok(BTreeMap::new());
        }
        let names = bounded(&format!("list {path}"), client.list_children(&path)).await?;
        let get = async |name: String| {
            let path = format!("{path}/{name}");
            let (content, _) = bounded(&format!("get {path}"), client.get_data(&path)).await?;
            Ok((name, content))
        };
        stream::iter(names)
            .map(get)
            .buffer_unordered(PIPELINE)
            .try_collect()
            .await
    }

    /// Writes a record, or removes it if there is no content. `candidate` is the name of our node in the election.
    ///
    /// # Errors
    /// [`Error::CandidateGone`] when the node is not there any more: another process may lead. [`Error::Call`] when the
    /// ensemble refuses to write. Any other error leaves open whether it has written.
    pub async fn write(&mut self, candidate: &str, name: &str, content: Option<&[u8]>) -> Result<(), Error> {
        let parent = self.path();
        let (path, candidate) = (format!("{parent}/{name}"), self.address.child(candidate));
        let options = CreateMode::Persistent.with_acls(acls(&self.address));
        let client = self.client().await?;
        let attempt = Attempt {
            call: format!("write {path}"),
            servers: self.address.connect_string(),
        };
        let there = attempt.ask(client.check_stat(&path)).await?.is_some();
        let mut writer = client
            .new_check_writer(&candidate, None)
            .map_err(|cause| attempt.told(cause))?;
        match (content, there) {
            (Some(content), true) => writer.add_set_data(&path, content, None),
            (Some(content), false) => {
                attempt.ask(client.mkdir(&parent, &options)).await?;
                writer.add_create(&path, content, &options)
            }
            (None, true) => writer.add_delete(&path, None),
            (None, false) => return Ok(()),
        }
        .map_err(|cause| attempt.told(cause))?;
        match tokio::time::timeout(CALL_LIMIT, writer.commit()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(CheckWriteError::CheckFailed {
                source: zookeeper_client::Error::NoNode,
            })) => Err(Error::CandidateGone { path: candidate }),
            Ok(Err(
                CheckWriteError::CheckFailed { source }
                | CheckWriteError::RequestFailed { source }
                | CheckWriteError::OperationFailed { source, .. },
            )) => Err(attempt.told(source)),
            Err(_) => Err(attempt.silent()),
        }
    }

    async fn client(&mut self) -> Result<Client, Error> {
        match &self.client {
            Some(client) if !client.state().is_terminated() => Ok(client.clone()),
            Some(_) | None => {
                let client = open(&self.address, self.session_timeout).await?;
                Ok(self.client.insert(client).clone())
            }
        }
    }
}

/// A write on its way.
struct Attempt {
    call: String,
    servers: String,
}

impl Attempt {
    async fn ask<T>(
        &self,
        future: impl Future<Output = Result<T, zookeeper_client::Error>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(CALL_LIMIT, future).await {
            Ok(answer) => answer.map_err(|cause| self.told(cause)),
            Err(_) => Err(self.silent()),
        }
    }

    fn silent(&self) -> Error {
        Error::Timeout {
            call: self.call.clone(),
            seconds: CALL_LIMIT.as_secs(),
        }
    }

    /// Tells a refusal from everything that may be otherwise at the next attempt.
    fn told(&self, cause: zookeeper_client::Error) -> Error {
        use zookeeper_client::Error as Cause;
        let refused = matches!(
            cause,
            Cause::NoAuth
                | Cause::AuthFailed
                | Cause::InvalidAcl
                | Cause::BadArguments(_)
                | Cause::QuotaExceeded
        );
        let cause = cause.to_string();
        match refused {
            true => Error::Call {
                call: self.call.clone(),
                cause,
            },
            false => Error::Connect {
                servers: self.servers.clone(),
                cause: format!("{}: {cause}", self.call),
            },
        }
    }
}
