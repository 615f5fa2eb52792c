//! Watches the commits of a side through an observer in this process. So the times come from the writers' clock, and
//! the engine is not asked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mesolith_testkit_zookeeper::Ensemble;
use mesolith_zk::learner::{Config, Event, Learner, Server};
use mesolith_zk::record::Op;

use super::load::{Log, sequence};
use crate::client::{create_surely, wait_for};
use crate::world::{Side, World};

/// An observer whose id nobody else uses.
pub(super) fn learner(ensemble: &Ensemble, id: i64) -> Result<(Learner, tempfile::TempDir)> {
    let spool = tempfile::tempdir()?;
    let servers = (1..=ensemble.len()).map(|id| Server {
        client: ensemble.server(id),
        quorum: Some(ensemble.quorum(id)),
    });
    let mut config = Config::new(servers.collect(), spool.path().to_path_buf());
    config.id = id;
    Ok((Learner::start(config, None)?, spool))
}

/// Records in a log what is committed on a side.
#[derive(Debug)]
pub(super) struct Sight {
    learner: Learner,
    _spool: tempfile::TempDir,
}

impl Sight {
    /// Starts an observer and waits until it is up to date.
    pub(super) async fn of(ensemble: &Ensemble) -> Result<Self> {
        let (mut learner, spool) = learner(ensemble, 9_500_001)?;
        let ready = async {
            while !matches!(learner.next().await?, Event::UpToDate { .. }) {}
            anyhow::Ok(())
        };
        tokio::time::timeout(Duration::from_secs(120), ready)
            .await
            .context("no observer of B")??;
        Ok(Self {
            learner,
            _spool: spool,
        })
    }

    /// Follows until every update of the log is seen, or none has come for `limit`. Returns the number of updates
    /// seen, and itself.
    pub(super) async fn follow(mut self, log: Arc<Log>, limit: Duration) -> Result<(usize, Self)> {
        let count = log.sent.len();
        let mut seen = 0;
        while seen < count {
            match tokio::time::timeout(limit, self.learner.next()).await {
                Ok(Ok(Event::Committed { txn, .. })) => seen += note(&log, &txn.op),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => break,
            }
        }
        Ok((seen, self))
    }
}

fn note(log: &Log, op: &Op) -> usize {
    match op {
        Op::SetData(set) if set.path.starts_with(super::load::ROOT) => {
            let number = set.data.as_deref().and_then(sequence);
            number
                .inspect(|number| log.note(&log.seen, *number))
                .map_or(0, |_| 1)
        }
        Op::Multi(parts) if !op.is_failed_multi() => parts.iter().map(|part| note(log, part)).sum(),
        _ => 0,
    }
}

/// Waits until everything that is on A is on B.
pub(super) async fn wait_equal(world: &mut World, limit: Duration) -> Result<Duration> {
    let began = Instant::now();
    let a = super::client(world, Side::A).await?;
    let b = super::client(world, Side::B).await?;
    let marker = format!("/marker-{}", rand::random::<u32>());
    create_surely(&a, &marker, b"", limit).await?;
    if let Err(error) = wait_for(&b, &marker, true, limit).await {
        let words = world.engines.iter().map(crate::world::Engine::last_words);
        bail!("{error:#}\n{}", words.collect::<Vec<_>>().join("\n"));
    }
    Ok(began.elapsed())
}
