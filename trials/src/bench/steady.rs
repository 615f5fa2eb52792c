//! Updates at a rate, for as long as wanted: what a soak runs under.

use std::time::Duration;

use anyhow::Result;
use zookeeper_client::Client;

use super::load::{self, Log};
use super::{lag, sight};
use crate::world::{Side, World};

/// Nodes that are updated.
const TREE: usize = 10_000;

/// Clients and a tree.
#[derive(Debug)]
pub struct Steady {
    clients: Vec<Client>,
    rate: u32,
}

impl Steady {
    /// Makes the tree and waits until it is on both sides.
    ///
    /// # Errors
    /// When it is not within five minutes.
    pub async fn prepare(world: &mut World, rate: u32) -> Result<Self> {
        load::tree(&super::client(world, Side::A).await?, TREE).await?;
        sight::wait_equal(world, Duration::from_secs(300)).await?;
        let clients = lag::clients(world).await?;
        Ok(Self { clients, rate })
    }

    /// Writes. Returns how many a second it were.
    ///
    /// # Errors
    /// When a write fails.
    pub async fn write(&self, length: Duration) -> Result<f64> {
        let seconds = length.as_secs().max(1);
        let mut all = 0.0;
        // In pieces of a minute at most, so that the log of them does not grow.
        let mut left = seconds;
        while left > 0 {
            let piece = left.min(60);
            let log = Log::new(usize::try_from(u64::from(self.rate) * piece)?);
            all += load::paced(&self.clients, &log, self.rate, TREE).await? * piece as f64;
            left -= piece;
        }
        Ok(all / seconds as f64)
    }

    /// Waits until B has all of it.
    ///
    /// # Errors
    /// When it has not within five minutes.
    pub async fn finish(&self, world: &mut World) -> Result<()> {
        sight::wait_equal(world, Duration::from_secs(300)).await?;
        Ok(())
    }
}
