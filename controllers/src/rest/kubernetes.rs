//! The API server, asked as the operator and as the caller.

use super::answer::{Answer, Problem};
use axum::http::StatusCode;
use kube::api::Api;
use kube::config::AuthInfo;
use kube::{Client, Config};
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_secret::Secret;

/// Clients of one API server.
#[derive(Clone)]
pub(super) struct Kubernetes {
    /// As the operator.
    pub(super) own: Client,
    config: Config,
}

impl Kubernetes {
    pub(super) fn new(own: Client, config: Config) -> Self {
        Self { own, config }
    }

    /// A client with the caller's token and nothing of the operator's identity.
    pub(super) fn with_token(&self, token: &Secret) -> Answer<Client> {
        let identity = serde_json::json!({"token": token.expose()});
        let failed = |message: String| {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Box::new(Problem::new(status, "NoClient", token.redact(&message)))
        };
        let mut config = self.config.clone();
        config.auth_info =
            serde_json::from_value::<AuthInfo>(identity).map_err(|error| failed(error.to_string()))?;
        Client::try_from(config).map_err(|error| failed(error.to_string()))
    }

    /// A migration as it is stored now.
    pub(super) async fn migration(&self, namespace: &str, name: &str) -> Answer<ZkMigration> {
        let api: Api<ZkMigration> = Api::namespaced(self.own.clone(), namespace);
        let found = api.get_opt(name).await;
        let found = found.map_err(|error| Problem::kubernetes("read the migration", &error))?;
        found.ok_or_else(|| {
            Box::new(Problem::new(
                StatusCode::NOT_FOUND,
                "NotFound",
                format!("there is no ZkMigration {name} in namespace {namespace}"),
            ))
        })
    }
}
