//! Logs to stderr, traces to a collector.

use std::io::IsTerminal;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing_subscriber::filter::{EnvFilter, FilterExt, ParseError, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::options::Options;

/// A collector that does not answer must not hold up the end of the process for longer.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);
/// One batch of spans.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(3);

/// Telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The filter does not parse.
    #[error("'{filter}' is not a log filter; use a level such as info, or info,mesolith_master=debug")]
    ParseFilter {
        /// What was given.
        filter: String,
        /// The cause.
        source: ParseError,
    },
    /// The collector's address cannot be used.
    #[error("traces cannot be sent to '{endpoint}'; use an address such as http://127.0.0.1:4317")]
    BuildExporter {
        /// What was given.
        endpoint: String,
        /// The cause.
        source: ExporterBuildError,
    },
    /// Called twice.
    #[error("logging is set up already")]
    SetSubscriber(#[source] tracing_subscriber::util::TryInitError),
}

/// What is still to be sent when the process ends; see [`Telemetry::shutdown`].
#[must_use = "spans that were not sent are lost unless shutdown is called"]
#[derive(Debug, Default)]
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

/// Sets up logs on stderr and, where a collector is set, traces. Call once, inside the runtime.
///
/// # Errors
/// When an option makes no sense.
pub fn init(service: &'static str, options: &Options) -> Result<Telemetry, InitError> {
    let is_json = options.is_json(std::io::stderr().is_terminal());
    let (subscriber, telemetry) = subscriber(service, options, is_json, std::io::stderr)?;
    subscriber.try_init().map_err(InitError::SetSubscriber)?;
    Ok(telemetry)
}

/// What [`init`] installs, for tests: lines go to `writer`.
///
/// # Errors
/// When an option makes no sense.
pub fn subscriber<W>(
    service: &'static str,
    options: &Options,
    is_json: bool,
    writer: W,
) -> Result<(impl Subscriber + Send + Sync + use<W>, Telemetry), InitError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = || {
        EnvFilter::try_new(&options.log).map_err(|source| InitError::ParseFilter {
            filter: options.log.clone(),
            source,
        })
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = if is_json {
        lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .boxed()
    } else {
        lines.with_ansi(std::io::stderr().is_terminal()).boxed()
    };
    let provider = options
        .collector()
        .map(|endpoint| provider(service, endpoint))
        .transpose()?;
    // Only our own spans: those of the HTTP/2 library would trace the sending of traces.
    let spans = provider
        .as_ref()
        .map(|p| tracing_opentelemetry::layer().with_tracer(p.tracer("mesolith")));
    let ours = filter_fn(|meta| meta.target().starts_with("mesolith"));
    let subscriber = tracing_subscriber::registry()
        .with(spans.with_filter(filter()?.and(ours)))
        .with(lines.with_filter(filter()?));
    Ok((subscriber, Telemetry { provider }))
}

fn provider(service: &'static str, endpoint: &str) -> Result<SdkTracerProvider, InitError> {
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(|source| InitError::BuildExporter {
            endpoint: endpoint.to_owned(),
            source,
        })?;
    let resource = Resource::builder()
        .with_service_name(service)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}

impl Telemetry {
    /// Sends what is left, waiting a few seconds at most. The last thing a process does.
    pub async fn shutdown(self) {
        let Some(provider) = self.provider else { return };
        // The exporter blocks while the runtime must go on sending.
        let flushed =
            tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_TIMEOUT)).await;
        if let Ok(Err(error)) = flushed {
            tracing::warn!(%error, "some traces were not sent");
        }
    }
}
