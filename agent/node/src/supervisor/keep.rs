//! A parked component: its process is stopped, its data stays, and there is a copy of the data with a checksum.

use std::time::Duration;

use mesolith_proto::node::v1::Phase;

use super::{AFTER_ERROR, Supervisor};
use crate::component::Component;
use crate::copy;
use crate::problem::Problem;

/// Pause between two looks at the copy.
const LOOK: Duration = Duration::from_secs(30);

impl Supervisor {
    /// Makes the copy unless there is one, and shows it.
    pub(super) async fn keep(&mut self, generation: u64, component: &Component) -> Duration {
        let layout = &self.node.layout;
        let made = match copy::of(layout, &self.home) {
            Some(copy) => Ok(Some(copy)),
            // It never ran here: there is nothing to copy.
            None if !self.home.data().exists() => Ok(None),
            None => {
                self.show(Phase::Stopping, None);
                self.copy_anew().await.map(Some)
            }
        };
        match made {
            Ok(copy) => {
                self.view.settled = generation;
                self.history.remember(component, &self.home.history());
                let layout = &self.node.layout;
                self.view.state.facts = copy.map_or_else(Default::default, |copy| {
                    [
                        ("archive".to_owned(), copy.path(layout).display().to_string()),
                        ("archiveSha256".to_owned(), copy.sha256),
                    ]
                    .into()
                });
                self.show(Phase::Parked, None);
                LOOK
            }
            Err(error) => {
                let message = format!("failed to copy {}: {error}", self.home.root().display());
                self.show(Phase::Stopping, Some(Problem::new("ArchiveFailed", message)));
                AFTER_ERROR
            }
        }
    }

    async fn copy_anew(&self) -> std::io::Result<copy::DataCopy> {
        let layout = &self.node.layout;
        // What is left of an earlier one would never be found again.
        copy::forget(layout, &self.home)?;
        let copy = copy::make(layout, &self.home, &self.cluster.name, &self.view.state.id).await?;
        tracing::info!(cluster = %self.cluster.name, component = %self.view.state.id, file = %copy.file, sha256 = %copy.sha256, "copied");
        Ok(copy)
    }
}
