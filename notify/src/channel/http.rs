//! One HTTP request with a JSON body, and what its answer means.

use std::error::Error;
use std::time::Duration;

use mesolith_secret::Secret;
use reqwest::{Client, Response, StatusCode, Url, header};

use crate::alert::clip;
use crate::failure::Failure;

/// As much of an answer as a person reads.
const SAID: usize = 200;
/// As much of an answer as is fetched for that.
const ANSWER: usize = 4096;

/// A request that is ready to be sent. The URL may be a secret itself.
pub(super) struct Post {
    pub(super) url: Url,
    pub(super) bearer: Option<Secret>,
    pub(super) body: serde_json::Value,
    /// What must not be shown when the other side repeats it.
    pub(super) secrets: Vec<Secret>,
}

/// Host and port, all of a URL that is shown.
pub(super) fn host(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}:{port}", url.host_str().unwrap_or_default())
}

pub(super) async fn send(client: &Client, limit: Duration, post: Post) -> Result<(), Failure> {
    let host = host(&post.url);
    let mut request = client.post(post.url).json(&post.body).timeout(limit);
    if let Some(token) = &post.bearer {
        request = request.bearer_auth(token.expose());
    }
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) if error.is_timeout() => {
            return Err(Failure::TimedOut {
                host,
                seconds: limit.as_secs(),
            });
        }
        Err(error) => {
            return Err(Failure::Unreachable {
                host,
                problem: redact(&root(&error.without_url()), &post.secrets),
            });
        }
    };
    if response.status().is_success() {
        return Ok(());
    }
    let (status, retry_after) = (response.status(), retry_after(&response));
    let said = redact(&beginning(response).await, &post.secrets);
    Err(judge(host, status, retry_after, clip(said.trim(), SAID)))
}

/// What a status other than 2xx means. We follow no redirect: it would send the message, and its key, elsewhere.
fn judge(host: String, status: StatusCode, retry_after: Option<u64>, said: String) -> Failure {
    let code = status.as_u16();
    match status {
        StatusCode::TOO_MANY_REQUESTS => Failure::Throttled { host, retry_after },
        StatusCode::REQUEST_TIMEOUT => Failure::Broken { host, code, said },
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
            Failure::Refused { host, code, said }
        }
        _ if status.is_server_error() => Failure::Broken { host, code, said },
        _ => Failure::Denied { host, code, said },
    }
}

/// Seconds of `Retry-After`; the form with a date is not used by those that we talk to.
fn retry_after(response: &Response) -> Option<u64> {
    let value = response.headers().get(header::RETRY_AFTER)?;
    value.to_str().ok()?.trim().parse().ok()
}

/// The first bytes of an answer; what breaks off while it is read is as good.
async fn beginning(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= ANSWER {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn redact(text: &str, secrets: &[Secret]) -> String {
    secrets
        .iter()
        .fold(text.to_owned(), |text, secret| secret.redact(&text))
}

/// The innermost cause, which names what the system said.
pub(super) fn root(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
