//! Runs an engine as a process: alone under its name, with a control socket, metrics and health.
//!
//! ```text
//! STATE_DIR/NAME.lock    held while it runs; holds its process id
//! STATE_DIR/NAME.sock    the control service
//! STATE_DIR/NAME.log     what it logs, when it runs in the background
//! STATE_DIR/NAME.error   why it ended, when it did not end as asked
//! ```

mod files;
mod health;
mod real;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

pub use files::{Files, Lock};
use mesolith_telemetry::{Health, ServeError, Shutdown};
pub use real::Real;
use tokio::task::JoinHandle;

use crate::control::{Server, ServerError, Tcp};
use crate::handle::{DiffReport, Handle, Refused};
use crate::metrics;
use crate::options::{EndpointOptions, Options};
use crate::settings::Settings;

/// How long an engine that has to end may take for requests that are on their way.
const GRACE: Duration = Duration::from_secs(10);

/// How an engine has ended.
pub type Ended = Pin<Box<dyn Future<Output = Result<(), Refused>> + Send>>;

/// A started engine. It ends when it is told to stop, or when the last sender of commands is dropped.
pub struct Running {
    /// The handle to ask it.
    pub handle: Handle,
    /// Resolves when it has ended.
    pub ended: Ended,
}

impl Running {
    /// An engine that runs as a task. Dropping this value ends the task.
    pub fn task<E>(handle: Handle, task: JoinHandle<Result<(), E>>) -> Self
    where
        E: Into<Refused> + Send + 'static,
    {
        let task = AbortOnDrop(task);
        let ended = async move {
            let mut task = task;
            match (&mut task.0).await {
                Ok(ended) => ended.map_err(Into::into),
                Err(error) => Err(Refused {
                    reason: "EngineBroke",
                    message: format!(
                        "the engine broke: {error}; this is a fault of the program, please report it"
                    ),
                }),
            }
        };
        Self {
            handle,
            ended: Box::pin(ended),
        }
    }
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Two ensembles to compare without an engine.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// Side A.
    pub source: EndpointOptions,
    /// Side B.
    pub target: EndpointOptions,
    /// Routes and exclusions that are compared.
    pub settings: Settings,
    /// Most differences to name.
    pub limit: usize,
}

/// What the command line works with: the real engine, or a scripted one in tests.
pub trait Engine: Send {
    /// Starts an engine. An option that cannot be right is an error; what may become right is waited for.
    fn start(self, options: Options) -> impl Future<Output = Result<Running, Refused>> + Send;

    /// Compares two ensembles without a running engine.
    fn compare(self, comparison: Comparison) -> impl Future<Output = Result<DiffReport, Refused>> + Send;
}

/// Where the process can be reached, in addition to its socket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Serving {
    /// Address of the control service on TCP.
    pub listen: Option<Tcp>,
    /// Address of `/metrics`, `/healthz` and `/readyz`.
    pub metrics: Option<SocketAddr>,
}

/// The process could not start, or ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has this name.
    #[error(
        "an engine named '{name}' runs already as pid {pid}; stop it with: mesos-migrate sync stop --name {name}, or choose another --name or --state-dir"
    )]
    AlreadyRuns {
        /// Name of the engine.
        name: String,
        /// Its process id.
        pid: String,
    },
    /// The directory cannot be used.
    #[error("--state-dir: cannot use {}: {source}", path.display())]
    StateDir {
        /// The directory.
        path: std::path::PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The control service cannot listen, or failed.
    #[error(transparent)]
    Control(#[from] ServerError),
    /// The metrics server cannot listen, or failed.
    #[error("--metrics-listen: {0}")]
    Metrics(#[source] ServeError),
    /// The engine failed.
    #[error("{}", .0.message)]
    Engine(Refused),
}

impl Error {
    /// The reason in CamelCase, as conditions show it.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::AlreadyRuns { .. } => "AlreadyRuns",
            Self::StateDir { .. } => "StateDirNotUsable",
            Self::Control(error) => error.reason(),
            Self::Metrics(error) => error.reason(),
            Self::Engine(refused) => refused.reason,
        }
    }
}

/// Runs an engine until it ends or `shutdown` is triggered.
///
/// # Errors
/// When it cannot start, or ends without being asked to.
pub async fn run(
    options: Options,
    serving: Serving,
    shutdown: Shutdown,
    engine: impl Engine,
) -> Result<(), Error> {
    let files = Files::new(&options.state_dir, &options.name);
    // The lock is held until this function returns. Everything that can be refused is refused before the engine
    // touches an ensemble.
    let _lock = files.lock()?;
    let metrics_listener = match serving.metrics {
        None => None,
        Some(address) => Some(
            mesolith_telemetry::listen(address)
                .await
                .map_err(Error::Metrics)?,
        ),
    };
    let server = Server::bind(&files.socket(), serving.listen.as_ref()).await?;
    tracing::info!(
        name = %options.name,
        source = %options.source.connection_string(),
        target = %options.target.connection_string(),
        paths = %options.settings.paths(),
        socket = %files.socket().display(),
        "the engine starts"
    );
    let started = engine.start(options).await.map_err(Error::Engine);
    let Running { handle, mut ended } = started.inspect_err(|_| files.remove_socket())?;

    let closing = Shutdown::default();
    let registry = metrics::registry(handle.status.clone());
    let readiness = Health::default();
    let followed = health::follow(handle.status.clone(), readiness.clone());
    // The end of the control service is not waited for; the engine's own end is, below.
    let watching = async {
        followed.await;
        std::future::pending::<Result<(), Error>>().await
    };
    let looked_at = async {
        match metrics_listener {
            None => std::future::pending().await,
            Some(listener) => {
                let router = mesolith_telemetry::router(registry, readiness);
                let served = mesolith_telemetry::serve_on(listener, router, closing.clone()).await;
                served.map_err(Error::Metrics)
            }
        }
    };
    // This was the last handle besides the engine's own. When it is dropped, the engine knows that nobody will ask it
    // any more.
    let mut control = tokio::spawn(server.serve(handle, shutdown.clone(), closing.clone()));
    let result = tokio::select! {
        ended = &mut ended => ended.map_err(Error::Engine),
        broken = flatten(&mut control) => broken.map_err(Error::Control),
        broken = looked_at => broken,
        never = watching => never,
        () = shutdown.wait() => {
            tracing::info!("the engine is asked to end");
            closing.trigger();
            let _ = flatten(&mut control).await;
            // The engine is dropped if it takes too long. The checkpoint in the target is exact at every moment.
            match tokio::time::timeout(GRACE, &mut ended).await {
                Ok(ended) => ended.map_err(Error::Engine),
                Err(_) => {
                    tracing::warn!(seconds = GRACE.as_secs(), "the engine did not end in time and is cut off");
                    Ok(())
                }
            }
        }
    };
    files.remove_socket();
    closing.trigger();
    if !control.is_finished() {
        let _ = flatten(&mut control).await;
    }
    match &result {
        Ok(()) => tracing::info!("the engine has ended"),
        Err(error) => tracing::error!(reason = error.reason(), %error, "the engine has ended"),
    }
    result
}

async fn flatten(control: &mut JoinHandle<Result<(), ServerError>>) -> Result<(), ServerError> {
    // A task that has panicked has logged that already.
    control.await.unwrap_or(Ok(()))
}
