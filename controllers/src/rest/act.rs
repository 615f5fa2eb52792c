//! What a person asks of a migration.

use super::Rest;
use super::answer::{Answer, Problem};
use super::caller::{Caller, Wish};
use super::read::Placed;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use kube::api::{Api, Patch, PatchParams};
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_crds::v1alpha1::zk_migration::Phase;
use mesolith_migration::{Change, Refused, View};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::read::Place;

/// Whom the API server names as the writer of fields.
pub(super) const FIELD_MANAGER: &str = "mesolith-api";

/// An approval.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AdvanceBody {
    /// Number of the phase that is to begin: it must be the one that comes next.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 6)]
    phase: Option<u8>,
    /// Whether the evidence is approved. Without it nothing is written, and the evidence is in the answer.
    #[serde(default)]
    confirmed: bool,
    /// The hash of the evidence that was looked at: another one is not approved.
    #[serde(default)]
    evidence: Option<String>,
}

/// A way back.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RollbackBody {
    /// Number of the phase whose result is kept. Default: none, as if it had never started.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 6)]
    to_phase: Option<u8>,
    /// Why; shown in the report.
    #[serde(default)]
    reason: Option<String>,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Done {
    /// Whether anything was written.
    changed: bool,
    /// What happens now.
    message: String,
    /// The migration afterwards.
    migration: View,
}

/// A body, or what is wrong with it.
type Body<T> = Result<Json<T>, JsonRejection>;

/// Approve the evidence of the phase that waits, so that the next one begins.
#[utoipa::path(post, path = "/api/v1/migrations/{id}/advance", params(("id", description = "Its name"), Place),
    request_body = AdvanceBody,
    responses(
        (status = 200, body = Done),
        (status = 400, description = "Not confirmed (with the evidence), or no such phase", body = Problem),
        (status = 401, description = "No token, or one that the API server does not take", body = Problem),
        (status = 403, description = "The caller may not patch it", body = Problem),
        (status = 404, description = "There is no such migration", body = Problem),
        (status = 409, description = "Nothing waits for this approval", body = Problem),
        (status = 422, description = "An admission policy refused it", body = Problem),
    )
)]
pub(super) async fn advance(
    State(rest): State<Rest>,
    caller: Caller,
    Path(id): Path<String>,
    place: Placed,
    body: Body<AdvanceBody>,
) -> Answer<Json<Done>> {
    let Json(body) = body?;
    let phase = phase(body.phase)?;
    act(&rest, &caller, &id, place, |object| {
        let approval = mesolith_migration::advance(object, phase, body.evidence.as_deref())?;
        if !body.confirmed {
            return Err(Box::new(Problem {
                evidence: View::of(object).evidence,
                ..Problem::new(
                    StatusCode::BAD_REQUEST,
                    "NotConfirmed",
                    format!(
                        "nothing was approved: look at the evidence, then send \"confirmed\": true for {}",
                        approval.signed()
                    ),
                )
            }));
        }
        Ok(approval.change(Some(&caller.name)))
    })
    .await
}

/// Go back to an earlier phase, or to the start. Needs no approval.
#[utoipa::path(post, path = "/api/v1/migrations/{id}/rollback", params(("id", description = "Its name"), Place),
    request_body = RollbackBody,
    responses(
        (status = 200, body = Done),
        (status = 400, description = "No such phase", body = Problem),
        (status = 401, description = "No token, or one that the API server does not take", body = Problem),
        (status = 403, description = "The caller may not patch it", body = Problem),
        (status = 404, description = "There is no such migration", body = Problem),
        (status = 409, description = "It is not past that phase, or goes back elsewhere already", body = Problem),
    )
)]
pub(super) async fn rollback(
    State(rest): State<Rest>,
    caller: Caller,
    Path(id): Path<String>,
    place: Placed,
    body: Body<RollbackBody>,
) -> Answer<Json<Done>> {
    let Json(body) = body?;
    let keep = phase(body.to_phase)?;
    act(&rest, &caller, &id, place, |object| {
        Ok(mesolith_migration::roll_back(
            object,
            keep,
            body.reason.as_deref(),
        )?)
    })
    .await
}

/// Start nothing new; synchronisation goes on.
#[utoipa::path(post, path = "/api/v1/migrations/{id}/pause", params(("id", description = "Its name"), Place), responses(
    (status = 200, body = Done),
    (status = 401, description = "No token, or one that the API server does not take", body = Problem),
    (status = 403, description = "The caller may not patch it", body = Problem),
    (status = 404, description = "There is no such migration", body = Problem),
))]
pub(super) async fn pause(
    State(rest): State<Rest>,
    caller: Caller,
    Path(id): Path<String>,
    place: Placed,
) -> Answer<Json<Done>> {
    hold(&rest, &caller, &id, place, mesolith_migration::pause).await
}

/// Go on after a pause; after a rollback that has ended, go forward again.
#[utoipa::path(post, path = "/api/v1/migrations/{id}/resume", params(("id", description = "Its name"), Place), responses(
    (status = 200, body = Done),
    (status = 401, description = "No token, or one that the API server does not take", body = Problem),
    (status = 403, description = "The caller may not patch it", body = Problem),
    (status = 404, description = "There is no such migration", body = Problem),
))]
pub(super) async fn resume(
    State(rest): State<Rest>,
    caller: Caller,
    Path(id): Path<String>,
    place: Placed,
) -> Answer<Json<Done>> {
    hold(&rest, &caller, &id, place, mesolith_migration::resume).await
}

async fn hold(
    rest: &Rest,
    caller: &Caller,
    id: &str,
    place: Placed,
    action: fn(&ZkMigration) -> Result<Change, Refused>,
) -> Answer<Json<Done>> {
    act(rest, caller, id, place, |object| Ok(action(object)?)).await
}

/// Reads the object, lets `decide` say what to write, and writes it as the caller.
async fn act(
    rest: &Rest,
    caller: &Caller,
    id: &str,
    place: Placed,
    decide: impl FnOnce(&ZkMigration) -> Answer<Change>,
) -> Answer<Json<Done>> {
    let namespace = rest.namespace(place)?;
    // Before anything is read, so that nobody learns of objects that he may not see.
    for verb in ["get", "patch"] {
        let wish = Wish {
            verb,
            namespace: &namespace,
            name: Some(id),
        };
        caller.may(rest, &wish).await?;
    }
    let object = rest.kubernetes.migration(&namespace, id).await?;
    let change = decide(&object)?;
    let after = match &change.patch {
        None => object,
        Some(patch) => {
            let api: Api<ZkMigration> = Api::namespaced(caller.client(rest)?, &namespace);
            let parameters = PatchParams {
                field_manager: Some(FIELD_MANAGER.to_owned()),
                ..PatchParams::default()
            };
            let written = api.patch(id, &parameters, &Patch::Merge(patch)).await;
            written.map_err(|error| Problem::kubernetes("change the migration", &error))?
        }
    };
    Ok(Json(Done {
        changed: change.patch.is_some(),
        message: change.says,
        migration: View::of(&after),
    }))
}

fn phase(number: Option<u8>) -> Answer<Option<Phase>> {
    let Some(number) = number else { return Ok(None) };
    match Phase::from_number(number) {
        Some(phase) => Ok(Some(phase)),
        None => Err(Box::new(Problem::bad(
            "NoSuchPhase",
            format!("there is no phase {number}: they are 1 to 6"),
        ))),
    }
}
