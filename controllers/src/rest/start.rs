//! Making a migration.

use super::Rest;
use super::act::FIELD_MANAGER;
use super::answer::{Answer, Problem};
use super::caller::{Caller, Wish};
use super::read::{Place, Placed};
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{Api, PostParams};
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_migration::{Document, DocumentFile, Fate, View};
use serde::Serialize;
use utoipa::ToSchema;

/// What was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Started {
    /// What became of each field of the document.
    fields: Vec<Fate>,
    /// The migration.
    migration: View,
}

/// Make a migration. The body is the inside of `migration:` in migration.yaml, as JSON; the whole file is taken as well.
#[utoipa::path(post, path = "/api/v1/migrations", params(Place), request_body = Document, responses(
    (status = 201, body = Started, headers(("Location", description = "The migration"))),
    (status = 400, description = "The document cannot be followed; the field is named", body = Problem),
    (status = 401, description = "No token, or one that the API server does not take", body = Problem),
    (status = 403, description = "The caller may not create zkmigrations, or the Secret with the alerts' addresses", body = Problem),
    (status = 409, description = "One of that name exists", body = Problem),
    (status = 422, description = "The API server does not take the object; the field is named", body = Problem),
))]
pub(super) async fn start(
    State(rest): State<Rest>,
    caller: Caller,
    place: Placed,
    body: Result<Json<serde_json::Value>, JsonRejection>,
) -> Answer<impl IntoResponse> {
    let namespace = rest.namespace(place)?;
    let wish = Wish {
        verb: "create",
        namespace: &namespace,
        name: None,
    };
    caller.may(&rest, &wish).await?;
    let Json(body) = body?;
    let planned = read(body)?.plan()?;
    let client = caller.client(&rest)?;
    let parameters = PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    };
    let migrations: Api<ZkMigration> = Api::namespaced(client.clone(), &namespace);
    let created = migrations.create(&parameters, &planned.object).await;
    let created = created.map_err(|error| Problem::kubernetes("make the migration", &error))?;
    if let Some(secret) = planned.alert_secret(&created) {
        let what = "keep the addresses of its alerts in a Secret; the migration was made, and its alerts reach nobody \
                    until that Secret is there";
        let secrets: Api<Secret> = Api::namespaced(client, &namespace);
        let made = secrets.create(&parameters, &secret).await;
        made.map_err(|error| Problem::kubernetes(what, &error))?;
    }
    let location = format!("/api/v1/migrations/{}?namespace={namespace}", created.name_any());
    let started = Started {
        fields: planned.fates,
        migration: View::of(&created),
    };
    Ok((
        StatusCode::CREATED,
        AppendHeaders([(header::LOCATION, location)]),
        Json(started),
    ))
}

/// The document itself, or the file around it.
fn read(body: serde_json::Value) -> Answer<Document> {
    let found = if body.get("migration").is_some() {
        serde_json::from_value::<DocumentFile>(body).map(|file| file.migration)
    } else {
        serde_json::from_value::<Document>(body)
    };
    found.map_err(|error| Box::new(Problem::bad("InvalidDocument", error.to_string())))
}
