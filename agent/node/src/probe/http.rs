//! Masters and Mesos agents answer over HTTP.

use reqwest::{Client, Response, StatusCode, header};
use serde_json::Value;

use super::Facts;
use crate::problem::{Problem, chain};

async fn get(client: &Client, address: &str, path: &str) -> Result<Response, Problem> {
    let answer = client.get(format!("http://{address}{path}")).send().await;
    answer.map_err(|e| Problem::new("NotAnswering", format!("{address}: {}", chain(&e))))
}

async fn health(client: &Client, address: &str) -> Result<(), Problem> {
    match get(client, address, "/health").await?.status() {
        StatusCode::OK => Ok(()),
        status => Err(Problem::new(
            "Unhealthy",
            format!("{address}/health answers {status}"),
        )),
    }
}

/// A JSON document, or null: only the health counts, facts are extra.
async fn json(client: &Client, address: &str, path: &str) -> Value {
    match get(client, address, path).await {
        Ok(answer) => answer.json().await.unwrap_or_default(),
        Err(_) => Value::Null,
    }
}

/// `leading` and `leader`. Not from `/state`: that is megabytes on a large cluster.
pub(super) async fn master(client: &Client, address: &str) -> Result<Facts, Problem> {
    health(client, address).await?;
    let mut facts = Facts::new();
    let metrics = json(client, address, "/metrics/snapshot").await;
    if let Some(elected) = metrics.get("master/elected").and_then(Value::as_f64) {
        facts.insert("leading".into(), (elected > 0.0).to_string());
    }
    if let Ok(answer) = get(client, address, "/redirect").await {
        let location = answer
            .headers()
            .get(header::LOCATION)
            .and_then(|value| value.to_str().ok());
        if let Some(leader) = location.and_then(authority) {
            facts.insert("leader".into(), leader.to_owned());
            facts
                .entry("leading".into())
                .or_insert_with(|| (leader == address).to_string());
        }
    }
    Ok(facts)
}

/// `registered`, `agentId` and `master`.
pub(super) async fn agent(client: &Client, address: &str) -> Result<Facts, Problem> {
    health(client, address).await?;
    let state = json(client, address, "/state").await;
    let text = |name: &str| {
        state
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let metrics = json(client, address, "/metrics/snapshot").await;
    let registered = metrics
        .get("slave/registered")
        .and_then(Value::as_f64)
        .map(|value| value > 0.0);
    let id = text("id");
    let mut facts = Facts::new();
    facts.insert(
        "registered".into(),
        registered.unwrap_or(!id.is_empty()).to_string(),
    );
    facts.insert("agentId".into(), id);
    facts.insert("master".into(), text("master_hostname"));
    facts.retain(|_, value| !value.is_empty());
    Ok(facts)
}

/// `host:port` of `//host:port/...`.
fn authority(location: &str) -> Option<&str> {
    location
        .split_once("//")?
        .1
        .split('/')
        .next()
        .filter(|a| !a.is_empty())
}

#[cfg(test)]
mod tests {
    use super::authority;

    #[test]
    fn the_leader_is_in_the_redirect() {
        assert_eq!(authority("//192.0.2.12:5050"), Some("192.0.2.12:5050"));
        assert_eq!(authority("http://m1:5050/master/state"), Some("m1:5050"));
        assert_eq!(authority("/relative"), None);
    }
}
