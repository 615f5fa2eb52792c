//! An HTTP server that keeps what it was sent and answers what it was told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// What one request was.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

type Answer = (StatusCode, Vec<(&'static str, &'static str)>, String);
type Check = fn(&Value) -> Answer;

#[derive(Clone)]
struct Shared {
    seen: Arc<Mutex<Vec<Request>>>,
    /// Answers to the next requests; then those of `check`.
    planned: Arc<Mutex<VecDeque<Answer>>>,
    check: Check,
}

pub(crate) struct Receiver {
    pub(crate) base: String,
    shared: Shared,
}

impl Receiver {
    /// Serves until the test's runtime ends.
    pub(crate) async fn start(check: Check) -> Self {
        let shared = Shared {
            seen: Arc::default(),
            planned: Arc::default(),
            check,
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(take).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base, shared }
    }

    pub(crate) fn plan(&self, status: u16, headers: Vec<(&'static str, &'static str)>, said: &str) {
        let answer = (StatusCode::from_u16(status).unwrap(), headers, said.to_owned());
        self.shared.planned.lock().unwrap().push_back(answer);
    }

    pub(crate) fn seen(&self) -> Vec<Request> {
        self.shared.seen.lock().unwrap().clone()
    }
}

async fn take(State(shared): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    shared.seen.lock().unwrap().push(Request {
        path: uri.to_string(),
        headers: headers.clone(),
        body: body.clone(),
    });
    let planned = shared.planned.lock().unwrap().pop_front();
    let (status, extra, said) = planned.unwrap_or_else(|| (shared.check)(&body));
    let mut response = (status, said).into_response();
    for (name, value) in extra {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

pub(crate) fn ok(said: &str) -> Answer {
    (StatusCode::OK, Vec::new(), said.to_owned())
}
