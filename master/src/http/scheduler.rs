//! `/api/v1/scheduler`. The order of the checks is what clients see, so it is Mesos'.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mesolith_mesos::FrameworkId;
use mesolith_proto::mesos::v1::scheduler::{Call, Event, call};
use mesolith_proto::recordio;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use super::media::{Media, body};
use super::{App, only_post, text};
use crate::event_loop::{Envelope, Handle};
use crate::gate::Gate;
use crate::input::{Answer, Input, StreamId};
use crate::validate;

const STREAM_ID: &str = "mesos-stream-id";
/// Events that wait for a scheduler before it is cut off: minutes of a busy cluster.
const QUEUE: usize = 8192;

/// Any scheduler call.
pub(super) async fn call(State(app): State<App>, request: Request<Body>) -> Response {
    if request.method() != Method::POST {
        return only_post(request.method());
    }
    match admit(request).await {
        Ok((call, headers)) if call.r#type() == call::Type::Subscribe => {
            subscribe(&app, call, &headers).await
        }
        Ok((call, headers)) => other(&app, call, &headers).await,
        Err(refusal) => refusal,
    }
}

async fn admit(request: Request<Body>) -> Result<(Call, HeaderMap), Response> {
    let media = Media::of_body(request.headers())?;
    let headers = request.headers().clone();
    let call: Call = media.decode(&body(request).await?)?;
    validate::call(&call).map_err(|problem| text(StatusCode::BAD_REQUEST, &problem))?;
    Ok((call, headers))
}

async fn subscribe(app: &App, call: Call, headers: &HeaderMap) -> Response {
    let media = match Media::accepted(headers) {
        Ok(media) => media,
        Err(refusal) => return refusal,
    };
    if headers.contains_key(STREAM_ID) {
        return text(
            StatusCode::BAD_REQUEST,
            "Subscribe calls should not include the 'Mesos-Stream-Id' header",
        );
    }
    let Some(subscribe) = call.subscribe else {
        return text(
            StatusCode::BAD_REQUEST,
            "Failed to validate scheduler::Call: Expecting 'subscribe' to be present",
        );
    };
    let stream = StreamId(uuid::Uuid::new_v4().to_string());
    let (outlet, events) = mpsc::channel(QUEUE);
    let input = Input::Subscribe {
        stream: stream.clone(),
        subscribe: Box::new(subscribe),
    };
    let guard = Guard {
        handle: app.handle.clone(),
        stream: stream.clone(),
    };
    if !app
        .handle
        .send(Envelope {
            stream: Some(outlet),
            ..Envelope::bare(input)
        })
        .await
    {
        return text(StatusCode::SERVICE_UNAVAILABLE, "This master is stopping");
    }
    let events = records(events, media, guard, app.gate.clone());
    let mut response = Response::new(Body::from_stream(events));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media.as_str()));
    if let Ok(id) = HeaderValue::from_str(&stream.0) {
        response.headers_mut().insert(STREAM_ID, id);
    }
    response
}

/// Tells the event loop when the connection ends, for whatever reason.
struct Guard {
    handle: Handle,
    stream: StreamId,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.handle.send_later(Input::StreamClosed {
            stream: self.stream.clone(),
        });
    }
}

/// Events are written here, not by the event loop.
fn records(
    events: mpsc::Receiver<Arc<Event>>,
    media: Media,
    guard: Guard,
    gate: Gate,
) -> impl futures::Stream<Item = Result<Bytes, Infallible>> {
    ReceiverStream::new(events).then(move |event| {
        let _held = &guard;
        let gate = gate.clone();
        async move {
            // An event may lie here while this process is stopped: it leaves only while this master still leads.
            gate.opened().await;
            Ok(recordio::encode(&media.encode(event.as_ref())))
        }
    })
}

async fn other(app: &App, call: Call, headers: &HeaderMap) -> Response {
    let given = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let span = tracing::info_span!("scheduler call", call = call.r#type().as_str_name());
    mesolith_telemetry::continue_from_headers(&span, headers);
    let mut trace: HashMap<String, String> = span.in_scope(mesolith_telemetry::trace_context);
    if trace.is_empty() {
        // Not traced here: the scheduler's context still belongs to the tasks it launches.
        trace = ["traceparent", "tracestate"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), given(name)?)))
            .collect();
    }
    let framework = call
        .framework_id
        .as_ref()
        .map(|id| FrameworkId::from(id.value.as_str()));
    let Some(framework) = framework else {
        return text(
            StatusCode::BAD_REQUEST,
            "Failed to validate scheduler::Call: Expecting 'framework_id' to be present",
        );
    };
    let input = Input::Call {
        framework,
        stream: given(STREAM_ID),
        call: Box::new(call),
        trace,
    };
    answer(app.handle.ask(input).await)
}

/// An answer of the state machine as HTTP.
pub(super) fn answer(answer: Option<Answer>) -> Response {
    match answer {
        Some(Answer::Ok) => StatusCode::OK.into_response(),
        Some(Answer::Accepted) => StatusCode::ACCEPTED.into_response(),
        Some(Answer::BadRequest(why)) => text(StatusCode::BAD_REQUEST, &why),
        Some(Answer::Forbidden(why)) => text(StatusCode::FORBIDDEN, &why),
        Some(Answer::NotFound(why)) => text(StatusCode::NOT_FOUND, &why),
        Some(Answer::Unavailable(why)) => text(StatusCode::SERVICE_UNAVAILABLE, &why),
        Some(Answer::NotImplemented) => text(StatusCode::NOT_IMPLEMENTED, "501 Not Implemented."),
        None => text(StatusCode::SERVICE_UNAVAILABLE, "This master is stopping"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::watch;
    use tokio::time::timeout;

    use super::*;
    use crate::event_loop::fixtures::no_registry;
    use crate::event_loop::{self, Clock};
    use crate::gate::fixtures::{allow, leading};
    use crate::state::{Config, State};

    #[tokio::test(start_paused = true)]
    async fn an_event_that_waits_leaves_only_through_the_gate() {
        let dir = tempfile::tempdir().unwrap();
        let settings = dir.path().join("live.json");
        let (clock, gate) = (Clock::start(), leading(&settings, None));
        let state = State::new(Arc::new(Config::new(Default::default(), clock.now())));
        let acting = watch::channel(true).1;
        let (handle, _writer) = event_loop::start(state, clock, acting, gate.clone(), no_registry());
        let stream = StreamId("s".into());
        let (outlet, events) = mpsc::channel(1);
        outlet.send(Arc::new(Event::default())).await.unwrap();
        let records = records(events, Media::Json, Guard { handle, stream }, gate);
        tokio::pin!(records);
        assert!(timeout(Duration::from_secs(60), records.next()).await.is_err());
        allow(&settings);
        assert!(records.next().await.is_some());
    }
}
