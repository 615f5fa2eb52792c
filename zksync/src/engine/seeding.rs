//! Fills a target by file, before its servers are started.

use super::Error;
use super::driver::Driver;
use crate::seed;

impl Driver {
    /// Writes the seed from A's tree, which is exact and does not change meanwhile. The link goes on reading, into a
    /// queue on the disk.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn seed(&mut self) -> Result<(), Error> {
        self.to_seed = false;
        let tree = self.a.link.tree();
        let options = seed::Options {
            nodes: seed::checkpoint_nodes(&self.options.name, tree.last_zxid()),
            ..seed::Options::default()
        };
        let dirs = &self.options.seed_dirs;
        let span = tracing::info_span!(parent: &self.phases.span(), "seed", nodes = (tree.len() as u64).cast_signed());
        let written = span.in_scope(|| tokio::task::block_in_place(|| seed::write(tree, dirs, options)));
        let seeded = written.map_err(|error| Error::Refused {
            reason: error.reason(),
            message: error.to_string(),
        })?;
        tracing::info!(nodes = seeded.nodes, zxid = %seeded.zxid, "the target is seeded; its servers may be started");
        self.seeded = Some(seeded);
        Ok(())
    }
}
