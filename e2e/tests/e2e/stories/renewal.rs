//! A node's certificate is about to end: the operator renews it, and nothing on the node notices.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, ensure};
use mesolith_pki::{
    Authority, CertificateFacts, CertificateRequest, ClientTls, Identity, Material, PkiDir, Role,
};
use mesolith_testkit::{NodeOptions, Process, wait_until};

use super::bad_input::{cluster, share_authority};
use crate::context::{Context, LIMIT, condition};
use crate::{http, machine};

const NAME: &str = "short-lived";
/// Lifetime of every certificate in this story; a certificate is renewed when a third of it is left.
const LIFETIME: Duration = Duration::from_secs(45);

pub(super) fn in_place(cx: &Context) -> anyhow::Result<()> {
    let node = NodeOptions::new(cx.world.options().key, 25);
    let ca = cx.world.dir().join("ca");
    let authority = Authority::from_pem(
        &std::fs::read_to_string(ca.join("ca.crt"))?,
        &std::fs::read_to_string(ca.join("ca.key"))?,
    )?;
    let issue = |role, name: &str, lifetime| -> anyhow::Result<Material> {
        let address = node.address.to_string();
        let request = CertificateRequest::new(Identity::new(role, name)?, [address]).with_lifetime(lifetime);
        Ok(authority.issue(&request)?)
    };
    let observer = issue(Role::Operator, "observer", Duration::from_secs(3600))?;
    // A node that has its files keeps them.
    let pki = node.dir(cx.world.dir()).join("pki");
    PkiDir::new(pki).install(&issue(Role::Node, &node.name, LIFETIME)?)?;
    let (started, _) = cx.world.start_node(&node)?;
    let process = started.process().context("the node agent does not run")?;
    let told = renewed(cx, &node, &process, &observer);

    cx.kubectl()
        .run(&["delete", "mc", NAME, "--ignore-not-found", "--timeout=90s"])?;
    process.stop(Duration::from_secs(20))?;
    told
}

fn renewed(cx: &Context, node: &NodeOptions, process: &Process, observer: &Material) -> anyhow::Result<()> {
    let shown = || shown(observer, node);
    let first = shown()?.not_after;
    share_authority(cx, NAME)?;
    let security = format!("  security: {{certificateLifetime: {}s}}\n", LIFETIME.as_secs());
    let yaml = cluster(NAME, &node.name, &node.address.to_string()) + &security;
    cx.kubectl().apply(&yaml)?;
    let ready = cx.wait_ready("mesoscluster", NAME)?;
    let components = || -> anyhow::Result<[u32; 3]> {
        let ip = format!("--ip={}", node.address);
        Ok([
            machine::pid(&["zoo.cfg", &cx.node_dir(25)])?,
            machine::pid(&["master", &ip, "--quorum"])?,
            machine::pid(&["mesos-agent", &ip])?,
        ])
    };
    let running = components()?;

    // After that a node that only kept its first certificate cannot be dialled any more.
    wait_until("the first certificate to end", LIMIT, || {
        ensure!(SystemTime::now() > first, "it is still valid");
        Ok(())
    })?;
    let now = wait_until("a renewed certificate", LIMIT, &shown)?;
    ensure!(now.not_after > first, "it shows the certificate it started with");
    let left = now.remaining(SystemTime::now());
    ensure!(left <= LIFETIME, "{left:?} are left of {LIFETIME:?}");

    // Another lifetime makes the operator connect anew.
    let another = r#"{"spec": {"security": {"certificateLifetime": "46s"}}}"#;
    cx.kubectl()
        .run(&["patch", "mc", NAME, "--type=merge", "-p", another])?;
    let seen = |object: &serde_json::Value| condition(object, "NodesReachable")["lastTransitionTime"].clone();
    let again = cx.wait_ready("mesoscluster", NAME)?;
    ensure!(seen(&again) == seen(&ready), "the node was out of reach: {again}");
    ensure!(process.alive(), "the node agent ended");
    ensure!(
        components()? == running,
        "components were restarted: {running:?} -> {:?}",
        components()?
    );
    Ok(())
}

/// The certificate that the node shows to whoever dials it now; an invalid one is an error.
fn shown(observer: &Material, node: &NodeOptions) -> anyhow::Result<CertificateFacts> {
    let address = format!("{}:7070", node.address);
    let tls = ClientTls::from_material(observer, Role::Node, Some(&node.name))?;
    let stream = http::runtime().block_on(tls.connect(&address))?;
    stream.peer_certificate().context("it shows none")
}
