//! The local world: `make up` and `make down` end here.
//!
//! The world itself is testkit's, so that what a person gets is what the stories test; this adds the examples, the
//! environment file and what a person is told at the end.

mod down;
mod env;
mod examples;
mod screen;

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use mesolith_testkit::{Options, Progress, World, root};

/// Options of `up`.
#[derive(clap::Args)]
pub(crate) struct UpArgs {
    /// When the whole began, in unix seconds; for the time that is shown at the end.
    #[arg(long)]
    begun: Option<u64>,
}

/// Brings the world up and says how to look around.
pub(crate) fn up(args: &UpArgs) -> anyhow::Result<()> {
    let progress = Progress::shown();
    let options = options()?;
    let world = World::up(options, &progress)?;
    env::write(&world)?;
    let applied = progress.step("examples", || examples::apply(world.kubectl()))?;
    let result = examples::wait_ready(&world, &progress).with_context(|| world.logs());
    result?;
    screen::show(&world, elapsed(args, &progress), applied);
    Ok(())
}

/// Removes the world.
pub(crate) fn down() -> anyhow::Result<()> {
    down::run(&options()?, &Progress::shown())
}

/// Makes the built programs known to a shell; what a world wrote there stays.
pub(crate) fn env() -> anyhow::Result<()> {
    let written = env::write_programs()?;
    println!("source {}", written.display());
    Ok(())
}

/// The directory of everything local.
fn local_dir() -> PathBuf {
    root().join(".local")
}

fn options() -> anyhow::Result<Options> {
    let mut options = Options::new(&local_dir().join("world"), 0, 3);
    options.kubeconfig = foreign_kubeconfig()?;
    Ok(options)
}

/// The cluster that `KUBECONFIG` names, unless it is the world's own (after `source .local/env`). The cluster of `up`
/// is remembered, so that a later `down` in another shell means the same one.
fn foreign_kubeconfig() -> anyhow::Result<Option<PathBuf>> {
    let remembered = local_dir().join("kubeconfig-given");
    if let Ok(path) = std::fs::read_to_string(&remembered) {
        return Ok(Some(path.trim().into()).filter(|path: &PathBuf| !path.as_os_str().is_empty()));
    }
    let given = std::env::var_os("KUBECONFIG")
        .map(PathBuf::from)
        .filter(|p| !p.as_os_str().is_empty());
    let given = given.filter(|path| !path.starts_with(local_dir()));
    std::fs::create_dir_all(local_dir()).with_context(|| format!("create {}", local_dir().display()))?;
    let given = given.map(|path| std::path::absolute(&path).unwrap_or(path));
    std::fs::write(
        &remembered,
        given
            .as_deref()
            .map(|p| p.display().to_string())
            .unwrap_or_default(),
    )?;
    Ok(given)
}

fn elapsed(args: &UpArgs, progress: &Progress) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    args.begun
        .and_then(|begun| now.checked_sub(Duration::from_secs(begun)))
        .unwrap_or(progress.elapsed())
}
