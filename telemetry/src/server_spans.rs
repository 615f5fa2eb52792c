//! A span for every call that a server answers, as a child of the caller's span, with how it was answered.

use std::task::{Context, Poll};

use futures::TryFutureExt;
use futures::future::InspectOk;
use tower::{Layer, Service};
use tracing::field::Empty;
use tracing::instrument::Instrumented;
use tracing::{Instrument, Span};

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

impl<S, B, R> Service<http::Request<B>> for TracedService<S>
where
    S: Service<http::Request<B>, Response = http::Response<R>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Instrumented<InspectOk<S::Future, fn(&http::Response<R>)>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        // The path only: a query may hold what must not be logged.
        let path = request.uri().path();
        let span = tracing::info_span!(
            "call",
            otel.name = path,
            otel.kind = "server",
            otel.status_code = Empty,
            http.response.status_code = Empty,
            rpc.grpc.status_code = Empty,
            path
        );
        continue_from_headers(&span, request.headers());
        let future = span.in_scope(|| self.inner.call(request));
        let seen: fn(&http::Response<R>) = answered;
        future.inspect_ok(seen).instrument(span)
    }
}

/// The outcome, as far as the beginning of an answer tells it. A gRPC server that refuses a call says so there;
/// otherwise nothing is known yet.
fn answered<R>(response: &http::Response<R>) {
    let span = Span::current();
    let status = response.status();
    // Signed, because a collector gets unsigned figures as text.
    span.record("http.response.status_code", i64::from(status.as_u16()));
    let grpc = response.headers().get("grpc-status");
    let grpc: Option<i64> = grpc.and_then(|code| code.to_str().ok()?.parse().ok());
    if let Some(code) = grpc {
        span.record("rpc.grpc.status_code", code);
    }
    if status.is_server_error() || grpc.is_some_and(|code| code != 0) {
        span.record("otel.status_code", "ERROR");
    }
}
