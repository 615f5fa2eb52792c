//! Real Python clients: kazoo's recipes run on A beside the engine, and on B after the switch.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::client::{connect, create_surely, wait_for};
use crate::version::Version;
use crate::world::{Engine, Options, Side, World};

/// How long the recipes run on each side.
const SECONDS: u32 = 20;
/// The client library.
const KAZOO: &str = "kazoo==2.10.0";

/// A Python with kazoo, installed once into the cache folder.
async fn python() -> Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let dir = cache
        .or_else(home)
        .context("neither XDG_CACHE_HOME nor HOME is set")?
        .join("mesolith/kazoo");
    let python = dir.join("bin/python");
    let has = Command::new(&python).args(["-c", "import kazoo"]).status().await;
    if !has.is_ok_and(|status| status.success()) {
        succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&dir)).await?;
        succeed(Command::new(dir.join("bin/pip")).args(["install", "--quiet", KAZOO])).await?;
    }
    Ok(python)
}

async fn succeed(command: &mut Command) -> Result<String> {
    let output = tokio::time::timeout(Duration::from_secs(300), command.kill_on_drop(true).output());
    let output = output.await.context("no end within 300 s")??;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!(
            "{command:?} ended with {}: {said}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(said)
}

async fn recipes(mode: &str, hosts: &str, ledger: &Path) -> Result<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/kazoo/recipes.py");
    let mut command = Command::new(python().await?);
    command
        .args([script, mode, hosts, "/recipes", &SECONDS.to_string()])
        .arg(ledger);
    succeed(&mut command).await
}

/// Runs the recipes on A, switches, and runs them on B. Prints what the clients did.
///
/// # Errors
/// When a recipe broke its promise. The error holds its output.
pub async fn run(versions: [Version; 2], itself: bool) -> Result<()> {
    let mut world = World::start(Options {
        versions,
        engines: if itself { 0 } else { 2 },
        flags: vec!["--paths".into(), "/".into()],
        ..Options::default()
    })
    .await?;
    let dir = tempfile::tempdir()?;
    let ledger = dir.path().join("ledger.json");
    if let Some(engine) = world.engines.first_mut() {
        engine
            .wait_state(&["in-sync", "standby"], Duration::from_secs(120))
            .await?;
    }
    let said = recipes("work", &world.ensemble(Side::A).connect_string(), &ledger).await?;
    println!("kazoo on A while the engine runs: {}", said.trim());

    // The switch: no client is on A any more, B has everything, and the engine ends.
    let timeout = Duration::from_secs(30);
    let a = connect(
        &world.ensemble(Side::A).connect_string(),
        world.version(Side::A),
        timeout,
    )
    .await?;
    let b = connect(
        &world.ensemble(Side::B).connect_string(),
        world.version(Side::B),
        timeout,
    )
    .await?;
    create_surely(&a, "/switch", b"", timeout).await?;
    wait_for(&b, "/switch", true, Duration::from_secs(60)).await?;
    if let Some(engine) = world.engines.first() {
        engine.verb("stop").await?;
    }
    world.engines.iter_mut().for_each(Engine::kill);
    let said = recipes("go-on", &world.ensemble(Side::B).connect_string(), &ledger).await?;
    println!("kazoo on B after the switch: {}", said.trim());
    Ok(())
}
