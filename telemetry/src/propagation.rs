//! W3C trace context across processes: in gRPC metadata and HTTP headers, or in a map inside a message.

use std::collections::HashMap;

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tonic::metadata::{AsciiMetadataKey, MetadataMap};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The current span's context, to travel in a message; empty when nothing is traced.
#[must_use]
pub fn trace_context() -> HashMap<String, String> {
    let mut map = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut map);
    map
}

/// Makes `span` a child of the span that [`trace_context`] was called in. Before the span is entered.
pub fn continue_from_map(span: &Span, map: &HashMap<String, String>) {
    set_parent(span, TraceContextPropagator::new().extract(map));
}

/// Makes `span` a child of the caller's, as its headers say. Before the span is entered.
pub fn continue_from_headers(span: &Span, headers: &http::HeaderMap) {
    set_parent(span, TraceContextPropagator::new().extract(&Headers(headers)));
}

/// Puts the current span's context into the metadata of a call.
pub fn inject_metadata(metadata: &mut MetadataMap) {
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut Metadata(metadata));
}

/// The same as an interceptor: `NodeClient::with_interceptor(channel, propagate)`.
///
/// # Errors
/// Never.
#[allow(clippy::result_large_err, reason = "the type that tonic asks for")]
pub fn propagate(mut request: tonic::Request<()>) -> Result<tonic::Request<()>, tonic::Status> {
    inject_metadata(request.metadata_mut());
    Ok(request)
}

fn set_parent(span: &Span, parent: Context) {
    // Fails when nothing is traced, or the span has begun already: then there is no parent to be had.
    let _ = span.set_parent(parent);
}

struct Headers<'a>(&'a http::HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

struct Metadata<'a>(&'a mut MetadataMap);

impl Injector for Metadata<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(key), Ok(value)) = (key.parse::<AsciiMetadataKey>(), value.parse()) {
            self.0.insert(key, value);
        }
    }
}
