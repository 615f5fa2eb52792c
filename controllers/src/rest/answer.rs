//! Answers that say no.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use mesolith_migration::{DocumentError, EvidenceView, Refused};
use serde::Serialize;
use utoipa::ToSchema;

/// Why something was not done.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Problem {
    #[serde(skip)]
    pub(super) status: StatusCode,
    /// One CamelCase word.
    pub(super) reason: String,
    /// A sentence: what happened, and what to do.
    pub(super) message: String,
    /// What an approval would sign, when it was not confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) evidence: Option<EvidenceView>,
}

/// An answer, or why there is none. The problem is boxed: it is the rare case, and large.
pub(super) type Answer<T> = Result<T, Box<Problem>>;

impl Problem {
    pub(super) fn new(status: StatusCode, reason: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.to_owned(),
            message: message.into(),
            evidence: None,
        }
    }

    /// What the API server said, in its own words.
    pub(super) fn kubernetes(what: &str, error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(said) if (400..500).contains(&said.code) => {
                let status = StatusCode::from_u16(said.code).unwrap_or(StatusCode::BAD_GATEWAY);
                Self::new(
                    status,
                    &said.reason,
                    format!("failed to {what}: {}", said.message),
                )
            }
            error => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "ApiServerUnreachable",
                format!("failed to {what}: {}", crate::outcome::chain(error)),
            ),
        }
    }

    pub(super) fn bad(reason: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason, message)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let unauthorized = self.status == StatusCode::UNAUTHORIZED;
        let mut response = (self.status, Json(self)).into_response();
        if unauthorized {
            let scheme = header::HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

impl IntoResponse for Box<Problem> {
    fn into_response(self) -> Response {
        (*self).into_response()
    }
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        problem.into_response()
    }
}

impl From<Refused> for Box<Problem> {
    fn from(refused: Refused) -> Self {
        Box::new(Problem::new(
            StatusCode::CONFLICT,
            refused.reason(),
            refused.to_string(),
        ))
    }
}

impl From<DocumentError> for Box<Problem> {
    fn from(error: DocumentError) -> Self {
        Box::new(Problem::bad("InvalidDocument", error.to_string()))
    }
}

impl From<JsonRejection> for Box<Problem> {
    fn from(rejection: JsonRejection) -> Self {
        Box::new(Problem::new(
            rejection.status(),
            "InvalidBody",
            rejection.body_text(),
        ))
    }
}

impl From<QueryRejection> for Box<Problem> {
    fn from(rejection: QueryRejection) -> Self {
        Box::new(Problem::bad("InvalidQuery", rejection.body_text()))
    }
}
