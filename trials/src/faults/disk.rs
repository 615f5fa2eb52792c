//! A disk that can be full: a small file system in memory, and a file that takes what is left of it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A mounted file system; it is unmounted when dropped.
#[derive(Debug)]
pub struct Disk {
    path: PathBuf,
}

impl Disk {
    /// Mounts a file system of this many megabytes.
    ///
    /// # Errors
    /// When the system refuses. It needs root.
    pub fn mount(path: &Path, megabytes: u32) -> Result<Self> {
        std::fs::create_dir_all(path)?;
        let size = format!("size={megabytes}m");
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "trial"])
            .arg(path)
            .status();
        if !status.context("mount")?.success() {
            bail!("cannot mount {megabytes} MB of memory at {}", path.display());
        }
        Ok(Self {
            path: path.to_path_buf(),
        })
    }

    /// The mount point.
    pub fn path(&self) -> PathBuf {
        self.path.clone()
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }

    /// Fills the disk.
    ///
    /// # Errors
    /// When the filler file cannot be created. That the disk is full is no error.
    pub fn fill(&self) -> Result<()> {
        let mut file = std::fs::File::create(self.filler())?;
        let block = vec![0_u8; 4096];
        while file.write_all(&block).is_ok() {}
        Ok(())
    }

    /// Deletes the filler file.
    pub fn empty(&self) {
        std::fs::remove_file(self.filler()).ok();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.path).status().ok();
    }
}
