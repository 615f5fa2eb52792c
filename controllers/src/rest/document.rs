//! The description of the API, OpenAPI 3.1; paths and schemas come from the handlers.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Mesolith migrations",
        version = "v1",
        description = "Migrations (ZkMigration objects) as PRD 9.4 has them. A bearer token of the Kubernetes API says who \
                       calls; rights are those on zkmigrations. What is written is written as the caller."
    ),
    modifiers(&Bearer),
    security(("bearer" = []))
)]
struct Description;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// What the routes are added to.
pub(super) fn description() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
