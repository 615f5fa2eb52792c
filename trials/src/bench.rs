//! Measures the sync engine: its lag, its throughput, its memory and what it costs the source. Each figure stands
//! beside one to compare it with, from the same run.

mod bootstrap;
mod capture;
mod cost;
mod lag;
mod load;
mod machine;
mod observer;
mod sight;
mod steady;
mod throughput;

use std::time::Duration;

use anyhow::Result;
use zookeeper_client::Client;

use crate::client::connect;
use crate::version::{PACKAGED, Version};
use crate::world::{Options, Side, World};

pub use machine::Machine;
pub use steady::Steady;

/// What to measure.
#[derive(Debug, Clone)]
pub struct Request {
    /// Letters of the parts to measure; see the program's help.
    pub parts: String,
    /// Nodes in the tree that is updated.
    pub tree: usize,
    /// Nodes in the tree that the bootstrap takes over.
    pub bootstrap: usize,
    /// Updates a second.
    pub rates: Vec<u32>,
    /// How long each rate is kept up, in seconds.
    pub seconds: u64,
    /// Updates of a flood.
    pub flood: usize,
    /// Members of each ensemble.
    pub members: usize,
    /// Delays of the slow links, each way, in milliseconds.
    pub delays: Vec<u64>,
    /// Version of both ensembles.
    pub version: Version,
    /// Measures one ensemble without an engine, which shows what the measurement itself adds.
    pub itself: bool,
}

/// Measures, and prints each table as soon as it is known.
///
/// # Errors
/// When a part cannot be measured.
pub async fn run(request: &Request) -> Result<()> {
    let wants = |part: char| request.parts.contains(part);
    if "abef".chars().any(wants) {
        let mut world = world(request, None, true).await?;
        load::tree(&client(&world, Side::A).await?, request.tree).await?;
        let until = Duration::from_secs(300);
        sight::wait_equal(&mut world, until).await?;
        if wants('a') {
            println!("\n{}", lag::table(&world, request).await?);
        }
        if wants('b') {
            println!("\n{}", throughput::table(&world, request).await?);
        }
        if wants('e') {
            println!("\n{}", cost::table(&mut world, request).await?);
        }
        if wants('f') {
            println!("\n{}", capture::table(&mut world, request).await?);
        }
    }
    if wants('c') || wants('d') {
        println!("\n{}", bootstrap::table(request).await?);
    }
    if wants('g') {
        println!("\n{}", lag::links(request).await?);
    }
    Ok(())
}

/// Two ensembles as in production: compiled by the JVM's better compiler, with heaps that hold the tree.
async fn world(request: &Request, delay: Option<Duration>, start_engines: bool) -> Result<World> {
    World::start(options(request, delay, start_engines)?).await
}

fn options(request: &Request, delay: Option<Duration>, start_engines: bool) -> Result<Options> {
    let most = request.tree.max(if request.parts.contains(['c', 'd']) {
        request.bootstrap
    } else {
        0
    });
    let heap = 300 + u32::try_from(most / 1000)?;
    Ok(Options {
        versions: [request.version; 2],
        engines: usize::from(!request.itself),
        members: request.members,
        delay,
        heap,
        better_compiler: true,
        flags: ["--paths", "/", "--exclude", DIRECT].map(str::to_owned).to_vec(),
        start_engines,
        ..Options::default()
    })
}

/// Connects a client to a side.
async fn client(world: &World, side: Side) -> Result<Client> {
    connect(
        &world.ensemble(side).connect_string(),
        world.version(side),
        Duration::from_secs(60),
    )
    .await
}

/// The default version.
pub const VERSION: Version = PACKAGED;

/// A tree that is on B only. The engine is told to leave it out.
const DIRECT: &str = "/direct";
