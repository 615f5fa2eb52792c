//! `/api/v1` for operators, and `/teardown`.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use mesolith_mesos::{AgentId, FrameworkId};
use mesolith_proto::google::protobuf::Duration;
use mesolith_proto::mesos::v1;
use mesolith_proto::mesos::v1::master::{Call, call};

use super::answers;
use super::media::{Media, body};
use super::scheduler::answer;
use super::{App, only_post, text};
use crate::input::Input;
use crate::operation::Operation;

/// Any operator call.
pub(super) async fn call(State(app): State<App>, request: Request<Body>) -> Response {
    if request.method() != Method::POST {
        return only_post(request.method());
    }
    match admit(request).await {
        Ok((call, media)) => dispatch(&app, call, media).await,
        Err(refusal) => refusal,
    }
}

async fn admit(request: Request<Body>) -> Result<(Call, Media), Response> {
    let media = Media::of_body(request.headers())?;
    let headers = request.headers().clone();
    let call: Call = media.decode(&body(request).await?)?;
    let invalid = |problem: &str| {
        text(
            StatusCode::BAD_REQUEST,
            &format!("Failed to validate master::Call: Expecting '{problem}' to be present"),
        )
    };
    if call.r#type.is_none() {
        return Err(invalid("type"));
    }
    let missing = match call.r#type() {
        call::Type::GetMetrics => call.get_metrics.is_none().then_some("get_metrics"),
        call::Type::ReadFile => call.read_file.is_none().then_some("read_file"),
        call::Type::ListFiles => call.list_files.is_none().then_some("list_files"),
        call::Type::Teardown => call.teardown.is_none().then_some("teardown"),
        call::Type::DrainAgent => call.drain_agent.is_none().then_some("drain_agent"),
        call::Type::DeactivateAgent => call.deactivate_agent.is_none().then_some("deactivate_agent"),
        call::Type::ReactivateAgent => call.reactivate_agent.is_none().then_some("reactivate_agent"),
        call::Type::UpdateMaintenanceSchedule => call
            .update_maintenance_schedule
            .is_none()
            .then_some("update_maintenance_schedule"),
        call::Type::StartMaintenance => call.start_maintenance.is_none().then_some("start_maintenance"),
        call::Type::StopMaintenance => call.stop_maintenance.is_none().then_some("stop_maintenance"),
        call::Type::MarkAgentGone => call.mark_agent_gone.is_none().then_some("mark_agent_gone"),
        _ => None,
    };
    if let Some(missing) = missing {
        return Err(invalid(missing));
    }
    Ok((call, Media::accepted(&headers)?))
}

async fn dispatch(app: &App, call: Call, media: Media) -> Response {
    if let (call::Type::Teardown, Some(teardown)) = (call.r#type(), &call.teardown) {
        let framework = FrameworkId::from(teardown.framework_id.value.as_str());
        return answer(app.handle.ask(Input::Teardown { framework }).await);
    }
    if let Some(operation) = operation(&call) {
        return answer(app.handle.ask(Input::Operator(operation)).await);
    }
    match answers::answer(&app.handle.snapshot(), call.r#type()) {
        Some(response) => media.answer(&response),
        None => text(StatusCode::NOT_IMPLEMENTED, "501 Not Implemented."),
    }
}

/// What an operator decides with a call; none if the call decides nothing that outlives the master.
fn operation(call: &Call) -> Option<Operation> {
    let agent = |id: &v1::AgentId| AgentId::from(id.value.as_str());
    Some(match call.r#type() {
        call::Type::DrainAgent => {
            let drain = call.drain_agent.as_ref()?;
            Operation::Drain {
                agent: agent(&drain.agent_id),
                config: v1::DrainConfig {
                    max_grace_period: drain.max_grace_period.as_ref().map(nanoseconds),
                    mark_gone: Some(drain.mark_gone()),
                },
            }
        }
        call::Type::UpdateMaintenanceSchedule => {
            Operation::UpdateSchedule(call.update_maintenance_schedule.as_ref()?.schedule.clone())
        }
        call::Type::StartMaintenance => {
            Operation::StartMaintenance(call.start_maintenance.as_ref()?.machines.clone())
        }
        call::Type::StopMaintenance => {
            Operation::StopMaintenance(call.stop_maintenance.as_ref()?.machines.clone())
        }
        call::Type::DeactivateAgent => {
            Operation::Deactivate(agent(&call.deactivate_agent.as_ref()?.agent_id))
        }
        call::Type::ReactivateAgent => {
            Operation::Reactivate(agent(&call.reactivate_agent.as_ref()?.agent_id))
        }
        call::Type::MarkAgentGone => Operation::MarkGone(agent(&call.mark_agent_gone.as_ref()?.agent_id)),
        _ => return None,
    })
}

fn nanoseconds(duration: &Duration) -> v1::DurationInfo {
    let whole = duration.seconds.saturating_mul(1_000_000_000);
    v1::DurationInfo {
        nanoseconds: whole.saturating_add(i64::from(duration.nanos)),
    }
}

/// `POST /teardown` with `frameworkId=...` as a form.
pub(super) async fn teardown(State(app): State<App>, request: Request<Body>) -> Response {
    if request.method() != Method::POST {
        return only_post(request.method());
    }
    let form = match body(request).await {
        Ok(form) => form,
        Err(refusal) => return refusal,
    };
    let form = String::from_utf8_lossy(&form).into_owned();
    let id = form.split('&').find_map(|pair| pair.strip_prefix("frameworkId="));
    let Some(id) = id else {
        return text(
            StatusCode::BAD_REQUEST,
            "Missing 'frameworkId' query parameter in the request body",
        );
    };
    answer(
        app.handle
            .ask(Input::Teardown {
                framework: FrameworkId::from(id),
            })
            .await,
    )
}
