//! Figures: how late, how fast, how large, and what it costs, each beside what it is to be compared with in the same run.

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

/// What is measured.
#[derive(Debug, Clone)]
pub struct Request {
    /// Parts by their letter; see the program's help.
    pub parts: String,
    /// Nodes of the tree in which updates are made.
    pub tree: usize,
    /// Nodes of the tree that is bootstrapped.
    pub bootstrap: usize,
    /// Updates a second.
    pub rates: Vec<u32>,
    /// How long each rate is kept up.
    pub seconds: u64,
    /// Updates of a flood.
    pub flood: usize,
    /// Members of each ensemble.
    pub members: usize,
    /// Delays of the slow links.
    pub delays: Vec<u64>,
    /// Version of both sides.
    pub version: Version,
    /// Without an engine, B being A: tries the measurement.
    pub itself: bool,
}

/// Measures, and prints tables as they become known.
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

/// Two ensembles as they would be run: compiled by the JVM's better compiler, with heaps that hold the tree.
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

/// A client of a side.
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

/// What is on B only, and left out by the engine.
const DIRECT: &str = "/direct";
