//! An observer of a real ensemble, for tests.

use std::time::Duration;

use mesolith_testkit_zookeeper::Ensemble;
use mesolith_zk::learner::{Config, Event, Learner, Server};
use mesolith_zk::tree::Tree;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(120);

pub struct Observer {
    pub learner: Learner,
    _spool: tempfile::TempDir,
}

/// How to join, spooling to a folder.
pub fn config(ensemble: &Ensemble, id: i64, spool: &tempfile::TempDir) -> Config {
    let servers = (1..=ensemble.len()).map(|id| Server::new(ensemble.server(id), ensemble.quorum(id)));
    let mut config = Config::new(servers.collect(), spool.path().to_path_buf());
    config.id = id;
    config
}

impl Observer {
    /// One that is up to date.
    pub async fn join(ensemble: &Ensemble, id: i64) -> Self {
        let spool = tempfile::tempdir().unwrap();
        let mut this = Self {
            learner: Learner::start(config(ensemble, id, &spool), None).unwrap(),
            _spool: spool,
        };
        this.until(|event, _| matches!(event, Event::UpToDate { .. }))
            .await;
        this
    }

    pub fn tree(&self) -> &Tree {
        self.learner.tree()
    }

    /// Takes events until one is what was asked for.
    pub async fn until(&mut self, what: impl Fn(&Event, &Tree) -> bool) {
        loop {
            let event = timeout(LIMIT, self.learner.next()).await;
            let event = event.expect("the ensemble says nothing").unwrap();
            if what(&event, self.learner.tree()) {
                return;
            }
        }
    }
}
