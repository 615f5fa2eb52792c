//! The gRPC `Node` service: turns messages into the types of this crate, and back.

mod stream;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use mesolith_proto::node::v1 as pb;
use mesolith_proto::node::v1::node_server::Node as NodeApi;
use tonic::{Request, Response, Status};

use crate::certificate::{self, Renewal};
use crate::desired::{KnownIds, RemovalRequest};
use crate::manager::{self, Manager};
use crate::node::Node;
use crate::{backup, facts, wire};

/// How long Remove waits for the end before it answers "not yet": tasks may take their whole grace.
const REMOVAL_PATIENCE: Duration = Duration::from_secs(3);

pub(crate) struct Service {
    pub(crate) node: Arc<Node>,
    pub(crate) manager: Arc<Manager>,
    pub(crate) renewal: Renewal,
}

type Answer<T> = Result<Response<T>, Status>;
type Streaming<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl From<wire::Invalid> for Status {
    fn from(invalid: wire::Invalid) -> Self {
        Self::invalid_argument(invalid.to_string())
    }
}

impl From<manager::Error> for Status {
    fn from(error: manager::Error) -> Self {
        match error {
            manager::Error::Refused(refusal) => Self::failed_precondition(refusal.to_string()),
            manager::Error::Ledger(error) => Self::internal(error.to_string()),
        }
    }
}

impl From<backup::Error> for Status {
    fn from(error: backup::Error) -> Self {
        let message = error.to_string();
        match error {
            backup::Error::Busy => Self::resource_exhausted(message),
            backup::Error::Unreadable { .. } => Self::unavailable(message),
            backup::Error::Differs(_) | backup::Error::File { .. } | backup::Error::Snapshot { .. } => {
                Self::internal(message)
            }
        }
    }
}

impl From<certificate::Error> for Status {
    fn from(error: certificate::Error) -> Self {
        use certificate::Error::{Insecure, Install, NothingPending, OtherKey, Request, Unusable};
        let message = error.to_string();
        match error {
            Insecure | NothingPending => Self::failed_precondition(message),
            OtherKey | Unusable(_) => Self::invalid_argument(message),
            Request(_) | Install(_) => Self::internal(message),
        }
    }
}

#[tonic::async_trait]
impl NodeApi for Service {
    async fn get_facts(&self, request: Request<pb::GetFactsRequest>) -> Answer<pb::Facts> {
        let request = request.into_inner();
        let ports = wire::ports("ports", request.ports)?;
        let reach = wire::ports("reach", request.reach)?;
        Ok(Response::new(facts::gather(&self.node, &ports, &reach).await))
    }

    async fn apply(&self, request: Request<pb::ApplyRequest>) -> Answer<pb::ApplyResponse> {
        let (set, sender) = wire::desired(request.into_inner())?;
        let accepted_generation = self.manager.apply(set, &sender).await?;
        Ok(Response::new(pb::ApplyResponse { accepted_generation }))
    }

    async fn remove(&self, request: Request<pb::RemoveRequest>) -> Answer<pb::RemoveResponse> {
        let request = request.into_inner();
        let cluster = wire::cluster(request.cluster)?;
        let mut changes = self.node.board.subscribe();
        let patience = match request.keep.is_empty() {
            true => REMOVAL_PATIENCE,
            false => Duration::ZERO,
        };
        let removal = RemovalRequest {
            generation: request.generation,
            archive: request.archive,
            keep: request.keep,
            sender: KnownIds(request.known_ids),
        };
        self.manager.remove(&cluster, &removal).await?;
        let gone = async {
            while !self.manager.is_gone(&cluster.uid).await {
                if !crate::board::Changes::next(&mut changes).await {
                    break;
                }
            }
        };
        let gone = tokio::time::timeout(patience, gone).await.is_ok();
        let archives = if gone {
            self.manager.archives(&cluster)
        } else {
            vec![]
        };
        Ok(Response::new(pb::RemoveResponse { gone, archives }))
    }

    type WatchStream = Streaming<pb::NodeState>;

    async fn watch(&self, request: Request<pb::WatchRequest>) -> Answer<Self::WatchStream> {
        let uid = request.into_inner().cluster_uid;
        Ok(Response::new(stream::watch(&self.node, uid)))
    }

    type ReadLogsStream = Streaming<pb::LogChunk>;

    async fn read_logs(&self, request: Request<pb::ReadLogsRequest>) -> Answer<Self::ReadLogsStream> {
        let request = request.into_inner();
        let shown = self.node.board.state(&request.cluster_uid);
        let has = |cluster: &pb::ClusterState| cluster.components.iter().any(|c| c.id == request.component);
        // Only what the board shows: a name from the wire never becomes a path by itself.
        if request.cluster_uid.is_empty() || !shown.clusters.iter().any(has) {
            let message = format!(
                "no component {:?} of cluster {:?} here",
                request.component, request.cluster_uid
            );
            return Err(Status::not_found(message));
        }
        let log = self
            .node
            .layout
            .component(&request.cluster_uid, &request.component)
            .log();
        stream::logs(&self.node, log, request.tail_lines, request.follow).map(Response::new)
    }

    async fn create_signing_request(
        &self,
        _: Request<pb::CreateSigningRequestRequest>,
    ) -> Answer<pb::SigningRequest> {
        Ok(Response::new(pb::SigningRequest {
            pem: self.renewal.request()?,
        }))
    }

    async fn take_backup(&self, request: Request<pb::TakeBackupRequest>) -> Answer<pb::Backup> {
        let request = request.into_inner();
        let owner = wire::cluster(request.owner)?;
        let servers = wire::servers(&request.servers)?;
        Ok(Response::new(backup::take(&self.node, &owner, servers).await?))
    }

    async fn install_certificate(
        &self,
        request: Request<pb::InstallCertificateRequest>,
    ) -> Answer<pb::InstallCertificateResponse> {
        let request = request.into_inner();
        let not_after = self.renewal.install(request.certificate_pem, request.ca_pem)?;
        tracing::info!(not_after, "installed a new certificate");
        Ok(Response::new(pb::InstallCertificateResponse { not_after }))
    }
}
