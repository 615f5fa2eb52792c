//! An OTLP collector inside the test: keeps every span it is sent.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tonic::{Request, Response, Status};

use crate::http::runtime;

/// A span as far as the stories care.
#[derive(Debug, Clone)]
pub struct Span {
    /// Id of the trace.
    pub trace: Vec<u8>,
    /// Id of the span.
    pub id: Vec<u8>,
    /// Id of the span that it belongs to; empty for the first one.
    pub parent: Vec<u8>,
    /// What was done.
    pub name: String,
    /// Program that did it.
    pub service: String,
    /// `key=value` of its attributes.
    pub attributes: Vec<String>,
}

impl Span {
    /// Whether it has this attribute.
    pub fn has(&self, key: &str, value: &str) -> bool {
        self.attributes.iter().any(|a| *a == format!("{key}={value}"))
    }
}

/// Receives traces over OTLP and keeps them.
pub struct Collector {
    spans: Arc<Mutex<Vec<Span>>>,
    port: u16,
}

struct Service(Arc<Mutex<Vec<Span>>>);

impl Collector {
    /// Listens on a free port of loopback until the process ends.
    pub fn start() -> anyhow::Result<Self> {
        let spans: Arc<Mutex<Vec<Span>>> = Arc::default();
        let address = std::net::SocketAddr::from((
            [127, 0, 0, 1],
            mesolith_testkit::free_port([127, 0, 0, 1].into())?,
        ));
        let service = TraceServiceServer::new(Service(spans.clone()));
        runtime().spawn(
            tonic::transport::Server::builder()
                .add_service(service)
                .serve(address),
        );
        Ok(Self {
            spans,
            port: address.port(),
        })
    }

    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` is set to.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Every span so far.
    pub fn spans(&self) -> Vec<Span> {
        self.spans
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }
}

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for resource in request.into_inner().resource_spans {
            let about = resource.resource.map(|r| r.attributes).unwrap_or_default();
            let service = texts(&about)
                .into_iter()
                .find_map(|t| t.strip_prefix("service.name=").map(str::to_owned));
            for span in resource.scope_spans.into_iter().flat_map(|s| s.spans) {
                kept.push(Span {
                    trace: span.trace_id,
                    id: span.span_id,
                    parent: span.parent_span_id,
                    name: span.name,
                    service: service.clone().unwrap_or_default(),
                    attributes: texts(&span.attributes),
                });
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn texts(attributes: &[opentelemetry_proto::tonic::common::v1::KeyValue]) -> Vec<String> {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        other => format!("{other:?}"),
    };
    let known = attributes
        .iter()
        .filter_map(|a| Some((&a.key, a.value.as_ref()?.value.as_ref()?)));
    known
        .map(|(key, value)| format!("{key}={}", text(value)))
        .collect()
}
