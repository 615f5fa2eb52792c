//! The v1 executor API: one stream of events to an executor, calls back from it.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt;
use mesolith_proto::mesos::v1::executor::{Call, Event, call};
use mesolith_proto::recordio;
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::codec::{self, Codec, Refusal};
use super::{App, AppState, text};
use crate::state::{ExecutorCall, ExecutorKey, Input};

pub(super) async fn call(
    State(app): State<App>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if method != Method::POST {
        let message =
            format!("405 Method Not Allowed. Expecting one of {{ 'POST' }}, but received '{method}'.");
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, message);
        response
            .headers_mut()
            .insert(header::ALLOW, header::HeaderValue::from_static("POST"));
        return response;
    }
    match handle(&app.0, &headers, &body) {
        Ok(response) => response,
        Err((status, message)) => text(status, message),
    }
}

fn handle(app: &AppState, headers: &HeaderMap, body: &Bytes) -> Result<Response, Refusal> {
    let call: Call = match Codec::of_request(headers)? {
        Codec::Json => json_call(body)?,
        Codec::Protobuf => codec::decode(body)?,
    };
    let missing = |what: &str| {
        (
            StatusCode::BAD_REQUEST,
            format!("Failed to validate Executor::Call: Expecting '{what}' to be present"),
        )
    };
    let key = ExecutorKey::new(&call.framework_id, &call.executor_id);
    let kind = call
        .r#type
        .and_then(|t| call::Type::try_from(t).ok())
        .ok_or_else(|| missing("type"))?;
    let payload = match kind {
        call::Type::Subscribe => ExecutorCall::Subscribe(call.subscribe.ok_or_else(|| missing("subscribe"))?),
        call::Type::Update => {
            let update = call.update.ok_or_else(|| missing("update"))?;
            if update.status.uuid.as_ref().is_none_or(|uuid| uuid.len() != 16) {
                let message = "Failed to validate Executor::Call: Not a valid UUID";
                return Err((StatusCode::BAD_REQUEST, message.into()));
            }
            ExecutorCall::Update(Box::new(update.status))
        }
        call::Type::Message => ExecutorCall::Message(call.message.ok_or_else(|| missing("message"))?.data),
        call::Type::Heartbeat => return Ok(StatusCode::ACCEPTED.into_response()),
        call::Type::Unknown => return Err((StatusCode::NOT_IMPLEMENTED, "501 Not Implemented.".into())),
    };
    let subscribed = {
        let agent = app.agent.read();
        if !agent.frameworks.contains_key(&key.framework) {
            return Err((StatusCode::BAD_REQUEST, "Framework cannot be found".into()));
        }
        let executor = agent.executors.get(&key);
        executor
            .ok_or((StatusCode::BAD_REQUEST, "Executor cannot be found".to_owned()))?
            .subscribed
    };
    if let ExecutorCall::Subscribe(subscribe) = payload {
        return self::subscribe(app, headers, key, subscribe);
    }
    if !subscribed {
        return Err((StatusCode::FORBIDDEN, "Executor is not subscribed".into()));
    }
    let _ = app.inputs.send(Input::Executor(key, payload));
    Ok(StatusCode::ACCEPTED.into_response())
}

fn subscribe(
    app: &AppState,
    headers: &HeaderMap,
    key: ExecutorKey,
    subscribe: call::Subscribe,
) -> Result<Response, Refusal> {
    let codec = Codec::of_answer(headers)?;
    let (sender, receiver) = mpsc::unbounded_channel();
    // The stream is registered before the machine hears of it, so that its first event is not lost.
    let mut streams = app
        .streams
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    streams.insert(key.clone(), sender.clone());
    drop(streams);
    let _ = app
        .inputs
        .send(Input::Executor(key.clone(), ExecutorCall::Subscribe(subscribe)));
    let (inputs, streams) = (app.inputs.clone(), app.streams.clone());
    tokio::spawn(async move {
        // Resolves when the connection is gone: only the receiver's end closes this channel.
        sender.closed().await;
        let mut streams = streams.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if streams
            .get(&key)
            .is_some_and(|current| current.same_channel(&sender))
        {
            streams.remove(&key);
            let _ = inputs.send(Input::Executor(key, ExecutorCall::Disconnected));
        }
    });
    let records =
        UnboundedReceiverStream::new(receiver).map(move |event| Ok::<_, Infallible>(encode(codec, &event)));
    let headers = [(header::CONTENT_TYPE, codec.name())];
    Ok((headers, Body::from_stream(records)).into_response())
}

fn json_call(body: &Bytes) -> Result<Call, Refusal> {
    mesolith_proto::json::from_slice(body).map_err(|e| (StatusCode::BAD_REQUEST, e.answer("Call")))
}

fn encode(codec: Codec, event: &Event) -> Bytes {
    match codec {
        Codec::Protobuf => recordio::encode(&event.encode_to_vec()),
        Codec::Json => recordio::encode(&mesolith_proto::json::to_vec(event)),
    }
}
