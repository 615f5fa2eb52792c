//! The current span as a W3C `traceparent`, so that a task's start is part of the trace of its reconcile.

/// The header's value; `None` when nobody traces.
pub(super) fn parent() -> Option<String> {
    mesolith_telemetry::trace_context().remove("traceparent")
}
