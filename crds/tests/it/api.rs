//! One object against the real API server: created dry, created for good, replaced.

use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
    core::DynamicObject,
    discovery::ApiResource,
};
use serde_json::{Value, json};

/// What the server says to an object: its text when it refuses.
pub(crate) type Verdict = Result<DynamicObject, String>;

/// One resource in the namespace `default`.
pub(crate) struct Resource {
    api: Api<DynamicObject>,
    kind: String,
}

impl Resource {
    pub(crate) fn new(client: Client, kind: &str, plural: &str) -> Self {
        let gvk = kube::core::GroupVersionKind::gvk("mesolith.io", "v1alpha1", kind);
        let resource = ApiResource::from_gvk_with_plural(&gvk, plural);
        Self {
            api: Api::namespaced_with(client, "default", &resource),
            kind: kind.to_owned(),
        }
    }

    fn object(&self, name: &str, spec: &Value) -> DynamicObject {
        let object = json!({
            "apiVersion": "mesolith.io/v1alpha1", "kind": self.kind, "metadata": {"name": name}, "spec": spec,
        });
        serde_json::from_value(object).expect("an object with metadata")
    }

    /// Would it be created?
    pub(crate) async fn dry_create(&self, spec: &Value) -> Verdict {
        let params = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        verdict(self.api.create(&params, &self.object("probe", spec)).await)
    }

    /// Creates it.
    pub(crate) async fn create(&self, name: &str, spec: &Value) -> Verdict {
        verdict(
            self.api
                .create(&PostParams::default(), &self.object(name, spec))
                .await,
        )
    }

    /// Would the present object accept this spec in place of its own?
    pub(crate) async fn dry_replace(&self, name: &str, spec: &Value) -> Verdict {
        let present = self.api.get(name).await.map_err(|e| e.to_string())?;
        let mut next = self.object(name, spec);
        next.metadata.resource_version = present.metadata.resource_version;
        let params = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        verdict(self.api.replace(name, &params, &next).await)
    }

    /// Writes its status.
    pub(crate) async fn set_status(&self, name: &str, status: &Value) -> Verdict {
        let patch = Patch::Merge(json!({"status": status}));
        verdict(self.api.patch_status(name, &PatchParams::default(), &patch).await)
    }
}

fn verdict(result: kube::Result<DynamicObject>) -> Verdict {
    result.map_err(|error| match error {
        kube::Error::Api(status) => status.message.clone(),
        other => format!("not an answer of the API server: {other}"),
    })
}
