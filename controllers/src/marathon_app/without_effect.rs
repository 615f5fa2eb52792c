//! Fields that this version accepts and ignores. The object says so, since silence would look like support.

#[cfg(test)]
mod walk;

use crate::report::Finding;
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::marathon_app::{ContainerType, MarathonAppSpec};

/// Condition type.
pub(super) const CONDITION: &str = "FieldsWithoutEffect";

/// The fields of a spec that change nothing.
pub(super) fn fields(spec: &MarathonAppSpec) -> Vec<&'static str> {
    let container = spec.container.as_ref();
    let docker = container.and_then(|container| container.docker.as_ref());
    let in_docker = container.is_some_and(|c| c.type_ == ContainerType::Docker);
    let mappings = container.map(|c| c.port_mappings.as_slice()).unwrap_or_default();
    let checks = &spec.health_checks;
    let used = [
        ("spec.resourceLimits", spec.resource_limits.is_some()),
        ("spec.executorResources", spec.executor_resources.is_some()),
        ("spec.check", spec.check.is_some()),
        ("spec.readinessChecks", !spec.readiness_checks.is_empty()),
        ("spec.dependencies", !spec.dependencies.is_empty()),
        ("spec.residency", spec.residency.is_some()),
        (
            "spec.tty (only the Docker engine gives a terminal: use container.type DOCKER)",
            !in_docker && spec.tty == Some(true),
        ),
        (
            "spec.user (with type DOCKER the image decides: use the docker parameter user)",
            in_docker && spec.user.is_some(),
        ),
        (
            "spec.networks[].labels",
            spec.networks.iter().any(|network| !network.labels.is_empty()),
        ),
        (
            "spec.healthChecks[].ignoreHttp1xx",
            checks.iter().any(|check| check.ignore_http1xx == Some(true)),
        ),
        (
            "spec.container.linuxInfo",
            container.is_some_and(|c| c.linux_info.is_some()),
        ),
        (
            "spec.container.docker.pullConfig",
            docker.is_some_and(|d| d.pull_config.is_some()),
        ),
        (
            "spec.container.portMappings[].servicePort",
            mappings
                .iter()
                .any(|mapping| mapping.service_port.is_some_and(|port| port != 0)),
        ),
    ];
    used.into_iter()
        .filter_map(|(field, used)| used.then_some(field))
        .collect()
}

/// The condition; none when every field counts.
pub(super) fn finding(spec: &MarathonAppSpec) -> Option<Finding> {
    let fields = fields(spec);
    (!fields.is_empty()).then(|| {
        Finding::yes(
            CONDITION,
            Reason::NotSupported,
            format!("This version does not act on {}", fields.join(", ")),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    #[rstest]
    #[case(json!({"cmd": "x"}), &[])]
    #[case(json!({"cmd": "x", "tty": false}), &[])]
    #[case(json!({"cmd": "x", "residency": {}, "dependencies": ["/db"]}), &["spec.dependencies", "spec.residency"])]
    #[case(json!({"cmd": "x", "resourceLimits": {"cpus": "2"}}), &["spec.resourceLimits"])]
    #[case(json!({"cmd": "x", "readinessChecks": [{}]}), &["spec.readinessChecks"])]
    fn fields_are_named(#[case] spec: Value, #[case] expect: &[&str]) {
        let spec: MarathonAppSpec = serde_json::from_value(spec).unwrap();
        assert_eq!(fields(&spec), expect);
    }
}
