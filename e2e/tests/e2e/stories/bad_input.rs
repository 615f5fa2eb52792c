//! What people get wrong, and what they are told: a typed reason, an event, and what to do.

use anyhow::{Context as _, ensure};
use mesolith_testkit::{NodeOptions, wait_until};

use crate::context::{Context, LIMIT, condition};

/// A small app with these fields added to its spec, all in one line.
fn app(name: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: mesolith.io/v1alpha1, kind: MarathonApp, metadata: {{name: {name}, namespace: default}}, \
         spec: {{clusterRef: {{name: local}}, cpus: 0.1, mem: 32, {spec}}}}}"
    )
}

pub(super) fn apps(cx: &Context) -> anyhow::Result<()> {
    let docker = |image: &str| format!("container: {{type: DOCKER, docker: {{image: '{image}'}}}}");
    let table = [
        (
            "no-image",
            app("no-image", &docker("127.0.0.1:1/mesolith/does-not-exist:1")),
            "ImageNotFound",
            "does-not-exist",
        ),
        (
            "too-big",
            app("too-big", "cmd: sleep 1000").replace("cpus: 0.1", "cpus: 64"),
            "InsufficientResources",
            "64",
        ),
        (
            "nowhere",
            app(
                "nowhere",
                "cmd: sleep 1000, constraints: [[rack, LIKE, no-such-rack]]",
            ),
            "ConstraintUnsatisfied",
            "rack",
        ),
        (
            "no-port",
            app(
                "no-port",
                "cmd: sleep 1000, requirePorts: true, portDefinitions: [{port: 80}]",
            ),
            "PortNotOnAnyAgent",
            "port 80",
        ),
        (
            "lost",
            app("lost", "cmd: sleep 1000").replace("name: local", "name: no-such-cluster"),
            "ClusterNotFound",
            "no-such-cluster",
        ),
    ];
    for (name, yaml, reason, word) in &table {
        cx.kubectl().apply(yaml)?;
        told(cx, "marathonapp", name, reason, word)?;
    }
    for (name, ..) in &table {
        cx.kubectl().run(&["delete", "mapp", name, "--timeout=60s"])?;
    }
    Ok(())
}

/// Waits for a condition that is not True, with this reason and `word` in its message, and for an event of the reason.
fn told(cx: &Context, kind: &str, name: &str, reason: &str, word: &str) -> anyhow::Result<()> {
    let message = wait_until(&format!("{kind} {name} to say {reason}"), LIMIT, || {
        let object = cx.get(kind, name)?;
        let all = object["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let ready = condition(&object, "Ready");
        ensure!(ready["status"] != "True", "Ready is {ready}");
        let found = all
            .iter()
            .find(|c| c["reason"] == reason && c["status"] != "True");
        let found = found.with_context(|| format!("no condition has that reason; Ready is {ready}"))?;
        // Ready has to say what to do as well, for those who read nothing else.
        let ready = ready["message"].as_str().unwrap_or_default();
        ensure!(ready.contains(word), "Ready does not name {word:?}: {ready}");
        Ok(found["message"].as_str().unwrap_or_default().to_owned())
    })?;
    ensure!(
        message.contains(word),
        "{name}: the message does not name {word:?}: {message}"
    );
    wait_until(&format!("an event {reason} of {name}"), LIMIT, || {
        let events = cx.kubectl().events(name, reason)?;
        ensure!(!events.trim().is_empty(), "none of {name} with reason {reason}");
        Ok(())
    })?;
    println!(
        "    {name}: {reason}: {}",
        message.lines().next().unwrap_or_default()
    );
    Ok(())
}

/// A cluster of one node at an address.
pub(super) fn cluster(name: &str, node: &str, address: &str) -> String {
    format!(
        "apiVersion: mesolith.io/v1alpha1\nkind: MesosCluster\nmetadata: {{name: {name}, namespace: default}}\n\
         spec:\n  nodes: [{{name: {node}, address: '{address}:7070'}}]\n  zookeeper: {{nodes: {node}, heap: 64Mi, clientPort: 2181}}\n  \
         masters: {{nodes: {node}}}\n  agents: [{{name: a, nodes: {node}, resources: 'cpus:1;mem:64'}}]\n"
    )
}

pub(super) fn clusters(cx: &Context) -> anyhow::Result<()> {
    let key = cx.world.options().key;
    // Certificates of these nodes come from the CA of cluster `local`, so their clusters use the same one.
    let mut untrusted = NodeOptions::new(key, 21);
    untrusted.untrusted = true;
    let mut no_java = NodeOptions::new(key, 22);
    no_java.env = vec![
        ("PATH".into(), "/nonexistent".into()),
        ("JAVA_HOME".into(), "/nonexistent".into()),
    ];
    let occupied = NodeOptions::new(key, 23);
    let mut no_docker = NodeOptions::new(key, 24);
    no_docker.docker_host = Some("unix:///nonexistent/docker.sock".into());
    let squatter = std::net::TcpListener::bind((occupied.address, 2181))?;

    let table = [
        (
            "unreachable",
            None,
            format!("127.0.{key}.99"),
            "NodeUnreachable",
            "refused",
        ),
        (
            "untrusted",
            Some(untrusted.clone()),
            untrusted.address.to_string(),
            "NodeUntrusted",
            "certificate",
        ),
        (
            "no-java",
            Some(no_java.clone()),
            no_java.address.to_string(),
            "JavaNotFound",
            "java",
        ),
        (
            "occupied",
            Some(occupied.clone()),
            occupied.address.to_string(),
            "PortInUse",
            "2181",
        ),
        (
            "no-docker",
            Some(no_docker.clone()),
            no_docker.address.to_string(),
            "DockerUnavailable",
            "docker",
        ),
    ];
    let mut started = Vec::new();
    for (name, node, address, ..) in &table {
        if let Some(node) = node {
            started.push(cx.world.start_node(node)?.0);
        }
        share_authority(cx, name)?;
        cx.kubectl()
            .apply(&cluster(name, node_name(node.as_ref()), address))?;
    }
    let mut failures = Vec::new();
    for (name, _, _, reason, word) in &table {
        if let Err(error) = told(cx, "mesoscluster", name, reason, word) {
            failures.push(format!("{error:#}"));
        }
    }
    drop(squatter);
    for (name, node, ..) in &table {
        // A node that cannot be reached cannot be cleaned either: its deletion says so and is then waived.
        let annotation = format!("mesolith.io/skip-node-cleanup={}", node_name(node.as_ref()));
        cx.kubectl()
            .run(&["annotate", "mc", name, &annotation, "--overwrite"])?;
        if let Err(error) = cx.kubectl().run(&["delete", "mc", name, "--timeout=90s"]) {
            failures.push(format!("{error:#}"));
        }
    }
    for node in &started {
        if let Some(process) = node.process() {
            process.stop(std::time::Duration::from_secs(20))?;
        }
    }
    ensure!(failures.is_empty(), "{}", failures.join("; "));
    Ok(())
}

/// A certificate carries its node's name, so the cluster has to call the node the same.
fn node_name(node: Option<&NodeOptions>) -> &str {
    node.map_or("nobody", |node| &node.name)
}

/// Copies the CA Secret of cluster `local` for another cluster.
pub(super) fn share_authority(cx: &Context, name: &str) -> anyhow::Result<()> {
    let secret = cx
        .kubectl()
        .run(&["get", "secret", "local-ca", "-n", "default", "-o", "json"])?;
    let mut secret: serde_json::Value = serde_json::from_str(&secret)?;
    secret["metadata"] = serde_json::json!({"name": format!("{name}-ca"), "namespace": "default"});
    cx.kubectl().apply(&secret.to_string()).map(drop)
}

pub(super) fn yaml(cx: &Context) -> anyhow::Result<()> {
    let good = app("refused", "cmd: sleep 1");
    let table = [
        (good.replace("cpus: 0.1", "cpus: -1"), "spec.cpus"),
        (
            good.replace("cmd: sleep 1", "cmd: sleep 1, instances: -3"),
            "spec.instances",
        ),
        (
            good.replace("cmd: sleep 1", "cmd: sleep 1, id: 'Not A Path'"),
            "spec",
        ),
        (
            good.replace("cmd: sleep 1", "cmd: sleep 1, constraints: [[rack, NEAR]]"),
            "constraints",
        ),
        (
            good.replace("cmd: sleep 1", "cmd: sleep 1, env: {SMTP_PORT: 587}"),
            "quote it: SMTP_PORT: \"587\"",
        ),
        (
            good.replace("cmd: sleep 1", "cmd: sleep 1, env: {DEBUG: true}"),
            "quote it: DEBUG: \"true\"",
        ),
        (
            good.replace("cpus: 0.1", "cpus: '0.1'"),
            "write it without quotes: cpus: 0.1",
        ),
        (
            good.replace("cmd: sleep 1", "cmd: sleep 1, instances: '3'"),
            "write it without quotes: instances: 3",
        ),
        (
            good.replace("cmd: sleep 1", "cmd: sleep 1, ports: [8080]"),
            "use spec.portDefinitions",
        ),
        (
            good.replace("cmd: sleep 1", "cmd: ' '"),
            "spec.cmd must not be blank",
        ),
        (
            cluster("refused", "n1", "nowhere").replace("nowhere:7070", "nowhere"),
            "spec.nodes",
        ),
        (
            cluster("refused", "n1", "h").replace("heap: 64Mi", "heap: lots"),
            "spec.zookeeper.heap",
        ),
        (
            cluster("refused", "n1", "h").replace("masters: {nodes: n1}", "masters: {}"),
            "spec.masters.nodes",
        ),
    ];
    for (text, field) in &table {
        let Err(error) = cx.kubectl().apply(text) else {
            cx.kubectl().run(&[
                "delete",
                "mapp,mc",
                "refused",
                "--ignore-not-found",
                "--wait=false",
            ])?;
            anyhow::bail!("accepted, although {field} is wrong: {text}");
        };
        let error = format!("{error:#}");
        ensure!(
            error.contains(field),
            "the refusal does not name {field}: {error}"
        );
        println!("    {}", error.lines().last().unwrap_or_default());
    }
    Ok(())
}
