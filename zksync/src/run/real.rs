//! The real engine between real ensembles, and a comparison of two ensembles without an engine.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use mesolith_zk::learner::Config;

use super::{Comparison, Engine, Running};
use crate::Routes;
use crate::diff::{self, Fresh};
use crate::engine;
use crate::handle::{DiffReport, Refused};
use crate::options::{EndpointOptions, Options};
use crate::settings::Side;

/// The runner behind `mesos-migrate`.
pub struct Real;

impl Engine for Real {
    async fn start(self, options: Options) -> Result<Running, Refused> {
        let (handle, task) = engine::start(options)?;
        Ok(Running::task(handle, task))
    }

    async fn compare(self, comparison: Comparison) -> Result<DiffReport, Refused> {
        let routes = Routes::new(&comparison.settings).map_err(|error| Refused {
            reason: error.reason(),
            message: error.to_string(),
        })?;
        let spool = Spool::create()?;
        let how = Fresh {
            limit: comparison.limit,
            ..Fresh::default()
        };
        let config = |endpoint, side| observer(endpoint, side, &spool.0);
        let (source, target) = (
            config(&comparison.source, Side::A),
            config(&comparison.target, Side::B),
        );
        let compared = diff::fresh(source, target, &routes, &how).await;
        compared.map_err(|error| Refused {
            reason: error.reason(),
            message: error.to_string(),
        })
    }
}

/// The observer id of a comparison. No server uses such a high number, and engines on this machine use multiples of
/// 16.
fn observer(endpoint: &EndpointOptions, side: Side, spool: &Path) -> Config {
    let mut config = Config::new(endpoint.learner_servers(), spool.to_owned());
    config.security = endpoint.security.connection();
    let process = i64::from(std::process::id()) * 16;
    config.id = 0x4d_0000_0000 + process + if side == Side::A { 7 } else { 15 };
    config
}

/// A temporary folder for a comparison.
struct Spool(PathBuf);

impl Spool {
    fn create() -> Result<Self, Refused> {
        let path = std::env::temp_dir().join(format!("mesolith-diff-{}", std::process::id()));
        // A folder of this name that belongs to another user is refused, since the ensembles' data goes into it.
        let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
        made.map(|()| Self(path.clone())).map_err(|error| Refused {
            reason: "NoSpool",
            message: format!(
                "cannot make the folder {}: {error}; name another place with TMPDIR",
                path.display()
            ),
        })
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
