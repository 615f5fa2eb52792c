//! Requests that mean a path of a router without having it.

use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use tower::ServiceExt;

/// Asks `router` by the path that `meant` says a request's path means; where it says none, by the request's own path.
/// Handlers find the request's own one in axum's `OriginalUri`.
pub fn route_by(
    router: Router,
    meant: impl Fn(&str) -> Option<String> + Clone + Send + Sync + 'static,
) -> Router {
    let by_meaning = move |mut request: Request| {
        if let Some(uri) = meant(request.uri().path()).and_then(|path| with_path(request.uri(), &path)) {
            *request.uri_mut() = uri;
        }
        request
    };
    // A layer would see requests only after the router has chosen.
    Router::new().fallback_service(router.map_request(by_meaning))
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let path_and_query = match uri.query() {
        Some(query) => format!("{path}?{query}").parse().ok()?,
        None => path.parse().ok()?,
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::extract::OriginalUri;
    use axum::http::StatusCode;
    use axum::routing::any;

    use super::*;

    async fn ask(path: &str) -> (StatusCode, String) {
        let known = Router::new().route(
            "/known",
            any(|uri: Uri, OriginalUri(own): OriginalUri| async move { format!("{uri} from {own}") }),
        );
        let router = route_by(known, |path| {
            path.starts_with("/alias").then(|| "/known".to_owned())
        });
        let request = Request::builder()
            .uri(path)
            .body(axum::body::Body::empty())
            .unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_request_reaches_what_its_path_means() {
        let answer = ask("/alias/x?a=b").await;
        assert_eq!(answer, (StatusCode::OK, "/known?a=b from /alias/x?a=b".into()));
        let answer = ask("/known").await;
        assert_eq!(answer, (StatusCode::OK, "/known from /known".into()));
        assert_eq!(ask("/other").await.0, StatusCode::NOT_FOUND);
    }
}
