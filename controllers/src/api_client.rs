//! The Kubernetes client. It counts every write, and refuses writes unless this replica holds the lease.

use crate::leader::Term;
use crate::metrics::Metrics;
use futures::future::{Either, Ready, ready};
use http::{Method, Request};
use kube::client::{Body, ClientBuilder};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::path::Path;
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{BoxError, Layer, Service};

/// A hung API server must not hold a reconcile for the client's default of minutes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Errors before there is a client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The given kubeconfig cannot be used.
    #[error("failed to use kubeconfig {path}: {message}. Check --kubeconfig")]
    ReadKubeconfig {
        /// The path as it was given.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// Neither a kubeconfig nor a service account.
    #[error(
        "no Kubernetes API to work with: {0}. Give --kubeconfig FILE, set KUBECONFIG, or run in a pod with a service account"
    )]
    FindConfig(String),
    /// The configuration was found, but no client could be made from it.
    #[error("failed to set up the Kubernetes client: {0}")]
    BuildClient(String),
}

/// Finds the API server as kubectl does.
pub(crate) async fn config(kubeconfig: Option<&Path>) -> Result<Config, Error> {
    let mut config = match kubeconfig {
        Some(path) => {
            let failed = |message: String| Error::ReadKubeconfig {
                path: path.display().to_string(),
                message,
            };
            let file = Kubeconfig::read_from(path).map_err(|e| failed(crate::outcome::chain(&e)))?;
            Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
                .await
                .map_err(|e| failed(crate::outcome::chain(&e)))?
        }
        None => Config::infer()
            .await
            .map_err(|e| Error::FindConfig(crate::outcome::chain(&e)))?,
    };
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    Ok(config)
}

/// A client whose writes are counted and, with a term, allowed only while the term lasts.
pub(crate) fn client(config: Config, metrics: Metrics, term: Option<Term>) -> Result<Client, Error> {
    let builder =
        ClientBuilder::try_from(config).map_err(|e| Error::BuildClient(crate::outcome::chain(&e)))?;
    Ok(builder.with_layer(&GateLayer { metrics, term }).build())
}

#[derive(Clone)]
struct GateLayer {
    metrics: Metrics,
    term: Option<Term>,
}

impl<S> Layer<S> for GateLayer {
    type Service = Gate<S>;

    fn layer(&self, inner: S) -> Gate<S> {
        Gate {
            inner,
            metrics: self.metrics.clone(),
            term: self.term.clone(),
        }
    }
}

struct Gate<S> {
    inner: S,
    metrics: Metrics,
    term: Option<Term>,
}

impl<S> Service<Request<Body>> for Gate<S>
where
    S: Service<Request<Body>, Error = BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Either<Ready<Result<S::Response, BoxError>>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if let Some(verb) = write_verb(request.method()) {
            if self.term.as_ref().is_some_and(|term| !term.may_write()) {
                return Either::Left(ready(Err("this replica no longer holds the lease".into())));
            }
            let kind = kind_of(request.uri().path());
            // A review is asked by POST, and nothing is stored.
            if !kind.ends_with("reviews") {
                self.metrics.wrote(kind, verb);
            }
        }
        Either::Right(self.inner.call(request))
    }
}

fn write_verb(method: &Method) -> Option<&'static str> {
    match method.as_str() {
        "POST" => Some("create"),
        "PUT" => Some("update"),
        "PATCH" => Some("patch"),
        "DELETE" => Some("delete"),
        _ => None,
    }
}

/// `mesosclusters/status` out of `/apis/mesolith.io/v1alpha1/namespaces/ns/mesosclusters/name/status`.
fn kind_of(path: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let skip = match parts.first() {
        Some(&"api") => 2,
        Some(&"apis") => 3,
        _ => 0,
    };
    parts.drain(..skip.min(parts.len()));
    if parts.first() == Some(&"namespaces") && parts.len() > 2 {
        parts.drain(..2);
    }
    match parts.as_slice() {
        [kind, _name, sub, ..] => format!("{kind}/{sub}"),
        [kind, ..] => (*kind).to_owned(),
        [] => "other".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::kind_of;
    use rstest::rstest;

    #[rstest]
    #[case(
        "/apis/mesolith.io/v1alpha1/namespaces/ns/mesosclusters/prod/status",
        "mesosclusters/status"
    )]
    #[case("/apis/events.k8s.io/v1/namespaces/ns/events", "events")]
    #[case("/api/v1/namespaces/ns/secrets/prod-ca", "secrets")]
    #[case("/api/v1/namespaces/ns", "namespaces")]
    #[case("/apis/coordination.k8s.io/v1/namespaces/ns/leases/l", "leases")]
    #[case("/", "other")]
    fn kinds_have_no_object_names(#[case] path: &str, #[case] kind: &str) {
        assert_eq!(kind_of(path), kind);
    }
}
