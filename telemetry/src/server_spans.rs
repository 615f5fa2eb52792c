//! A span for every call that a server answers, as a child of the caller's span.

use std::task::{Context, Poll};

use tower::{Layer, Service};
use tracing::Instrument;
use tracing::instrument::Instrumented;

use crate::propagation::continue_from_headers;

/// A tower layer for tonic's and axum's servers: `Server::builder().layer(ServerSpans)`.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServerSpans;

impl<S> Layer<S> for ServerSpans {
    type Service = TracedService<S>;

    fn layer(&self, inner: S) -> TracedService<S> {
        TracedService { inner }
    }
}

/// What [`ServerSpans`] makes of a service.
#[derive(Debug, Clone)]
pub struct TracedService<S> {
    inner: S,
}

impl<S, B> Service<http::Request<B>> for TracedService<S>
where
    S: Service<http::Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Instrumented<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        // The path only: a query may hold what must not be logged.
        let path = request.uri().path();
        let span = tracing::info_span!("call", otel.name = path, otel.kind = "server", path);
        continue_from_headers(&span, request.headers());
        let future = span.in_scope(|| self.inner.call(request));
        future.instrument(span)
    }
}
