//! Generated files that are committed: each is compared with what the sources give, or written anew.

mod crds;
mod operator;
mod reasons;
mod reference;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

/// Files by their path from the root of the repository.
type Files = BTreeMap<PathBuf, String>;

/// Folders that hold generated files and nothing else; files that are not generated any more are removed.
const OWNED: [&str; 5] = [
    "manifests/crds",
    "manifests/operator",
    "manifests/monitoring",
    "charts/mesolith-crds/templates",
    "docs/crd-reference",
];

/// Options of `codegen`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only compare; fail when a committed file differs.
    #[arg(long)]
    check: bool,
    /// Leave out what needs helm (the rendered manifests).
    #[arg(long)]
    without_helm: bool,
}

/// Writes or checks all generated files.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let root = root()?;
    let mut files = Files::new();
    crds::generate(&mut files)?;
    reference::generate(&mut files)?;
    reasons::generate(&mut files);
    let mut owned: Vec<&str> = OWNED.to_vec();
    if args.without_helm {
        owned.retain(|folder| !operator::FOLDERS.contains(folder));
    } else {
        operator::generate(&root, &mut files)?;
    }
    let stale = stale(&root, &owned, &files)?;
    if !args.check {
        return write(&root, &files, &stale);
    }
    let mut different = stale;
    for (path, content) in &files {
        if fs::read_to_string(root.join(path)).ok().as_ref() != Some(content) {
            different.push(path.clone());
        }
    }
    if different.is_empty() {
        println!("{} generated files are up to date", files.len());
        return Ok(());
    }
    let list: Vec<String> = different.iter().map(|p| format!("  {}", p.display())).collect();
    bail!(
        "generated files differ from their sources; run `cargo xtask codegen` and commit:\n{}",
        list.join("\n")
    )
}

fn write(root: &Path, files: &Files, stale: &[PathBuf]) -> anyhow::Result<()> {
    for path in stale {
        fs::remove_file(root.join(path)).with_context(|| format!("remove {}", path.display()))?;
        println!("removed {}", path.display());
    }
    for (path, content) in files {
        let target = root.join(path);
        if fs::read_to_string(&target).ok().as_ref() == Some(content) {
            continue;
        }
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        }
        fs::write(&target, content).with_context(|| format!("write {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

/// Files in the owned folders that nothing generates.
fn stale(root: &Path, owned: &[&str], files: &Files) -> anyhow::Result<Vec<PathBuf>> {
    let mut stale = Vec::new();
    for folder in owned {
        let Ok(entries) = fs::read_dir(root.join(folder)) else {
            continue;
        };
        for entry in entries {
            let path = Path::new(folder).join(entry?.file_name());
            if !files.contains_key(&path) {
                stale.push(path);
            }
        }
    }
    Ok(stale)
}

fn root() -> anyhow::Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here
        .parent()
        .context("xtask lies below the root of the repository")?
        .to_owned())
}
