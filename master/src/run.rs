//! Starts the parts, and stops when it must: on request, or when the leadership is lost.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use anyhow::{Context, bail};
use mesolith_pki::{Role, ServerTls};
use mesolith_proto::mesos::v1;
use mesolith_proto::session::v1::agent_session_server::AgentSessionServer;
use mesolith_telemetry::Shutdown;
use mesolith_zk::MasterInfo;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};

use crate::args::Args;
use crate::election::Election;
use crate::event_loop::{self, Clock, Handle, Stored};
use crate::gate::Standing;
use crate::http::{self, App};
use crate::input::Registry;
use crate::leadership::Leadership;
use crate::listener::{self, Services};
use crate::observe;
use crate::operation::Change;
use crate::permission::Permission;
use crate::registry::{Store, Unreadable};
use crate::session::Sessions;
use crate::state::{Config, State};

/// Largest message of an agent: a re-registration with thousands of tasks.
const MAX_MESSAGE: usize = 64 << 20;

/// Runs the role until shutdown.
///
/// # Errors
/// When the role cannot start or must stop; the message says what to do.
pub async fn run(args: Args, shutdown: Shutdown) -> anyhow::Result<()> {
    let clock = Clock::start();
    let listener = listen(&args).await?;
    let tls = certificates(&args)?;
    let identity = describe(&args);
    let config = args
        .apply(Config::new(to_wire(&identity), clock.now()))
        .map_err(anyhow::Error::msg)?;
    let permission = Permission::new(args.live_settings.clone());
    let election = Election::join(
        args.zk.clone(),
        identity.clone(),
        args.zk_session_timeout,
        permission,
    );
    let gate = election.gate();
    let (act, acting) = watch::channel(false);
    let (elected, at_election) = oneshot::channel();
    // There is one change at a time.
    let (sender, changes) = mpsc::channel(1);
    let stored = Stored {
        at_election,
        changes: sender,
    };
    let state = State::new(Arc::new(config));
    let (handle, writer) = event_loop::start(state, clock, acting, gate.clone(), stored);
    let app = App {
        handle: handle.clone(),
        gate: gate.clone(),
        own: identity.host_port().into(),
    };
    let sessions = Sessions::new(handle.clone(), gate.clone());
    let sessions = AgentSessionServer::new(sessions)
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE);
    let services = Services {
        public: observe::router(&app).merge(http::router(app)),
        sessions: axum::Router::new().route_service("/mesolith.session.v1.AgentSession/{*call}", sessions),
        tls,
    };
    tracing::info!(id = identity.id, address = identity.endpoint(), "master started");
    let server = tokio::spawn(listener::serve(listener, services, shutdown.clone()));
    let writer = tokio::spawn(writer);
    let store = Store::new(args.zk.clone(), gate.watch(), args.zk_session_timeout);
    let registry = keep_registry(store, elected, changes, handle);
    let outcome = follow(registry, gate.watch(), &act, &shutdown).await;
    // Nothing is decided any more once another master may lead.
    act.send_replace(false);
    election.leave().await;
    shutdown.trigger();
    // Both end with the shutdown; a panic in them was reported already.
    let _ = server.await;
    writer.abort();
    outcome
}

/// Reads the registry, which lets the event loop begin, and writes to it from then on.
async fn keep_registry(
    mut store: Store,
    elected: oneshot::Sender<Registry>,
    changes: mpsc::Receiver<Change>,
    handle: Handle,
) -> Result<(), Unreadable> {
    let registry = store.load().await?;
    tracing::info!(decisions = registry.decisions.len(), "the registry is read");
    // An error means that the loop has ended: nobody needs it.
    let _ = elected.send(registry);
    store.serve(changes, handle).await;
    Ok(())
}

/// Lets the event loop act while this master leads; ends when it must stop.
async fn follow(
    registry: impl Future<Output = Result<(), Unreadable>>,
    mut standing: watch::Receiver<Standing>,
    act: &watch::Sender<bool>,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let mut elected = false;
    let mut registry = std::pin::pin!(registry);
    let (mut kept, mut contested) = (true, true);
    loop {
        let now = standing.borrow_and_update().leadership.clone();
        match now {
            Leadership::Ours => {
                act.send_replace(true);
                if !elected {
                    tracing::info!("elected as the leading master");
                    elected = true;
                }
            }
            Leadership::Lost(why) => {
                act.send_replace(false);
                bail!(
                    "lost leadership: {why}. This process ends so that it starts afresh; its supervisor restarts it"
                );
            }
            Leadership::Suspended(why) => {
                act.send_replace(false);
                tracing::warn!("not acting until ZooKeeper answers again: {why}");
            }
            Leadership::Other(leader) => tracing::info!(leader = leader.endpoint(), "standing by"),
            Leadership::Pinned(why) => tracing::info!("standing by: {why}"),
            Leadership::Unknown(why) => tracing::warn!("no leading master: {why}"),
        }
        tokio::select! {
            // Without an election nothing ever changes.
            changed = standing.changed(), if contested => contested = changed.is_ok(),
            ended = &mut registry, if elected && kept => {
                kept = false;
                ended?;
            }
            () = shutdown.wait() => return Ok(()),
        }
    }
}

async fn listen(args: &Args) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::from((args.ip, args.port));
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}. Is another master running there? Look with: ss -ltnp sport = :{}; or choose another --port or --ip", args.port)
    })
}

fn certificates(args: &Args) -> anyhow::Result<Option<ServerTls>> {
    let Some(dir) = &args.pki_dir else { return Ok(None) };
    let tls = ServerTls::from_dir(dir, Role::Node);
    tls.map(Some).with_context(|| {
        format!(
            "cannot use the certificates in {}. Make them with: mesolith pki issue --role node --out {0}",
            dir.display()
        )
    })
}

/// Describes this process as others find it.
fn describe(args: &Args) -> MasterInfo {
    let ip = args.advertise_ip.unwrap_or_else(|| {
        if args.ip.is_unspecified() {
            outward_ip()
        } else {
            args.ip
        }
    });
    let port = args.advertise_port.unwrap_or(args.port);
    let hostname = args.hostname.clone().unwrap_or_else(|| ip.to_string());
    let id = uuid::Uuid::new_v4().to_string();
    MasterInfo::new(&id, ip, port, &hostname, http::MESOS_VERSION)
}

/// The address that this machine uses towards others. Nothing is sent: a connected UDP socket just knows it.
fn outward_ip() -> Ipv4Addr {
    let known = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    match known.map(|address| address.ip()) {
        Ok(IpAddr::V4(ip)) if !ip.is_unspecified() => ip,
        Ok(_) | Err(_) => Ipv4Addr::LOCALHOST,
    }
}

fn to_wire(info: &MasterInfo) -> v1::MasterInfo {
    let capability = |kind| {
        let mut capability = v1::master_info::Capability::default();
        capability.set_type(kind);
        capability
    };
    v1::MasterInfo {
        id: info.id.clone(),
        ip: info.ip,
        port: u32::from(info.port),
        pid: Some(info.pid.clone()),
        hostname: Some(info.hostname.clone()),
        version: Some(info.version.clone()),
        address: info.address.as_ref().map(|a| v1::Address {
            hostname: Some(a.hostname.clone()),
            ip: Some(a.ip.clone()),
            port: i32::from(a.port),
        }),
        domain: None,
        capabilities: vec![
            capability(v1::master_info::capability::Type::AgentUpdate),
            capability(v1::master_info::capability::Type::AgentDraining),
        ],
    }
}
