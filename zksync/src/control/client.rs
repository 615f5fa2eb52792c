//! Talks to a running engine.

mod error;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::Error;
use hyper_util::rt::TokioIo;
use mesolith_pki::{ClientTls, Role};
use mesolith_proto::zksync::v1 as pb;
use mesolith_proto::zksync::v1::sync_client::SyncClient;
use tokio::net::UnixStream;
use tonic::Streaming;
use tonic::transport::{Channel, Uri};

use super::convert;
use super::endpoint::Endpoint;
use crate::handle::{ConflictRecord, DiffReport, Refused};
use crate::settings::{Settings, Side};
use crate::status::Status;

/// Where a socket answers at all, it does at once.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Somebody else may change the settings between our look and our change.
const ATTEMPTS: usize = 5;

/// Conflicts come with the data of both sides, and a node may have megabytes.
const LONGEST_ANSWER: usize = 1 << 30;

/// A connection to an engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    api: SyncClient<Channel>,
}

impl Client {
    /// Connects; `pki_dir` is for https.
    ///
    /// # Errors
    /// When nobody answers there.
    pub async fn connect(endpoint: &Endpoint, pki_dir: Option<&Path>) -> Result<Self, Error> {
        let name = endpoint.to_string();
        let tls_error = |source| Error::Tls {
            endpoint: name.clone(),
            source,
        };
        let channel = match endpoint {
            Endpoint::Unix(path) => unix_channel(path, &name).await?,
            Endpoint::Http(address) => mesolith_pki::plain_channel(address).map_err(tls_error)?,
            Endpoint::Https(address) => {
                let dir = pki_dir.ok_or_else(|| Error::NoCertificates {
                    endpoint: name.clone(),
                })?;
                let tls = ClientTls::from_dir(dir, Role::Node).map_err(tls_error)?;
                tls.channel(address).map_err(tls_error)?
            }
        };
        let client = Self {
            api: SyncClient::new(channel).max_decoding_message_size(LONGEST_ANSWER),
        };
        // The other two connect at the first call: made here, so that who gets a client knows that somebody is there.
        let asked = tokio::time::timeout(CONNECT_LIMIT, client.status()).await;
        let problem = match asked {
            Ok(Ok(_)) => return Ok(client),
            Ok(Err(Error::Lost { message })) => message,
            Ok(Err(other)) => return Err(other),
            Err(_) => format!("no answer within {} s", CONNECT_LIMIT.as_secs()),
        };
        Err(Error::Unreachable {
            endpoint: name,
            problem,
        })
    }

    /// What the engine says of itself.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn status(&self) -> Result<Status, Error> {
        let answer = self.api.clone().get(pb::GetRequest {}).await;
        read(&answer.map_err(|s| Error::from_call(&s))?.into_inner())
    }

    /// The status now, and whenever it changes.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn watch(&self) -> Result<Watch, Error> {
        let answer = self.api.clone().watch(pb::WatchRequest {}).await;
        let stream = answer.map_err(|s| Error::from_call(&s))?.into_inner();
        Ok(Watch { stream })
    }

    /// Sends settings; the generation is the caller's.
    ///
    /// # Errors
    /// When they are refused, or the engine cannot be asked.
    pub async fn apply(&self, settings: &Settings) -> Result<u64, Error> {
        let answer = self.api.clone().apply(convert::settings_to_wire(settings)).await;
        Ok(answer.map_err(|s| Error::from_call(&s))?.into_inner().generation)
    }

    /// Reads the settings, changes them, sends them under the next generation; again when somebody else was faster.
    ///
    /// # Errors
    /// When the change or its result is refused, or the engine cannot be asked.
    pub async fn change(
        &self,
        change: impl Fn(&Settings) -> Result<Settings, Refused>,
    ) -> Result<Settings, Error> {
        let mut attempt = 1;
        loop {
            let current = self.status().await?.settings;
            let changed = change(&current)?;
            let wanted = Settings {
                generation: current.generation,
                ..changed
            };
            if wanted == current {
                return Ok(current);
            }
            let wanted = wanted.next();
            match self.apply(&wanted).await {
                Ok(_) => return Ok(wanted),
                Err(Error::Refused { reason, .. })
                    if matches!(reason.as_str(), "OlderGeneration" | "ChangedContent")
                        && attempt < ATTEMPTS =>
                {
                    attempt += 1;
                    // What it follows is shown with its next status.
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Compares both sides.
    ///
    /// # Errors
    /// When they could not be compared.
    pub async fn diff(&self, limit: usize) -> Result<DiffReport, Error> {
        let limit = limit as u64;
        let answer = self.api.clone().diff(pb::DiffRequest { limit }).await;
        Ok(convert::report_from_wire(
            answer.map_err(|s| Error::from_call(&s))?.into_inner(),
        ))
    }

    /// Decides a frozen path.
    ///
    /// # Errors
    /// When it is not frozen, or the kept node could not be written.
    pub async fn resolve(&self, path: &str, keep: Side) -> Result<(), Error> {
        let request = pb::ResolveRequest {
            path: path.to_owned(),
            keep: convert::side_code(Some(keep)).into(),
        };
        let answer = self.api.clone().resolve(request).await;
        answer.map_err(|s| Error::from_call(&s)).map(|_| ())
    }

    /// The last conflicts, newest first.
    ///
    /// # Errors
    /// When the engine cannot be asked.
    pub async fn conflicts(&self, limit: usize) -> Result<Vec<ConflictRecord>, Error> {
        let limit = limit as u64;
        let answer = self.api.clone().conflicts(pb::ConflictsRequest { limit }).await;
        let found = answer.map_err(|s| Error::from_call(&s))?.into_inner().conflicts;
        Ok(found.into_iter().map(convert::conflict_from_wire).collect())
    }

    /// Returns once everything that was committed before the call on a side that writes is on the other, with A's position,
    /// or B's where only B writes.
    ///
    /// # Errors
    /// When that did not happen in time.
    pub async fn barrier(&self) -> Result<String, Error> {
        let answer = self.api.clone().barrier(pb::BarrierRequest {}).await;
        Ok(answer.map_err(|s| Error::from_call(&s))?.into_inner().zxid)
    }

    /// Ends the process; its id, and a sentence if a standby may take over all the same.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn stop(&self) -> Result<(u32, Option<String>), Error> {
        let answer = self.api.clone().stop(pb::StopRequest {}).await;
        let answer = answer.map_err(|s| Error::from_call(&s))?.into_inner();
        Ok((answer.pid, Some(answer.warning).filter(|w| !w.is_empty())))
    }
}

/// Statuses as they come.
pub struct Watch {
    stream: Streaming<pb::Status>,
}

impl Watch {
    /// The next one; none when the engine has ended.
    ///
    /// # Errors
    /// When it makes no sense.
    pub async fn next(&mut self) -> Result<Option<Status>, Error> {
        match self.stream.message().await {
            Ok(Some(status)) => read(&status).map(Some),
            // A killed process ends its streams without a word.
            Ok(None) | Err(_) => Ok(None),
        }
    }
}

fn read(status: &pb::Status) -> Result<Status, Error> {
    serde_json::from_str(&status.json).map_err(|_| Error::Answer {
        problem:
            "its status is of another version than this program; use the program that the engine runs from"
                .to_owned(),
    })
}

async fn unix_channel(path: &Path, name: &str) -> Result<Channel, Error> {
    let dial = |path: PathBuf| async move { UnixStream::connect(path).await };
    // Tried once in the open: the transport's own errors hide what the kernel says.
    let tried = dial(path.to_owned()).await;
    tried.map_err(|error| Error::Unreachable {
        endpoint: name.to_owned(),
        problem: error.to_string(),
    })?;
    let path = path.to_owned();
    let connector = tower::service_fn(move |_: Uri| {
        let path = path.clone();
        async move { dial(path).await.map(TokioIo::new) }
    });
    // The name is part of the protocol and means nothing on a socket.
    Ok(Channel::builder(Uri::from_static("http://engine")).connect_with_connector_lazy(connector))
}
