//! What is shown.

use super::Rest;
use super::answer::{Answer, Problem};
use super::caller::{Caller, Wish};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use kube::api::{Api, ListParams};
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_migration::{SyncView, View};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Where a migration is looked for.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    /// Namespace. Default: that of the operator's --api-namespace.
    #[serde(default)]
    pub(super) namespace: Option<String>,
}

/// How a query is taken: its mistakes are answered as every other problem.
pub(super) type Placed = Result<Query<Place>, QueryRejection>;

impl Rest {
    pub(super) fn namespace(&self, place: Placed) -> Answer<String> {
        let Query(place) = place?;
        Ok(place.namespace.unwrap_or_else(|| self.namespace.clone()))
    }
}

/// Migrations of a namespace.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Migrations {
    /// All of them.
    migrations: Vec<View>,
}

/// List the migrations of a namespace.
#[utoipa::path(get, path = "/api/v1/migrations", params(Place), responses(
    (status = 200, body = Migrations),
    (status = 401, description = "No token, or one that the API server does not take", body = Problem),
    (status = 403, description = "The caller may not list zkmigrations", body = Problem),
))]
pub(super) async fn list(
    State(rest): State<Rest>,
    caller: Caller,
    place: Placed,
) -> Answer<Json<Migrations>> {
    let namespace = rest.namespace(place)?;
    let wish = Wish {
        verb: "list",
        namespace: &namespace,
        name: None,
    };
    caller.may(&rest, &wish).await?;
    let api: Api<ZkMigration> = Api::namespaced(rest.kubernetes.own.clone(), &namespace);
    let found = api.list(&ListParams::default()).await;
    let found = found.map_err(|error| Problem::kubernetes("list the migrations", &error))?;
    Ok(Json(Migrations {
        migrations: found.items.iter().map(View::of).collect(),
    }))
}

/// Show a migration.
#[utoipa::path(get, path = "/api/v1/migrations/{id}", params(("id", description = "Its name"), Place), responses(
    (status = 200, body = View),
    (status = 401, description = "No token, or one that the API server does not take", body = Problem),
    (status = 403, description = "The caller may not get it", body = Problem),
    (status = 404, description = "There is no such migration", body = Problem),
))]
pub(super) async fn one(
    State(rest): State<Rest>,
    caller: Caller,
    Path(id): Path<String>,
    place: Placed,
) -> Answer<Json<View>> {
    Ok(Json(View::of(&get(&rest, &caller, &id, place).await?)))
}

/// Show the sync engine of a migration.
#[utoipa::path(get, path = "/api/v1/migrations/{id}/sync/status",
    params(("id", description = "Name of the migration"), Place),
    responses(
        (status = 200, body = SyncView),
        (status = 401, description = "No token, or one that the API server does not take", body = Problem),
        (status = 403, description = "The caller may not get the migration", body = Problem),
        (status = 404, description = "There is no such migration, or it has no engine now", body = Problem),
    )
)]
pub(super) async fn sync_status(
    State(rest): State<Rest>,
    caller: Caller,
    Path(id): Path<String>,
    place: Placed,
) -> Answer<Json<SyncView>> {
    let view = View::of(&get(&rest, &caller, &id, place).await?);
    let sync = view.sync_metrics.ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "NoSyncEngine",
            format!("{id} has no sync engine now: it runs from phase 1 to phase 6"),
        )
    })?;
    Ok(Json(sync))
}

async fn get(rest: &Rest, caller: &Caller, id: &str, place: Placed) -> Answer<ZkMigration> {
    let namespace = rest.namespace(place)?;
    let wish = Wish {
        verb: "get",
        namespace: &namespace,
        name: Some(id),
    };
    caller.may(rest, &wish).await?;
    rest.kubernetes.migration(&namespace, id).await
}
