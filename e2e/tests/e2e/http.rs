//! Plain HTTP as any client of a cluster uses it.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use tokio::runtime::Runtime;

/// One runtime for everything asynchronous in the stories.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime")
    })
}

/// The body of a successful GET.
pub(crate) fn text(url: &str) -> anyhow::Result<String> {
    runtime().block_on(async {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .build()?;
        let response = client
            .get(url)
            .send()
            .await
            .with_context(|| format!("GET {url}"))?;
        let status = response.status();
        let body = response.text().await?;
        anyhow::ensure!(status.is_success(), "GET {url}: {status}: {body}");
        Ok(body)
    })
}

/// The body of a GET that is answered there and then, without a redirect to somebody else.
pub(crate) fn text_from_here(url: &str) -> anyhow::Result<String> {
    runtime().block_on(async {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(2))
            .build()?;
        let response = client
            .get(url)
            .send()
            .await
            .with_context(|| format!("GET {url}"))?;
        anyhow::ensure!(response.status() == 200, "GET {url}: {}", response.status());
        Ok(response.text().await?)
    })
}

/// The body of a successful GET, as JSON.
pub(crate) fn json(url: &str) -> anyhow::Result<Value> {
    let body = text(url)?;
    serde_json::from_str(&body).with_context(|| format!("GET {url}: {body}"))
}
