//! Content types and bodies of the v1 APIs.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Limited};
use mesolith_proto::json;

use super::text;

/// Largest request: an ACCEPT of some ten thousand tasks.
const MAX_BODY: usize = 64 << 20;

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    Json,
    Protobuf,
}

impl Media {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/x-protobuf",
        }
    }

    /// Writes a message.
    pub(super) fn encode<T: prost::Message + serde::Serialize>(self, message: &T) -> Vec<u8> {
        match self {
            Self::Json => json::to_vec(message),
            Self::Protobuf => message.encode_to_vec(),
        }
    }

    /// 200 with a message.
    pub(super) fn answer<T: prost::Message + serde::Serialize>(self, message: &T) -> Response {
        ([(header::CONTENT_TYPE, self.as_str())], self.encode(message)).into_response()
    }

    /// The type of a request's body. Parameters such as a charset are refused, as Mesos does.
    pub(super) fn of_body(headers: &HeaderMap) -> Result<Self, Response> {
        let Some(given) = headers.get(header::CONTENT_TYPE) else {
            return Err(text(
                StatusCode::BAD_REQUEST,
                "Expecting 'Content-Type' to be present",
            ));
        };
        match given.as_bytes() {
            b"application/json" => Ok(Self::Json),
            b"application/x-protobuf" => Ok(Self::Protobuf),
            _ => Err(text(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Expecting 'Content-Type' of application/json or application/x-protobuf",
            )),
        }
    }

    /// The type that the client wants; JSON if it does not care.
    pub(super) fn accepted(headers: &HeaderMap) -> Result<Self, Response> {
        let Some(given) = headers.get(header::ACCEPT) else {
            return Ok(Self::Json);
        };
        let given = given.to_str().unwrap_or_default();
        let wanted: Vec<_> = given
            .split(',')
            .filter_map(|m| m.split(';').next())
            .map(str::trim)
            .collect();
        let takes = |media: Self| {
            wanted
                .iter()
                .any(|m| [media.as_str(), "application/*", "*/*"].contains(m))
        };
        if takes(Self::Json) {
            Ok(Self::Json)
        } else if takes(Self::Protobuf) {
            Ok(Self::Protobuf)
        } else {
            Err(text(
                StatusCode::NOT_ACCEPTABLE,
                "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
            ))
        }
    }

    /// Reads a message.
    pub(super) fn decode<T: prost::Message + Default + json::FromJson>(
        self,
        body: &Bytes,
    ) -> Result<T, Response> {
        let parsed = match self {
            Self::Json => json::from_slice(body).map_err(in_words),
            Self::Protobuf => {
                T::decode(body.clone()).map_err(|_| "Failed to parse body into Call protobuf".into())
            }
        };
        parsed.map_err(|problem| text(StatusCode::BAD_REQUEST, &problem))
    }
}

/// The whole body, up to a limit.
pub(super) async fn body(request: Request<Body>) -> Result<Bytes, Response> {
    match Limited::new(request.into_body(), MAX_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(problem) => Err(text(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("The request body was not read: {problem}"),
        )),
    }
}

/// The problem in Mesos' words: the body is not JSON, or not the message.
fn in_words(problem: json::JsonError) -> String {
    match problem {
        json::JsonError::Syntax { .. } => format!("Failed to parse body into JSON: {problem}"),
        other => format!("Failed to convert JSON into Call protobuf: {other}"),
    }
}
