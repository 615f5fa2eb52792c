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
pub(crate) struct Span {
    pub(crate) trace: Vec<u8>,
    pub(crate) id: Vec<u8>,
    pub(crate) parent: Vec<u8>,
    pub(crate) name: String,
    pub(crate) service: String,
    /// `key=value` of its attributes.
    pub(crate) attributes: Vec<String>,
}

impl Span {
    /// Whether it has this attribute.
    pub(crate) fn has(&self, key: &str, value: &str) -> bool {
        self.attributes.iter().any(|a| *a == format!("{key}={value}"))
    }
}

pub(crate) struct Collector {
    spans: Arc<Mutex<Vec<Span>>>,
    port: u16,
}

struct Service(Arc<Mutex<Vec<Span>>>);

impl Collector {
    /// Listens on a free port of loopback until the process ends.
    pub(crate) fn start() -> anyhow::Result<Self> {
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
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Every span so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap().clone()
    }
}

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut kept = self.0.lock().unwrap();
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
