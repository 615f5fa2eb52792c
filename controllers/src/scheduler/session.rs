//! The connection to the leading master: subscribe, follow redirects, read events, make calls.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use mesolith_proto::mesos::v1::scheduler::{Call, Event};
use prost::Message;
use reqwest::{Client, Response, StatusCode, header};
use tokio::time::timeout;

use super::{recordio, recover::MasterState};

/// Time limit for connecting, and for the beginning of an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Heartbeats that may be missed before the stream counts as dead.
const MISSED_HEARTBEATS: u32 = 3;
/// Interval of heartbeats until the master has named its own.
const FIRST_HEARTBEAT: Duration = Duration::from_secs(15);
/// Redirects to follow: from a master to the leader, and again if the leader changes.
const MOST_REDIRECTS: usize = 4;
const PROTOBUF: &str = "application/x-protobuf";

/// Why the connection cannot be made or is over.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// No answer at all.
    #[error("master {master} does not answer: {message}")]
    Connect { master: String, message: String },
    /// An answer, but not what was asked for.
    #[error("master {master} answered {status}: {body}")]
    Refused {
        master: String,
        status: StatusCode,
        body: String,
    },
    /// A redirect without a usable target, or in a circle.
    #[error("master {master} knows no leader")]
    NoLeader { master: String },
    /// The stream is no event stream.
    #[error("the stream of master {master} is broken: {message}")]
    Stream { master: String, message: String },
    /// No event and no heartbeat for too long.
    #[error("master {master} sent no heartbeat for {seconds} s")]
    Silent { master: String, seconds: u64 },
    /// The list of masters is empty.
    #[error("no master is known yet")]
    NoMasters,
}

/// A subscription.
pub(super) struct Session {
    client: Client,
    /// The leader, `host:port`.
    pub(super) leader: String,
    stream_id: String,
    response: Response,
    decoder: recordio::Decoder,
    silence: Duration,
}

/// What is needed to make calls on a session.
#[derive(Clone)]
pub(super) struct Caller {
    client: Client,
    pub(super) leader: String,
    pub(super) stream_id: String,
}

/// The client of all sessions; redirects are ours to follow, since a subscription must be posted again.
pub(super) fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(ANSWER_TIMEOUT)
        .http1_only()
        // Plain HTTP only; without this a container that has no CA certificates makes it fail.
        .tls_certs_only([])
        .no_proxy()
        .build()
}

/// Subscribes with the first of `masters` that leads to the leader.
pub(super) async fn subscribe(client: &Client, masters: &[String], call: &Call) -> Result<Session, Error> {
    let mut last = Error::NoMasters;
    for master in masters {
        match subscribe_from(client, master, call).await {
            Ok(session) => return Ok(session),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn subscribe_from(client: &Client, first: &str, call: &Call) -> Result<Session, Error> {
    let mut master = first.to_owned();
    for _ in 0..MOST_REDIRECTS {
        let request = post(client, &master, call);
        let response = answer(&master, request).await?;
        if response.status() == StatusCode::TEMPORARY_REDIRECT {
            master = redirect_target(&response).ok_or_else(|| Error::NoLeader {
                master: master.clone(),
            })?;
            continue;
        }
        let response = accepted(&master, response).await?;
        let stream_id = response
            .headers()
            .get("Mesos-Stream-Id")
            .and_then(|id| id.to_str().ok());
        let Some(stream_id) = stream_id.map(str::to_owned) else {
            return Err(Error::Stream {
                master,
                message: "it has no Mesos-Stream-Id".to_owned(),
            });
        };
        return Ok(Session {
            client: client.clone(),
            leader: master,
            stream_id,
            response,
            decoder: recordio::Decoder::default(),
            silence: FIRST_HEARTBEAT * MISSED_HEARTBEATS,
        });
    }
    Err(Error::NoLeader {
        master: first.to_owned(),
    })
}

impl Session {
    /// The next event; an error ends the session.
    pub(super) async fn next(&mut self) -> Result<Event, Error> {
        let broken = |message: String| Error::Stream {
            master: self.leader.clone(),
            message,
        };
        loop {
            if let Some(record) = self.decoder.next().map_err(|e| broken(e.to_string()))? {
                let event = Event::decode(record).map_err(|error| {
                    tracing::debug!(%error, "failed to decode an event");
                    broken("it sent something that is no event of the v1 scheduler API".to_owned())
                })?;
                let interval = event
                    .subscribed
                    .as_ref()
                    .and_then(|s| s.heartbeat_interval_seconds);
                if let Some(interval) = interval.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                {
                    self.silence = (interval * MISSED_HEARTBEATS).max(Duration::from_secs(1));
                }
                return Ok(event);
            }
            match timeout(self.silence, self.response.chunk()).await {
                Ok(Ok(Some(chunk))) => self.decoder.push(&chunk),
                Ok(Ok(None)) => return Err(broken("the master ended it".to_owned())),
                Ok(Err(error)) => return Err(broken(crate::outcome::chain(&error))),
                Err(_) => {
                    let seconds = self.silence.as_secs();
                    return Err(Error::Silent {
                        master: self.leader.clone(),
                        seconds,
                    });
                }
            }
        }
    }

    /// For calls beside the stream.
    pub(super) fn caller(&self) -> Caller {
        Caller {
            client: self.client.clone(),
            leader: self.leader.clone(),
            stream_id: self.stream_id.clone(),
        }
    }
}

impl Caller {
    /// Makes one call of the subscription.
    pub(super) async fn call(&self, call: &Call, trace: Option<&str>) -> Result<(), Error> {
        let mut request = post(&self.client, &self.leader, call).header("Mesos-Stream-Id", &self.stream_id);
        if let Some(trace) = trace {
            request = request.header("traceparent", trace);
        }
        accepted(&self.leader, answer(&self.leader, request).await?)
            .await
            .map(drop)
    }

    /// Reads the leader's `/state`.
    pub(super) async fn state(&self) -> Result<MasterState, Error> {
        let request = self.client.get(format!("http://{}/state", self.leader));
        let response = accepted(&self.leader, answer(&self.leader, request).await?).await?;
        let mut body = Vec::new();
        let mut chunks = response.bytes_stream();
        let broken = |message: String| Error::Stream {
            master: self.leader.clone(),
            message,
        };
        while let Some(chunk) = timeout(ANSWER_TIMEOUT, chunks.next())
            .await
            .map_err(|e| broken(e.to_string()))?
        {
            body.extend_from_slice(&chunk.map_err(|e| broken(crate::outcome::chain(&e)))?);
        }
        serde_json::from_slice(&body).map_err(|e| broken(format!("/state cannot be read: {e}")))
    }
}

fn post(client: &Client, master: &str, call: &Call) -> reqwest::RequestBuilder {
    client
        .post(format!("http://{master}/api/v1/scheduler"))
        .header(header::CONTENT_TYPE, PROTOBUF)
        .header(header::ACCEPT, PROTOBUF)
        .body(Bytes::from(call.encode_to_vec()))
}

async fn answer(master: &str, request: reqwest::RequestBuilder) -> Result<Response, Error> {
    let failed = |message: String| Error::Connect {
        master: master.to_owned(),
        message,
    };
    match timeout(ANSWER_TIMEOUT, request.send()).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(failed(crate::outcome::chain(&error.without_url()))),
        Err(_) => Err(failed(format!("no answer within {} s", ANSWER_TIMEOUT.as_secs()))),
    }
}

async fn accepted(master: &str, response: Response) -> Result<Response, Error> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = timeout(ANSWER_TIMEOUT, response.text())
        .await
        .ok()
        .and_then(Result::ok)
        .unwrap_or_default();
    Err(Error::Refused {
        master: master.to_owned(),
        status,
        body,
    })
}

/// `//host:port/path`, or with a scheme.
fn redirect_target(response: &Response) -> Option<String> {
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    let rest = location.split_once("//")?.1;
    let authority = rest.split('/').next()?;
    (!authority.is_empty()).then(|| authority.to_owned())
}
