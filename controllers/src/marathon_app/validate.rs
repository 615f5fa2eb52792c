//! Parses the object into a checked app. Nothing after this looks at the raw spec.

use crate::scheduler::Remembered;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use mesolith_crds::v1alpha1::{MarathonApp, MarathonAppStatus};
use mesolith_marathon::{App, offer::Agent};
use serde_json::{Value, json};

/// Reads the spec as the Marathon definition it is.
pub(super) fn app(object: &MarathonApp) -> Result<App, String> {
    let mut json = serde_json::to_value(&object.spec).map_err(|error| error.to_string())?;
    json["id"] = Value::String(object.app_id());
    if let Some(fields) = json.as_object_mut() {
        fields.remove("clusterRef");
        unreachable_strategy(fields);
    }
    if let Some(executor) = object.spec.executor.as_deref()
        && !["", "//cmd"].contains(&executor)
    {
        return Err(
            "spec.executor: custom executors are not supported by this version. Remove the field.".into(),
        );
    }
    App::parse(json).map_err(|violations| {
        let sentences: Vec<String> = violations
            .iter()
            .map(|v| format!("{}: {}", field(&v.path), v.message))
            .collect();
        sentences.join("; ")
    })
}

/// The object's `mode` is Marathon's `"disabled"`.
fn unreachable_strategy(fields: &mut serde_json::Map<String, Value>) {
    let Some(strategy) = fields.get("unreachableStrategy").filter(|s| s.is_object()) else {
        return;
    };
    let seconds = |name: &str| strategy.get(name).and_then(Value::as_u64);
    let marathon = if strategy.get("mode").and_then(Value::as_str) == Some("Disabled") {
        json!("disabled")
    } else {
        let inactive = seconds("inactiveAfterSeconds").unwrap_or(0);
        json!({
            "inactiveAfterSeconds": inactive,
            "expungeAfterSeconds": seconds("expungeAfterSeconds").unwrap_or(inactive),
        })
    };
    fields.insert("unreachableStrategy".to_owned(), marathon);
}

/// `/container/volumes(0)/mode` as `spec.container.volumes[0].mode`.
fn field(path: &str) -> String {
    let dotted = path
        .trim_matches('/')
        .replace('/', ".")
        .replace('(', "[")
        .replace(')', "]");
    if dotted.is_empty() {
        "spec".to_owned()
    } else {
        format!("spec.{dotted}")
    }
}

/// When the definition was last changed, as Marathon writes versions.
///
/// Taken from the object's managed fields, so that no memory of our own is needed: the latest write to `spec`.
pub(super) fn changed(object: &MarathonApp) -> String {
    let wrote_spec = |entry: &&ManagedFieldsEntry| {
        entry.subresource.as_deref() != Some("status")
            && entry
                .fields_v1
                .as_ref()
                .is_some_and(|fields| fields.0.get("f:spec").is_some())
    };
    let managed = object.metadata.managed_fields.iter().flatten();
    let latest = managed
        .filter(wrote_spec)
        .filter_map(|entry| entry.time.as_ref())
        .map(|time| time.0)
        .max();
    let created = object.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let time = latest.or(created).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

/// The tasks that an earlier operator put on record.
pub(super) fn remembered(status: &MarathonAppStatus) -> Vec<Remembered> {
    status
        .instance_list
        .iter()
        .filter_map(|instance| {
            Some(Remembered {
                task: instance.task_id.parse().ok()?,
                version: instance.version.clone()?,
                agent: Agent {
                    id: instance.agent_id.clone()?,
                    hostname: instance.host.clone().unwrap_or_default(),
                    ..Agent::default()
                },
                host_ports: instance
                    .ports
                    .iter()
                    .map(|port| u16::try_from(*port).unwrap_or(0))
                    .collect(),
                started: instance.started_at.as_ref().map(|time| time.0),
                healthy: instance.healthy == Some(true),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(spec: Value) -> MarathonApp {
        serde_json::from_value(json!({
            "apiVersion": "mesolith.io/v1alpha1", "kind": "MarathonApp",
            "metadata": {"name": "web", "namespace": "ns", "creationTimestamp": "2026-01-02T03:04:05Z"},
            "spec": spec,
        }))
        .unwrap()
    }

    #[test]
    fn the_example_of_the_requirements_is_valid() {
        let app = app(&object(json!({
            "id": "/production/web-app",
            "container": {"type": "DOCKER", "docker": {"image": "nginx:1.21"},
                          "portMappings": [{"containerPort": 80, "hostPort": 0, "protocol": "tcp"}],
                          "volumes": [{"containerPath": "/data", "hostPath": "/mnt/data", "mode": "RW"}]},
            "networks": [{"mode": "container/bridge"}],
            "instances": 3, "constraints": [["rack", "GROUP_BY", "2"]],
            "healthChecks": [{"protocol": "HTTP", "path": "/health", "portIndex": 0}],
            "upgradeStrategy": {"minimumHealthCapacity": 0.8, "maximumOverCapacity": 0.2},
            "unreachableStrategy": {"mode": "Disabled"}
        })))
        .unwrap();
        assert_eq!(app.id.as_str(), "/production/web-app");
    }

    #[test]
    fn the_name_is_the_default_id_and_defaults_are_marathons() {
        let app = app(&object(json!({"cmd": "sleep 1"}))).unwrap();
        assert_eq!(app.id.as_str(), "/web");
        assert_eq!(
            app.version,
            App::parse(json!({"id": "/web", "cmd": "sleep 1"}))
                .unwrap()
                .version
        );
    }

    #[test]
    fn what_is_wrong_names_the_field_of_the_object() {
        let problem = app(&object(json!({"cmd": "x", "constraints": [["a", "NEAR"]]}))).unwrap_err();
        assert!(
            problem.starts_with("spec.constraints[0]: operator must be one of"),
            "{problem}"
        );
    }

    #[test]
    fn the_version_is_the_time_of_the_latest_write_to_the_spec() {
        let mut object = object(json!({"cmd": "x"}));
        assert_eq!(changed(&object), "2026-01-02T03:04:05.000Z");
        object.metadata.managed_fields = serde_json::from_value(json!([
            {"time": "2026-02-01T00:00:00Z", "fieldsV1": {"f:spec": {}}},
            {"time": "2026-03-01T00:00:00Z", "fieldsV1": {"f:metadata": {}}},
            {"time": "2026-04-01T00:00:00Z", "subresource": "status", "fieldsV1": {"f:status": {}}},
        ]))
        .unwrap();
        assert_eq!(changed(&object), "2026-02-01T00:00:00.000Z");
    }
}
