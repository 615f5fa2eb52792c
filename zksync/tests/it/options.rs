//! What an engine of a test is started with.

use std::path::Path;
use std::time::Duration;

use mesolith_zksync::options::{EndpointOptions, Options};
use mesolith_zksync::settings::Settings;

/// The whole tree, from one to the other.
pub fn options(name: &str, source: EndpointOptions, target: EndpointOptions, state_dir: &Path) -> Options {
    Options {
        name: name.into(),
        source,
        target,
        state_dir: state_dir.to_owned(),
        seed_dirs: Vec::new(),
        overwrite: false,
        session_grace: Duration::from_secs(60),
        lease_timeout: Duration::from_secs(10),
        settings: Settings::default(),
    }
}
