//! Live settings: the file that a component follows while it runs.

use mesolith_process::durable;

use super::Supervisor;
use crate::component::{Component, Kind};
use crate::problem::Problem;

impl Supervisor {
    /// Writes what the component has to follow, unless it is there already. Before the process starts and while it runs,
    /// so whichever process of this component there is reads what is wanted now.
    pub(super) fn tell(&self, component: &Component) -> Result<(), Problem> {
        match component.kind {
            Kind::Master(_) => {}
            Kind::ZooKeeper(_) | Kind::Agent(_) | Kind::SyncEngine(_) => return Ok(()),
        }
        let path = self.home.live();
        let text = component.live.followed().text();
        if std::fs::read_to_string(&path).is_ok_and(|known| known == text) {
            return Ok(());
        }
        let written =
            std::fs::create_dir_all(self.home.conf()).and_then(|()| durable::write(&path, text.as_bytes()));
        written.map_err(|error| {
            let message = format!(
                "failed to write {}: {error}; it follows its earlier settings",
                path.display()
            );
            Problem::new("LiveSettingsNotWritten", message)
        })
    }
}
