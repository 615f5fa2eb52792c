//! Bodies of the v1 APIs: protobuf or JSON.

use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use prost::Message;

/// Encoding of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Json,
    Protobuf,
}

/// Mesos' answers to a request it cannot read.
pub(super) type Refusal = (StatusCode, String);

impl Codec {
    /// The encoding of a request.
    pub(super) fn of_request(headers: &HeaderMap) -> Result<Self, Refusal> {
        let Some(kind) = headers.get(header::CONTENT_TYPE) else {
            return Err((
                StatusCode::BAD_REQUEST,
                "Expecting 'Content-Type' to be present".into(),
            ));
        };
        match kind.as_bytes() {
            b"application/json" => Ok(Self::Json),
            b"application/x-protobuf" => Ok(Self::Protobuf),
            _ => Err((
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Expecting 'Content-Type' of application/json or application/x-protobuf".into(),
            )),
        }
    }

    /// The encoding of the answer, by `Accept`; JSON without that header.
    pub(super) fn of_answer(headers: &HeaderMap) -> Result<Self, Refusal> {
        let Some(accept) = headers.get(header::ACCEPT).and_then(|a| a.to_str().ok()) else {
            return Ok(Self::Json);
        };
        let accepts = |kind: &str| {
            accept
                .split(',')
                .map(|part| part.split(';').next().unwrap_or_default().trim())
                .any(|part| part == kind || part == "*/*" || part == "application/*")
        };
        if accepts("application/json") {
            Ok(Self::Json)
        } else if accepts("application/x-protobuf") {
            Ok(Self::Protobuf)
        } else {
            let message = "Expecting 'Accept' to allow 'application/json' or 'application/x-protobuf'";
            Err((StatusCode::NOT_ACCEPTABLE, message.into()))
        }
    }

    /// The media type's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/x-protobuf",
        }
    }
}

/// Reads a protobuf body.
pub(super) fn decode<T: Message + Default>(body: &Bytes) -> Result<T, Refusal> {
    let failed = |_| {
        (
            StatusCode::BAD_REQUEST,
            "Failed to parse body into Call protobuf".to_owned(),
        )
    };
    T::decode(body.clone()).map_err(failed)
}
