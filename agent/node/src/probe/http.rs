//! Masters and Mesos agents answer over HTTP.

use mesolith_proto::live::{LeadershipReport, MAY_LEAD};
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

/// `leading`, `leader`, and `mayLead` once the master has read the live settings of that generation.
pub(super) async fn master(client: &Client, address: &str, generation: u64) -> Result<Facts, Problem> {
    health(client, address).await?;
    let answer = get(client, address, "/leadership").await?;
    if answer.status().is_success()
        && let Ok(report) = answer.json::<LeadershipReport>().await
    {
        return Ok(leadership(report, generation));
    }
    elder_master(client, address).await
}

fn leadership(report: LeadershipReport, generation: u64) -> Facts {
    let mut facts = Facts::from([("leading".to_owned(), report.leading.to_string())]);
    facts.extend(report.leader.map(|leader| ("leader".to_owned(), leader)));
    // An answer about earlier settings is none.
    if report.generation == Some(generation) {
        facts.insert(MAY_LEAD.to_owned(), report.may_lead.to_string());
    }
    facts
}

/// A master that an earlier version started. Not from `/state`: that is megabytes on a large cluster.
async fn elder_master(client: &Client, address: &str) -> Result<Facts, Problem> {
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
    use super::*;

    #[test]
    fn what_a_master_says_about_earlier_settings_is_no_fact() {
        let says = |generation| {
            let report = LeadershipReport {
                leading: false,
                leader: None,
                may_lead: false,
                generation,
                reason: None,
            };
            leadership(report, 8).remove(MAY_LEAD)
        };
        assert_eq!(says(Some(8)), Some("false".into()));
        assert_eq!((says(Some(7)), says(None)), (None, None));
    }

    #[test]
    fn the_leader_is_in_the_redirect() {
        assert_eq!(authority("//192.0.2.12:5050"), Some("192.0.2.12:5050"));
        assert_eq!(authority("http://m1:5050/master/state"), Some("m1:5050"));
        assert_eq!(authority("/relative"), None);
    }
}
