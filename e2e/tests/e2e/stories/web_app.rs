//! The app definition of the requirements, as a MarathonApp with a local image of that name.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::ensure;

use crate::context::Context;

pub(super) fn runs(cx: &Context) -> anyhow::Result<()> {
    cx.docker().make_web_image("nginx:1.21", 80)?;
    let volume = Path::new("/mnt/data");
    let had_volume = volume.exists();
    cx.apply_example("web-app.yaml")?;
    let count = cx.get("marathonapp", "web-app")?["spec"]["instances"]
        .as_u64()
        .unwrap_or_default();
    let instances = cx.wait_instances("web-app", usize::try_from(count)?)?;
    let mut hosts: BTreeMap<String, usize> = BTreeMap::new();
    for instance in &instances {
        ensure!(
            cx.page(instance, "/health")?.contains("ok"),
            "health of {instance}"
        );
        *hosts
            .entry(instance["host"].as_str().unwrap_or_default().to_owned())
            .or_default() += 1;
    }
    println!("    {count} instances on {hosts:?}");
    ensure!(hosts.len() > 1, "GROUP_BY rack put all on one host: {hosts:?}");
    let app = cx.get("marathonapp", "web-app")?;
    ensure!(
        app["status"]["appId"] == "/production/web-app",
        "{}",
        app["status"]["appId"]
    );
    cx.kubectl()
        .run(&["delete", "mapp", "web-app", "--timeout=90s"])?;
    if !had_volume {
        std::fs::remove_dir(volume).ok();
    }
    Ok(())
}
