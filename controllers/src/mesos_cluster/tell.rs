//! Asks and tells the leading master as an operator does (docs/operator-api.md).

use super::drain::Call;
use super::error::Error;
use super::model::Told;
use crate::fleet;
use futures::stream::{self, StreamExt};
use mesolith_proto::json;
use mesolith_proto::mesos::v1::maintenance::Schedule;
use serde_json::{Value, json};
use std::time::Duration;

/// A decision is answered once it is in the registry.
const PATIENCE: Duration = Duration::from_secs(10);
/// Calls at the same time; each is a write of the registry.
const PARALLEL: usize = 16;

/// What the master says of agents and of maintenance; `None` while it does not answer.
pub(super) async fn look(http: &reqwest::Client, master: String) -> Option<Told> {
    let (fleet, schedule) = tokio::join!(fleet::ask(http, &master), schedule(http, &master));
    Some(Told {
        fleet: fleet?,
        schedule: schedule?,
        master,
    })
}

async fn schedule(http: &reqwest::Client, master: &str) -> Option<Schedule> {
    let url = format!("http://{master}/maintenance/schedule");
    let answer = http.get(url).timeout(PATIENCE).send().await.ok()?;
    let body = answer.error_for_status().ok()?.bytes().await.ok()?;
    json::from_slice(&body).ok()
}

/// Makes the calls, the schedule first, so that frameworks hear of it before anything is ended. One that is refused stops no
/// other; the first failure is returned.
pub(super) async fn tell(http: &reqwest::Client, master: &str, calls: Vec<Call>) -> Result<(), Error> {
    let (schedule, rest): (Vec<Call>, Vec<Call>) = calls
        .into_iter()
        .partition(|call| matches!(call, Call::Schedule(_)));
    let mut results = Vec::new();
    for call in schedule {
        results.push(make(http, master, call).await);
    }
    let rest: Vec<Result<(), Error>> = stream::iter(rest)
        .map(|call| make(http, master, call))
        .buffer_unordered(PARALLEL)
        .collect()
        .await;
    results.into_iter().chain(rest).collect()
}

async fn make(http: &reqwest::Client, master: &str, call: Call) -> Result<(), Error> {
    let body = wire(&call);
    let what = body["type"].as_str().unwrap_or_default().to_owned();
    tracing::info!(master, call = what, "the master is told");
    let request = http
        .post(format!("http://{master}/api/v1"))
        .header("Content-Type", "application/json")
        .timeout(PATIENCE)
        .body(body.to_string());
    let failed = |cause: String| Error::TellMaster {
        call: what.clone(),
        cause,
    };
    let answer = request
        .send()
        .await
        .map_err(|error| failed(crate::outcome::cause(&error)))?;
    if answer.status().is_success() {
        return Ok(());
    }
    let status = answer.status();
    let said = answer.text().await.unwrap_or_default();
    Err(failed(format!("{status}: {said}")))
}

/// A call as `/api/v1` takes it.
fn wire(call: &Call) -> Value {
    let of_agent = |kind: &str, id: &str| {
        let field = kind.to_lowercase();
        json!({"type": kind, field: {"agent_id": {"value": id}}})
    };
    match call {
        Call::Schedule(schedule) => json!({
            "type": "UPDATE_MAINTENANCE_SCHEDULE",
            "update_maintenance_schedule": {"schedule": json::to_value(schedule)},
        }),
        Call::Deactivate(id) => of_agent("DEACTIVATE_AGENT", id),
        Call::Reactivate(id) => of_agent("REACTIVATE_AGENT", id),
        Call::Drain(id, grace) => {
            let mut call = of_agent("DRAIN_AGENT", id);
            call["drain_agent"]["max_grace_period"] = json!({"seconds": grace.as_secs()});
            call
        }
    }
}
