//! The gRPC service that agents keep one stream with.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::Stream;
use mesolith_proto::session::v1::agent_session_server::AgentSession;
use mesolith_proto::session::v1::{FromAgent, FromMaster};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::event_loop::{Envelope, Handle};
use crate::gate::Gate;
use crate::input::{Input, SessionId};
use crate::leadership::Leadership;

/// Messages that wait for an agent before it is cut off: a full ACCEPT of thousands of tasks is few messages.
const QUEUE: usize = 4096;

/// Where a connection came from; set by the listener.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RemoteAddress(pub(crate) SocketAddr);

/// The service.
pub(crate) struct Sessions {
    handle: Handle,
    gate: Gate,
    next: Arc<AtomicU64>,
}

impl Sessions {
    pub(crate) fn new(handle: Handle, gate: Gate) -> Self {
        Self {
            handle,
            gate,
            next: Arc::default(),
        }
    }

    /// Refuses while another master leads, and says where it is.
    fn check_leading(&self) -> Result<(), Status> {
        let (message, leader) = match self.gate.leadership() {
            Leadership::Ours => return Ok(()),
            Leadership::Other(other) => ("this master does not lead".to_owned(), Some(other.endpoint())),
            Leadership::Suspended(why)
            | Leadership::Pinned(why)
            | Leadership::Unknown(why)
            | Leadership::Lost(why) => (format!("no master leads: {why}"), None),
        };
        let mut status = Status::failed_precondition(message);
        if let Some(leader) = leader.and_then(|l| l.parse().ok()) {
            status.metadata_mut().insert("leader", leader);
        }
        Err(status)
    }
}

/// Ends the session when the agent's stream is dropped, for whatever reason.
struct Guard {
    handle: Handle,
    session: SessionId,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.handle.send_later(Input::SessionClosed {
            session: self.session,
        });
    }
}

#[tonic::async_trait]
impl AgentSession for Sessions {
    type OpenStream = Pin<Box<dyn Stream<Item = Result<FromMaster, Status>> + Send>>;

    async fn open(
        &self,
        request: Request<Streaming<FromAgent>>,
    ) -> Result<Response<Self::OpenStream>, Status> {
        self.check_leading()?;
        let peer = request
            .extensions()
            .get::<RemoteAddress>()
            .map(|a| a.0.ip().to_string());
        let peer = peer.unwrap_or_else(|| "127.0.0.1".into());
        let session = SessionId(self.next.fetch_add(1, Ordering::Relaxed));
        let (outlet, messages) = mpsc::channel(QUEUE);
        let mut inbound = request.into_inner();
        let (handle, guard) = (
            self.handle.clone(),
            Guard {
                handle: self.handle.clone(),
                session,
            },
        );
        tokio::spawn(async move {
            // The first message hands the outlet to the writer, which drops it when the session ends.
            let mut outlet = Some(outlet);
            let _guard = guard;
            while let Some(Ok(FromAgent {
                message: Some(message),
            })) = inbound.next().await
            {
                let input = Input::Agent {
                    session,
                    peer: peer.clone(),
                    message: Box::new(message),
                };
                let envelope = Envelope {
                    session: outlet.take(),
                    ..Envelope::bare(input)
                };
                if !handle.send(envelope).await {
                    return;
                }
            }
        });
        // A message may lie here while this process is stopped: it leaves only while this master still leads.
        let gate = self.gate.clone();
        let checked = ReceiverStream::new(messages).then(move |message| {
            let gate = gate.clone();
            async move {
                gate.opened().await;
                Ok(*message)
            }
        });
        Ok(Response::new(Box::pin(checked)))
    }
}
