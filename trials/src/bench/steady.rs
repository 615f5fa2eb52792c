//! Updates at a steady rate, for as long as wanted. A soak runs under this load.

use std::time::Duration;

use anyhow::Result;
use zookeeper_client::Client;

use super::load::{self, Log};
use super::{lag, sight};
use crate::world::{Side, World};

/// Number of nodes in the tree.
const TREE: usize = 10_000;

/// The clients and their tree.
#[derive(Debug)]
pub struct Steady {
    clients: Vec<Client>,
    rate: u32,
}

impl Steady {
    /// Creates the tree and waits until it is on both sides.
    ///
    /// # Errors
    /// When that takes more than five minutes.
    pub async fn prepare(world: &mut World, rate: u32) -> Result<Self> {
        load::tree(&super::client(world, Side::A).await?, TREE).await?;
        sight::wait_equal(world, Duration::from_secs(300)).await?;
        let clients = lag::clients(world).await?;
        Ok(Self { clients, rate })
    }

    /// Writes for a while, and returns the number of updates a second.
    ///
    /// # Errors
    /// When a write fails.
    pub async fn write(&self, length: Duration) -> Result<f64> {
        let seconds = length.as_secs().max(1);
        let mut all = 0.0;
        // In pieces of at most a minute, so that the log does not grow.
        let mut left = seconds;
        while left > 0 {
            let piece = left.min(60);
            let log = Log::new(usize::try_from(u64::from(self.rate) * piece)?);
            all += load::paced(&self.clients, &log, self.rate, TREE).await? * piece as f64;
            left -= piece;
        }
        Ok(all / seconds as f64)
    }

    /// Waits until B has all updates.
    ///
    /// # Errors
    /// When that takes more than five minutes.
    pub async fn finish(&self, world: &mut World) -> Result<()> {
        sight::wait_equal(world, Duration::from_secs(300)).await?;
        Ok(())
    }
}
