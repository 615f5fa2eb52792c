//! Finding the API server as kubectl does, and the migrations in it.

use super::error::{Error, chain};
use clap::Args;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use mesolith_crds::ASKED_BY_ANNOTATION;
use mesolith_crds::v1alpha1::ZkMigration;
use std::path::PathBuf;

/// Whom the API server names as the writer of fields.
const FIELD_MANAGER: &str = "mesos-migrate";

/// Where the API server is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Kubernetes")]
pub(crate) struct Where {
    /// Kubeconfig to use. Default: $KUBECONFIG, then ~/.kube/config, then the pod's service account.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig. Default: its current one.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Namespace. Default: that of the context.
    #[arg(long, short, value_name = "NAME")]
    namespace: Option<String>,
}

/// An API server, and a namespace in it.
#[derive(Clone)]
pub(super) struct Cluster {
    pub(super) client: Client,
    pub(super) namespace: String,
}

impl Where {
    pub(super) async fn connect(&self) -> Result<Cluster, Error> {
        let failed = |error: &(dyn std::error::Error + 'static)| Error::Connect(chain(error));
        let config = if self.kubeconfig.is_none() && self.context.is_none() {
            Config::infer().await.map_err(|error| failed(&error))?
        } else {
            let file = match &self.kubeconfig {
                Some(path) => Kubeconfig::read_from(path),
                None => Kubeconfig::read(),
            };
            let options = KubeConfigOptions {
                context: self.context.clone(),
                ..KubeConfigOptions::default()
            };
            let file = file.map_err(|error| failed(&error))?;
            let config = Config::from_custom_kubeconfig(file, &options).await;
            config.map_err(|error| failed(&error))?
        };
        let namespace = self.namespace.clone();
        let namespace = namespace.unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).map_err(|error| failed(&error))?;
        Ok(Cluster { client, namespace })
    }
}

impl Cluster {
    pub(super) fn migrations(&self) -> Api<ZkMigration> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(super) async fn get(&self, name: &str) -> Result<ZkMigration, Error> {
        let found = self.migrations().get_opt(name).await;
        let found = found.map_err(|error| Error::of(format!("read ZkMigration {name}"), &error))?;
        found.ok_or_else(|| Error::NotFound {
            name: name.to_owned(),
            namespace: self.namespace.clone(),
        })
    }

    /// Writes what an action decided; without a patch nothing is written.
    pub(super) async fn change(&self, name: &str, patch: Option<&serde_json::Value>) -> Result<(), Error> {
        let Some(patch) = patch else { return Ok(()) };
        let mut patch = patch.clone();
        let asks = |field: &str| patch.pointer(field).is_some();
        // Where the API server does not write it, the audit log has the name from here.
        if (asks("/spec/paused") || asks("/spec/rollback"))
            && let Some(user) = self.user().await
        {
            patch["metadata"]["annotations"][ASKED_BY_ANNOTATION] = user.into();
        }
        let parameters = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let written = self
            .migrations()
            .patch(name, &parameters, &Patch::Merge(&patch))
            .await;
        written.map_err(|error| Error::of(format!("change ZkMigration {name}"), &error))?;
        Ok(())
    }

    pub(super) fn creation(&self, dry_run: bool) -> PostParams {
        PostParams {
            dry_run,
            field_manager: Some(FIELD_MANAGER.to_owned()),
        }
    }

    /// Whom the API server takes us for; unknown where it does not say.
    pub(super) async fn user(&self) -> Option<String> {
        let reviews: Api<SelfSubjectReview> = Api::all(self.client.clone());
        let answer = reviews
            .create(&PostParams::default(), &SelfSubjectReview::default())
            .await;
        answer.ok()?.status?.user_info?.username
    }
}
