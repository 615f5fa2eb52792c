//! The faults of the trials. Each begins, holds for a while, and is repaired.

mod clock;
mod disk;
mod relay;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rand::Rng;

pub use clock::skewed;
pub use disk::Disk;
pub use relay::Relay;

use crate::world::{Side, World};

/// A member of an ensemble, by its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The leader. Without it the others elect a new one.
    Leader,
    /// Any other member.
    Follower,
}

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No fault.
    Calm,
    /// A member is killed (kill -9) and started again after a while.
    KillMember(Side, Role),
    /// A member is stopped for a while (SIGSTOP).
    PauseMember(Side, Role),
    /// All members but one are killed, so that nobody leads for a while.
    LoseQuorum(Side),
    /// All members are killed one after the other. Each is back before the next is killed.
    RollingRestart(Side),
    /// The active engine is killed (kill -9). A standby takes over, and the killed engine is started again.
    KillEngine,
    /// The active engine is stopped (SIGSTOP), and continues when another one may have taken over.
    PauseEngine,
    /// All engines are killed (kill -9) and started again.
    KillEngines,
    /// All packets between the engines and a side are dropped.
    CutLink(Side),
    /// The disk of B's members is full. They are started again once there is room.
    FullDisk,
    /// Nothing more than a world with a slow link.
    SlowLink,
    /// Nothing more than a world in which B's clocks are wrong.
    WrongClock,
    /// All engines are stopped for a long time.
    LongAway,
    /// Both sides write the same nodes while all engines are stopped.
    Conflict,
}

/// All faults.
pub const ALL: [Fault; 24] = {
    use Fault::{
        Calm, Conflict, CutLink, FullDisk, KillEngine, KillEngines, KillMember, LongAway, LoseQuorum,
        PauseEngine, PauseMember, RollingRestart, SlowLink, WrongClock,
    };
    use Role::{Follower, Leader};
    use Side::{A, B};
    [
        Calm,
        KillMember(A, Leader),
        KillMember(A, Follower),
        KillMember(B, Leader),
        KillMember(B, Follower),
        PauseMember(A, Leader),
        PauseMember(A, Follower),
        PauseMember(B, Leader),
        PauseMember(B, Follower),
        LoseQuorum(A),
        LoseQuorum(B),
        RollingRestart(A),
        RollingRestart(B),
        KillEngine,
        PauseEngine,
        KillEngines,
        CutLink(A),
        CutLink(B),
        FullDisk,
        SlowLink,
        WrongClock,
        LongAway,
        Conflict,
        KillEngine,
    ]
};

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let role = |role: &Role| {
            if *role == Role::Leader {
                "leader"
            } else {
                "follower"
            }
        };
        match self {
            Self::Calm => f.write_str("none"),
            Self::KillMember(side, who) => write!(f, "kill -9 of {side}'s {}", role(who)),
            Self::PauseMember(side, who) => write!(f, "pause of {side}'s {}", role(who)),
            Self::LoseQuorum(side) => write!(f, "{side} loses its quorum"),
            Self::RollingRestart(side) => write!(f, "{side}'s members killed one by one"),
            Self::KillEngine => f.write_str("kill -9 of the active engine"),
            Self::PauseEngine => f.write_str("pause of the active engine"),
            Self::KillEngines => f.write_str("kill -9 of all engines"),
            Self::CutLink(side) => write!(f, "link to {side} cut"),
            Self::FullDisk => f.write_str("disk full on B"),
            Self::SlowLink => f.write_str("slow link"),
            Self::WrongClock => f.write_str("wrong clock on B"),
            Self::LongAway => f.write_str("engines away for long"),
            Self::Conflict => f.write_str("both sides write the same"),
        }
    }
}

/// How long a fault lasted.
#[derive(Debug, Clone, Copy)]
pub struct Injury {
    /// When everything was repaired.
    pub healed: Instant,
    /// How long nothing could pass from A to B.
    pub held: Duration,
}

impl Fault {
    /// Begins a fault, holds it and repairs it. `away` is how long [`Fault::LongAway`] lasts.
    ///
    /// # Errors
    /// When this world cannot have this fault.
    pub async fn happen(
        self,
        world: &mut World,
        rng: &mut (impl Rng + Send),
        away: Duration,
    ) -> Result<Injury> {
        let began = Instant::now();
        let hold = Duration::from_millis(rng.random_range(1500..6000));
        match self {
            Self::Calm | Self::SlowLink | Self::WrongClock | Self::Conflict => tokio::time::sleep(hold).await,
            Self::KillMember(side, role) => {
                let id = member(world, side, role, rng).await;
                world.ensemble_mut(side).kill(id);
                tokio::time::sleep(hold).await;
                world.ensemble_mut(side).spawn(id);
                world.ensemble(side).wait_serving(id).await;
            }
            Self::PauseMember(side, role) => {
                let id = member(world, side, role, rng).await;
                world.ensemble(side).pause(id);
                // Sometimes long enough for the other members to give it up.
                tokio::time::sleep(hold * 3).await;
                world.ensemble(side).resume(id);
                world.ensemble(side).wait_serving(id).await;
            }
            Self::LoseQuorum(side) => {
                let ensemble = world.ensemble_mut(side);
                let survivor = rng.random_range(1..=ensemble.len());
                let killed: Vec<_> = (1..=ensemble.len()).filter(|id| *id != survivor).collect();
                killed.iter().for_each(|id| ensemble.kill(*id));
                tokio::time::sleep(hold).await;
                killed.iter().for_each(|id| ensemble.spawn(*id));
                ensemble.wait_all().await;
            }
            Self::RollingRestart(side) => {
                let ensemble = world.ensemble_mut(side);
                for id in 1..=ensemble.len() {
                    ensemble.kill(id);
                    ensemble.spawn(id);
                    ensemble.wait_serving(id).await;
                }
            }
            Self::KillEngine => {
                let at = active(world).await?;
                world.engines[at].kill();
                tokio::time::sleep(hold).await;
                world.engines[at].start()?;
            }
            Self::PauseEngine => {
                let at = active(world).await?;
                world.engines[at].pause();
                tokio::time::sleep(hold * 2).await;
                world.engines[at].resume();
            }
            Self::KillEngines => restart_all(world, hold).await?,
            Self::LongAway => restart_all(world, away).await?,
            Self::CutLink(side) => {
                let network = world
                    .network
                    .as_ref()
                    .context("a cut takes a world with namespaces")?;
                network.cut(side)?;
                tokio::time::sleep(hold * 2).await;
                network.mend(side)?;
            }
            Self::FullDisk => {
                world
                    .disk
                    .as_ref()
                    .context("a full disk takes a world with a small one")?
                    .fill()?;
                tokio::time::sleep(hold).await;
                if let Some(disk) = &world.disk {
                    disk.empty();
                }
                let ensemble = world.ensemble_mut(Side::B);
                for id in 1..=ensemble.len() {
                    // Members that noticed the full disk have ended; the log of the others may be damaged. So all are
                    // killed.
                    ensemble.kill(id);
                    ensemble.spawn(id);
                }
                ensemble.wait_all().await;
            }
        }
        Ok(Injury {
            healed: Instant::now(),
            held: began.elapsed(),
        })
    }
}

async fn restart_all(world: &mut World, away: Duration) -> Result<()> {
    world.engines.iter_mut().for_each(crate::world::Engine::kill);
    tokio::time::sleep(away).await;
    world.engines.iter_mut().try_for_each(crate::world::Engine::start)
}

async fn member(world: &World, side: Side, role: Role, rng: &mut (impl Rng + Send)) -> usize {
    let ensemble = world.ensemble(side);
    let leader = ensemble.leader().await;
    match role {
        Role::Leader => leader,
        // Any member but the leader.
        Role::Follower => 1 + (leader - 1 + rng.random_range(1..ensemble.len())) % ensemble.len(),
    }
}

/// The active engine, as it says itself.
async fn active(world: &World) -> Result<usize> {
    for (at, engine) in world.engines.iter().enumerate() {
        if let Ok(status) = engine.status().await
            && status["run"].is_string()
            && status["run"] == status["active_run"]
        {
            return Ok(at);
        }
    }
    anyhow::ensure!(!world.engines.is_empty(), "no engine to hurt");
    Ok(0)
}
