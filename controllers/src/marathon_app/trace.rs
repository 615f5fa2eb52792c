//! The current span as a W3C `traceparent`, so that a task's start is part of the trace of its reconcile.

use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The header's value; `None` when nobody traces.
pub(super) fn parent() -> Option<String> {
    use opentelemetry::trace::TraceContextExt;
    let context = tracing::Span::current().context();
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| {
        format!(
            "00-{}-{}-{:02x}",
            span.trace_id(),
            span.span_id(),
            span.trace_flags().to_u8()
        )
    })
}
