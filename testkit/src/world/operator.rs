//! The operator of a world: a process under the token of the chart's ServiceAccount.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};

use super::World;
use crate::{Kubectl, Process, listening, mesolith, root, wait_until};

/// The namespace and the name that `manifests/operator` uses.
const NAMESPACE: &str = "mesolith-system";
const SERVICE_ACCOUNT: &str = "mesolith-operator";

/// Kinds of `manifests/operator` that matter when the operator is a process and not a pod.
const RIGHTS: [&str; 10] = [
    "Namespace",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
];

/// Applies the rights and admission policies of the chart's rendered manifests, without its Deployment.
pub(super) fn apply_rights(kubectl: &Kubectl) -> anyhow::Result<()> {
    let namespace = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {NAMESPACE}}}\n");
    let mut wanted = vec![namespace];
    let dir = root().join("manifests/operator");
    for file in yaml_files(&dir)? {
        let text = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        wanted.extend(
            text.split("\n---")
                .filter(|d| RIGHTS.contains(&kind(d)))
                .map(str::to_owned),
        );
    }
    kubectl.apply(&wanted.join("\n---\n")).map(drop)
}

fn kind(document: &str) -> &str {
    document
        .lines()
        .find_map(|line| line.strip_prefix("kind:"))
        .unwrap_or_default()
        .trim()
}

fn yaml_files(dir: &Path) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("list {}", dir.display()))?;
    let mut files: Vec<_> = entries.flatten().map(|e| e.path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    Ok(files)
}

pub(super) fn start(world: &World) -> anyhow::Result<((), String)> {
    let http = SocketAddr::from((Ipv4Addr::new(127, 0, world.options().key, 10), 8080));
    if let Some(process) = world.operator() {
        if !process.is_outdated() {
            return Ok(((), format!("already running, http://{http}/metrics")));
        }
        process.stop(Duration::from_secs(20))?;
    }
    if listening(http) {
        bail!("{http} is taken by another program; find it with: ss -ltnp 'sport = :8080'");
    }
    let kubeconfig = world.path("operator.kubeconfig");
    service_account(world, &kubeconfig)?;
    let mut command = Command::new(mesolith()?);
    command.arg("operator").arg("--kubeconfig").arg(&kubeconfig);
    command.args(["--namespace", NAMESPACE, "--http", &http.to_string()]);
    // No other operator waits in this world, so a short lease only makes the return after a kill -9 quicker.
    command.args(["--lease-seconds", "5"]);
    command
        .env_remove("KUBECONFIG")
        .envs(world.options().env.iter().cloned());
    let process = Process::start(world.dir(), "operator", command)?;
    wait_until("the operator to serve", Duration::from_secs(60), || {
        process.check()?;
        if listening(http) {
            Ok(())
        } else {
            bail!("nothing on {http}")
        }
    })?;
    Ok((
        (),
        format!("as {NAMESPACE}/{SERVICE_ACCOUNT}, http://{http}/metrics"),
    ))
}

/// A kubeconfig like the administrator's with the ServiceAccount's token in place of the user.
fn service_account(world: &World, file: &Path) -> anyhow::Result<()> {
    let kubectl = world.kubectl();
    let duration = "--duration=8760h";
    let token = kubectl.run(&["create", "token", SERVICE_ACCOUNT, "-n", NAMESPACE, duration])?;
    let cluster = kubectl.run(&["config", "view", "--raw", "--minify", "--flatten", "-o", "json"])?;
    let mut config: serde_json::Value = serde_json::from_str(&cluster).context("read the kubeconfig")?;
    for user in config["users"].as_array_mut().into_iter().flatten() {
        user["user"] = serde_json::json!({ "token": token.trim() });
    }
    std::fs::write(file, serde_json::to_vec_pretty(&config)?)
        .with_context(|| format!("write {}", file.display()))
}
