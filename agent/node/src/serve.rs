//! The two listeners: the node API, and what people and Prometheus look at.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use mesolith_pki::{Role, ServerTls};
use mesolith_proto::node::v1::node_server::NodeServer;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;

use crate::args::Args;
use crate::node::Node;
use crate::service::Service;

/// How long streams may stay open after the shutdown began.
const DRAIN: Duration = Duration::from_secs(3);

/// Locks the state directory: two agents in it would start everything twice.
pub(crate) fn lock(state_dir: &Path) -> anyhow::Result<File> {
    let path = state_dir.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = file.with_context(|| format!("failed to open {}", path.display()))?;
    if file.try_lock().is_err() {
        bail!(
            "another node agent runs with --state-dir {}; stop it or choose another",
            state_dir.display()
        );
    }
    Ok(file)
}

pub(crate) struct Server {
    api: TcpListener,
    http: TcpListener,
    tls: Option<ServerTls>,
}

/// Takes both ports and reads the certificates, so that a problem is reported before anything is started.
pub(crate) async fn bind(args: &Args) -> anyhow::Result<Server> {
    let listen = |address, flag: &'static str| async move {
        let listener = mesolith_telemetry::listen(address).await;
        listener.with_context(|| format!("failed to take {flag}"))
    };
    let tls = match args.insecure {
        true => None,
        false => Some(
            ServerTls::from_dir(&args.pki_dir, Role::Operator)
                .with_context(|| format!("failed to use the certificates in {}", args.pki_dir.display()))?,
        ),
    };
    Ok(Server {
        api: listen(args.listen, "--listen").await?,
        http: listen(args.http, "--http").await?,
        tls,
    })
}

impl Server {
    /// Serves until shutdown.
    pub(crate) async fn run(self, service: Service, node: &Arc<Node>) -> anyhow::Result<()> {
        let shutdown = node.shutdown.clone();
        let router = tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(Duration::from_secs(30)))
            .layer(mesolith_telemetry::ServerSpans)
            .add_service(NodeServer::new(service));
        let ending = shutdown.clone();
        let ended = async move { ending.wait().await };
        let api = async {
            match self.tls {
                Some(tls) => {
                    router
                        .serve_with_incoming_shutdown(tls.incoming(self.api), ended)
                        .await
                }
                None => {
                    router
                        .serve_with_incoming_shutdown(TcpListenerStream::new(self.api), ended)
                        .await
                }
            }
        };
        let looked_at = crate::http::serve(self.http, node);
        let both = async { tokio::try_join!(async { api.await.context("the node API ended") }, looked_at) };
        let cut = async {
            shutdown.wait().await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            served = both => served.map(|_| ()),
            () = cut => Ok(()),
        }
    }
}
