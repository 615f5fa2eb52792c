//! Plain HTTP as any client of a cluster uses it.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use tokio::runtime::Runtime;

/// One runtime for everything asynchronous in the stories.
pub fn runtime() -> &'static Runtime {
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
pub fn text(url: &str) -> anyhow::Result<String> {
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

/// The body of a successful GET, as JSON.
pub fn json(url: &str) -> anyhow::Result<Value> {
    let body = text(url)?;
    serde_json::from_str(&body).with_context(|| format!("GET {url}: {body}"))
}

/// Sends a form, which has to be taken.
///
/// # Errors
/// When nobody answers, or it is refused.
pub fn post(url: &str, form: &str) -> anyhow::Result<()> {
    runtime().block_on(async {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .build()?;
        let request = client.post(url).body(form.to_owned());
        let response = request.send().await.with_context(|| format!("POST {url}"))?;
        let status = response.status();
        anyhow::ensure!(
            status.is_success(),
            "POST {url}: {status}: {}",
            response.text().await?
        );
        Ok(())
    })
}

/// Those of these masters (`ip:port`) that lead: they answer `/state` themselves. All are asked at once.
#[must_use]
pub fn all_that_lead(masters: &[String]) -> Vec<String> {
    runtime().block_on(async {
        let Ok(client) = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(1))
            .build()
        else {
            return Vec::new();
        };
        let leads = masters.iter().map(async |master| {
            let answer = client.get(format!("http://{master}/state")).send().await;
            answer.is_ok_and(|answer| answer.status() == 200)
        });
        let leads = futures::future::join_all(leads).await;
        let leading = masters.iter().zip(leads).filter(|(_, leads)| *leads);
        leading.map(|(master, _)| master.clone()).collect()
    })
}
