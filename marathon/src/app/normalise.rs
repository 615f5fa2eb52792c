//! Older forms of the definition into the canonical one, on the JSON itself.
//!
//! Covers what Marathon 0.x to 1.4 definitions use: `container.docker.network` and `.portMappings`, `ports`,
//! `uris`; and fills in what depends on other fields: networks, port definitions, port indices of checks.

use serde_json::{Map, Value, json};

use super::Violation;

type Object = Map<String, Value>;

/// Brings a definition into canonical form; does not judge the values.
///
/// # Errors
/// When old and new forms are mixed, Docker's `network` is unknown, or the definition is not an object.
pub fn normalise(json: Value) -> Result<Value, Violation> {
    let Value::Object(mut app) = without_nulls(json) else {
        return Err(Violation::new("/", "the definition must be a JSON object"));
    };
    legacy_docker(&mut app)?;
    legacy_uris(&mut app)?;
    networks(&mut app);
    ports(&mut app)?;
    mappings(&mut app);
    port_indices(&mut app);
    upgrade_strategy(&mut app);
    Ok(Value::Object(app))
}

/// An explicit null counts as absent.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .filter(|(_, v)| !v.is_null())
                .map(|(k, v)| (k, without_nulls(v)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

fn legacy_docker(app: &mut Object) -> Result<(), Violation> {
    let Some(container) = app.get_mut("container").and_then(Value::as_object_mut) else {
        return Ok(());
    };
    let Some(docker) = container.get_mut("docker").and_then(Value::as_object_mut) else {
        return Ok(());
    };
    let network = docker.remove("network");
    let old_mappings = docker
        .remove("portMappings")
        .filter(|v| v.as_array().is_some_and(|a| !a.is_empty()));
    let mode = network
        .as_ref()
        .and_then(Value::as_str)
        .map(str::to_ascii_uppercase);
    if let Some(mappings) = old_mappings
        && mode.as_deref() != Some("HOST")
    {
        if container
            .get("portMappings")
            .and_then(Value::as_array)
            .is_some_and(|a| !a.is_empty())
        {
            return Err(Violation::new(
                "/container/portMappings",
                "must not specify both container.docker.portMappings and container.portMappings",
            ));
        }
        container.insert("portMappings".into(), mappings);
    }
    let network = match mode.as_deref() {
        None => return Ok(()),
        Some("BRIDGE") => json!({"mode": "container/bridge"}),
        Some("HOST") => json!({"mode": "host"}),
        Some("USER") => {
            let name = app.get("ipAddress").and_then(|ip| ip.get("networkName")).cloned();
            let mut network = json!({"mode": "container"});
            if let Some(name) = name {
                network["name"] = name;
            }
            app.remove("ipAddress");
            network
        }
        Some(_) => {
            return Err(Violation::new(
                "/container/docker/network",
                "must be one of BRIDGE, HOST or USER",
            ));
        }
    };
    if app.contains_key("networks") {
        return Err(Violation::new(
            "/",
            "must not specify both container.docker.network and networks",
        ));
    }
    app.insert("networks".into(), json!([network]));
    Ok(())
}

fn legacy_uris(app: &mut Object) -> Result<(), Violation> {
    const ARCHIVES: [&str; 9] = [
        ".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".gz", ".tgz", ".tbz2", ".txz", ".zip",
    ];
    let Some(uris) = app
        .remove("uris")
        .and_then(|v| v.as_array().cloned())
        .filter(|a| !a.is_empty())
    else {
        return Ok(());
    };
    if app
        .get("fetch")
        .and_then(Value::as_array)
        .is_some_and(|a| !a.is_empty())
    {
        return Err(Violation::new(
            "/uris",
            "may not be set in conjunction with fetch",
        ));
    }
    let fetch = uris
        .iter()
        .filter_map(Value::as_str)
        .map(|uri| json!({"uri": uri, "extract": ARCHIVES.iter().any(|end| uri.ends_with(end))}))
        .collect();
    app.insert("fetch".into(), Value::Array(fetch));
    Ok(())
}

/// Host networking unless the definition says otherwise; other networks need a container.
fn networks(app: &mut Object) {
    if app
        .get("networks")
        .and_then(Value::as_array)
        .is_none_or(Vec::is_empty)
    {
        app.insert("networks".into(), json!([{"mode": "host"}]));
    }
    if !is_host(app) && !app.contains_key("container") {
        app.insert("container".into(), json!({"type": "MESOS"}));
    }
}

fn is_host(app: &Object) -> bool {
    app.get("networks")
        .and_then(|networks| networks.get(0)?.get("mode")?.as_str())
        .is_some_and(|mode| mode.eq_ignore_ascii_case("host"))
}

fn ports(app: &mut Object) -> Result<(), Violation> {
    let ports = app.remove("ports").and_then(|v| v.as_array().cloned());
    if !is_host(app) {
        return Ok(());
    }
    if let Some(ports) = ports {
        let definitions: Vec<Value> = ports
            .iter()
            .map(|p| json!({"port": p, "protocol": "tcp"}))
            .collect();
        let same = |have: &Vec<Value>| {
            have.len() == ports.len() && have.iter().zip(&ports).all(|(d, p)| d.get("port") == Some(p))
        };
        match app.get("portDefinitions").and_then(Value::as_array) {
            Some(have) if !same(have) => {
                return Err(Violation::new(
                    "/",
                    "cannot specify both ports and port definitions",
                ));
            }
            Some(_) => {}
            None => {
                app.insert("portDefinitions".into(), Value::Array(definitions));
            }
        }
    }
    app.entry("portDefinitions")
        .or_insert_with(|| json!([{"port": 0, "protocol": "tcp", "name": "default"}]));
    Ok(())
}

/// Bridge mappings always have a host port; an app on another network has at least one mapping.
fn mappings(app: &mut Object) {
    if is_host(app) {
        return;
    }
    app.remove("requirePorts");
    let bridge = app
        .get("networks")
        .and_then(|networks| networks.get(0)?.get("mode")?.as_str())
        .is_some_and(|mode| mode.eq_ignore_ascii_case("container/bridge"));
    let Some(container) = app.get_mut("container").and_then(Value::as_object_mut) else {
        return;
    };
    let mappings = container
        .entry("portMappings")
        .or_insert_with(|| json!([{"containerPort": 0, "name": "default"}]));
    if bridge {
        for mapping in mappings
            .as_array_mut()
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
        {
            mapping.entry("hostPort").or_insert(json!(0));
        }
    }
}

/// A check that names no port uses the first one.
fn port_indices(app: &mut Object) {
    let has_ports = ["portDefinitions"].iter().any(|key| non_empty(app.get(*key)))
        || non_empty(app.get("container").and_then(|c| c.get("portMappings")));
    let checks = app.get_mut("healthChecks").and_then(Value::as_array_mut);
    for check in checks.into_iter().flatten().filter_map(Value::as_object_mut) {
        let by_command = check
            .get("protocol")
            .and_then(Value::as_str)
            .is_some_and(|protocol| protocol.eq_ignore_ascii_case("COMMAND"));
        if has_ports && !by_command && !check.contains_key("port") && !check.contains_key("portIndex") {
            check.insert("portIndex".into(), json!(0));
        }
    }
}

/// An app with the label `MARATHON_SINGLE_INSTANCE_APP` is stopped before it is started again.
fn upgrade_strategy(app: &mut Object) {
    let single = app
        .get("labels")
        .and_then(|labels| labels.get("MARATHON_SINGLE_INSTANCE_APP")?.as_str())
        .is_some_and(|value| value == "true");
    if single && !app.contains_key("upgradeStrategy") {
        app.insert(
            "upgradeStrategy".into(),
            json!({"minimumHealthCapacity": 0.0, "maximumOverCapacity": 0.0}),
        );
    }
}

fn non_empty(value: Option<&Value>) -> bool {
    value.and_then(Value::as_array).is_some_and(|a| !a.is_empty())
}
