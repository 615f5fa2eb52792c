//! `.local/env` and `.local/bin`: what a shell needs to talk to the world.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::Context;
use mesolith_testkit::{World, cache_dir, kube_dev, mesolith};

/// One program, under the names by which it knows its role.
const NAMES: [&str; 5] = [
    "mesolith",
    "mesos-master",
    "mesos-agent",
    "mesos-migrate",
    "kubectl-mesolith",
];

/// Writes both, over those that are there.
pub(super) fn write(world: &World) -> anyhow::Result<()> {
    let local = super::local_dir();
    let bin = link_programs()?;
    link(&cache_dir().join("bin/helm"), &bin.join("helm"))?;
    let kubectl = bin.join("kubectl");
    std::fs::write(
        &kubectl,
        format!("#!/bin/sh\nexec {} kubectl \"$@\"\n", kube_dev()?.display()),
    )?;
    std::fs::set_permissions(&kubectl, std::fs::Permissions::from_mode(0o755))?;

    let mut text = String::from("# source this; written by make up, removed by make down\n");
    text += &format!("export KUBECONFIG={}\n", world.kubectl().kubeconfig().display());
    text += &on_path(&bin);
    if world.docker().is_own() {
        text += &format!("export DOCKER_HOST={}\n", world.docker().host());
    }
    std::fs::write(local.join("env"), text).context("write .local/env")
}

/// Links the built program; writes the environment file unless a world has written a fuller one.
pub(super) fn write_programs() -> anyhow::Result<PathBuf> {
    let bin = link_programs()?;
    let env = super::local_dir().join("env");
    if !env.exists() {
        let text = format!(
            "# source this; written by make build, removed by make down\n{}",
            on_path(&bin)
        );
        std::fs::write(&env, text).context("write .local/env")?;
    }
    Ok(env)
}

fn link_programs() -> anyhow::Result<PathBuf> {
    let bin = super::local_dir().join("bin");
    std::fs::create_dir_all(&bin).with_context(|| format!("create {}", bin.display()))?;
    let program = mesolith()?;
    for name in NAMES {
        link(&program, &bin.join(name))?;
    }
    Ok(bin)
}

fn on_path(bin: &Path) -> String {
    format!(
        "case \":$PATH:\" in *\":{0}:\"*) ;; *) export PATH={0}:$PATH ;; esac\n",
        bin.display()
    )
}

fn link(target: &Path, at: &Path) -> anyhow::Result<()> {
    if std::fs::read_link(at).is_ok_and(|old| old == target) {
        return Ok(());
    }
    std::fs::remove_file(at).ok();
    symlink(target, at).with_context(|| format!("link {}", at.display()))
}
