//! TLS with a certificate from files, which is followed when it is renewed.

use super::Error;
use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use mesolith_telemetry::Shutdown;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(30);
/// Requests that run at the end may take this long.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until shutdown.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    dir: &Path,
    shutdown: Shutdown,
) -> Result<(), Error> {
    let files = Files::new(dir);
    let seen = files.changed();
    let config = RustlsConfig::from_pem_file(&files.cert, &files.key).await;
    let config = config.map_err(|error| Error::Certificate {
        dir: dir.display().to_string(),
        problem: error.to_string(),
    })?;
    let handle = Handle::new();
    let server = axum_server::from_tcp_rustls(listener.into_std().map_err(Error::Ended)?, config.clone());
    let server = server.map_err(Error::Ended)?.handle(handle.clone());
    let serve = server.serve(router.into_make_service());
    tokio::pin!(serve);
    tokio::select! {
        ended = &mut serve => return ended.map_err(Error::Ended),
        () = files.follow(config, seen) => {}
        () = shutdown.wait() => handle.graceful_shutdown(Some(GRACE)),
    }
    serve.await.map_err(Error::Ended)
}

struct Files {
    cert: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new(dir: &Path) -> Self {
        Self {
            cert: dir.join("tls.crt"),
            key: dir.join("tls.key"),
        }
    }

    /// When each of them was changed last.
    fn changed(&self) -> [Option<SystemTime>; 2] {
        [&self.cert, &self.key].map(|path| std::fs::metadata(path).and_then(|found| found.modified()).ok())
    }

    /// Uses them again whenever they have changed. Those that cannot be used are told once; the ones before stay.
    async fn follow(&self, config: RustlsConfig, mut seen: [Option<SystemTime>; 2]) {
        loop {
            tokio::time::sleep(LOOK).await;
            let now = self.changed();
            if now == seen {
                continue;
            }
            seen = now;
            match config.reload_from_pem_file(&self.cert, &self.key).await {
                Ok(()) => {
                    tracing::info!(cert = %self.cert.display(), "the migration API's certificate was reloaded")
                }
                Err(error) => tracing::warn!(
                    cert = %self.cert.display(), %error,
                    "the migration API's changed certificate cannot be used; keeping the one before"
                ),
            }
        }
    }
}
