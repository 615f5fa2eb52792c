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
        () = files.follow(config, seen, LOOK) => {}
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
    async fn follow(&self, config: RustlsConfig, mut seen: [Option<SystemTime>; 2], every: Duration) {
        loop {
            tokio::time::sleep(every).await;
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

#[cfg(test)]
mod tests {
    use super::*;
    use mesolith_pki::{Authority, CertificateRequest, Identity, Role};
    use std::net::Ipv4Addr;

    /// Puts a certificate of a new authority into the directory; what trusts it and nothing else.
    fn certify(dir: &Path) -> reqwest::Client {
        let authority = Authority::create("api").unwrap();
        let request = CertificateRequest::new(Identity::new(Role::Node, "api").unwrap(), ["127.0.0.1"]);
        let material = authority.issue(&request).unwrap();
        std::fs::write(dir.join("tls.key"), &material.key).unwrap();
        std::fs::write(dir.join("tls.crt"), &material.cert).unwrap();
        let trusted = reqwest::Certificate::from_pem(material.ca.as_bytes()).unwrap();
        reqwest::Client::builder()
            .tls_certs_only([trusted])
            .build()
            .unwrap()
    }

    #[tokio::test]
    async fn a_renewed_certificate_is_used_without_a_restart() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        let before = certify(dir.path());
        let files = Files::new(dir.path());
        let config = RustlsConfig::from_pem_file(&files.cert, &files.key)
            .await
            .unwrap();
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        let server = axum_server::from_tcp_rustls(listener, config.clone()).unwrap();
        let serve = server.serve(Router::new().into_make_service());
        let asks = async {
            assert!(before.get(&url).send().await.is_ok());
            // Half of a renewal: the key does not belong to the certificate yet, so the one before stays in use.
            let key = std::fs::read(dir.path().join("tls.key")).unwrap();
            std::fs::write(dir.path().join("tls.crt"), "nothing").unwrap();
            std::fs::write(dir.path().join("tls.key"), key).unwrap();
            assert!(before.get(&url).send().await.is_ok());
            let after = certify(dir.path());
            while after.get(&url).send().await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let seen = files.changed();
        tokio::select! {
            ended = serve => ended.unwrap(),
            () = files.follow(config, seen, Duration::from_millis(10)) => {}
            done = tokio::time::timeout(Duration::from_secs(60), asks) => done.unwrap(),
        }
    }
}
