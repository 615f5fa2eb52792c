//! Mesos' older endpoints about maintenance: `/maintenance/schedule`, `/maintenance/status`, `/machine/down` and
//! `/machine/up`. `/api/v1` has the same.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use mesolith_proto::json::{self, JsonError};
use mesolith_proto::mesos::v1;
use serde_json::Value;
use v1::allocator::{InverseOfferStatus, inverse_offer_status};
use v1::maintenance::{ClusterStatus, Schedule, cluster_status::DrainingMachine};

use super::media::body;
use super::reads::{self, Params};
use super::scheduler::answer;
use super::{App, only, only_post, text};
use crate::input::Input;
use crate::operation::Operation;
use crate::state::{Machine, Snapshot};

/// `GET` shows the schedule, `POST` replaces it.
pub(super) async fn schedule(State(app): State<App>, query: Params, request: Request<Body>) -> Response {
    match *request.method() {
        Method::GET => {
            let shown = json::to_value(app.handle.snapshot().maintenance.schedule());
            reads::answer(&query, &sorted(shown))
        }
        Method::POST => {
            let given = match body(request).await {
                Ok(given) => json::from_slice::<Schedule>(&given).map_err(in_words),
                Err(refusal) => return refusal,
            };
            decide(&app, given.map(Operation::UpdateSchedule)).await
        }
        _ => only(&["GET", "POST"], request.method()),
    }
}

/// Which machines are to leave, what frameworks say about it, and which have left.
pub(super) async fn status(State(app): State<App>, query: Params, request: Request<Body>) -> Response {
    if request.method() != Method::GET {
        return only(&["GET"], request.method());
    }
    reads::answer(
        &query,
        &sorted(json::to_value(&cluster_status(&app.handle.snapshot()))),
    )
}

pub(super) async fn down(State(app): State<App>, request: Request<Body>) -> Response {
    machines(&app, request, Operation::StartMaintenance).await
}

pub(super) async fn up(State(app): State<App>, request: Request<Body>) -> Response {
    machines(&app, request, Operation::StopMaintenance).await
}

async fn machines(
    app: &App,
    request: Request<Body>,
    operation: fn(Vec<v1::MachineId>) -> Operation,
) -> Response {
    if request.method() != Method::POST {
        return only_post(request.method());
    }
    match body(request).await {
        Ok(given) => decide(app, list(&given).map(operation)).await,
        Err(refusal) => refusal,
    }
}

async fn decide(app: &App, operation: Result<Operation, String>) -> Response {
    match operation {
        Ok(operation) => answer(app.handle.ask(Input::Operator(operation)).await),
        Err(problem) => text(StatusCode::BAD_REQUEST, &problem),
    }
}

const WRONG_TYPE: &str = "Unexpected JSON type parsed";

fn in_words(problem: JsonError) -> String {
    match problem {
        JsonError::NotAnObject => WRONG_TYPE.into(),
        other => other.to_string(),
    }
}

/// A list of machines.
fn list(given: &[u8]) -> Result<Vec<v1::MachineId>, String> {
    match serde_json::from_slice(given) {
        Ok(Value::Array(list)) => {
            let read = list.iter().map(json::from_value);
            read.collect::<Result<_, _>>()
                .map_err(|problem| problem.to_string())
        }
        Ok(_) => Err(WRONG_TYPE.into()),
        // Not JSON: the reader of messages has Mesos' words for it.
        Err(_) => json::from_slice::<v1::MachineId>(given)
            .map(|machine| vec![machine])
            .map_err(in_words),
    }
}

/// Mesos' older endpoints sort the fields of what they show by name.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut fields: Vec<_> = object
                .into_iter()
                .map(|(name, value)| (name, sorted(value)))
                .collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(sorted).collect()),
        plain => plain,
    }
}

/// The state of maintenance as operators are shown it.
pub(super) fn cluster_status(snapshot: &Snapshot) -> ClusterStatus {
    let maintenance = &snapshot.maintenance;
    let ids = maintenance
        .schedule()
        .windows
        .iter()
        .flat_map(|window| &window.machine_ids);
    let (down, draining): (Vec<_>, Vec<_>) =
        ids.cloned().partition(|id| maintenance.is_down(&Machine::of(id)));
    ClusterStatus {
        draining_machines: draining
            .into_iter()
            .map(|id| DrainingMachine {
                statuses: answers(snapshot, &Machine::of(&id)),
                id,
            })
            .collect(),
        down_machines: down,
    }
}

/// What frameworks answered about the agents of a machine.
fn answers(snapshot: &Snapshot, machine: &Machine) -> Vec<InverseOfferStatus> {
    let agents = snapshot.agents.values().filter(|agent| agent.machine == *machine);
    let given = agents.flat_map(|agent| snapshot.inverse.answers(&agent.id));
    let show = |(framework, answer): (&mesolith_mesos::FrameworkId, &crate::state::InverseAnswer)| {
        let status = if answer.accepted {
            inverse_offer_status::Status::Accept
        } else {
            inverse_offer_status::Status::Decline
        };
        InverseOfferStatus {
            status: status as i32,
            framework_id: v1::FrameworkId {
                value: framework.to_string(),
            },
            timestamp: v1::TimeInfo {
                nanoseconds: answer.at.nanoseconds(),
            },
        }
    };
    given.map(show).collect()
}
