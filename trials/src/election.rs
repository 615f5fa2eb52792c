//! An election group in Mesos's layout on both sides. Members join and leave on A and on B. Never may two living
//! members both believe that they are the lowest.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use zookeeper_client::{Acls, Client, CreateMode};

use crate::client::{connect, create_surely, wait_for};
use crate::world::{Side, World};

/// Number of members at a time.
const MEMBERS: usize = 6;
const GROUP: &str = "/mesos";
const LABEL: &str = "json.info_";

/// The members that believe they lead, as they say themselves.
#[derive(Debug, Default)]
struct Claims {
    leaders: Vec<String>,
    reigns: usize,
    breaches: Vec<String>,
}

impl Claims {
    fn rise(&mut self, who: &str) {
        if !self.leaders.iter().any(|leader| leader == who) {
            self.leaders.push(who.to_owned());
            self.reigns += 1;
            if self.leaders.len() > 1 {
                self.breaches
                    .push(format!("{} lead at once", self.leaders.join(" and ")));
            }
        }
    }

    fn fall(&mut self, who: &str) {
        self.leaders.retain(|leader| leader != who);
    }
}

/// The result.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Times that a member joined.
    pub joins: usize,
    /// Number of times that a member became the leader.
    pub reigns: usize,
    /// Sentences about two leaders at once, and about names that were given twice.
    pub breaches: Vec<String>,
}

/// A member. It joins, looks every few milliseconds which member is lowest, and leaves after its time.
struct Member {
    name: String,
    client: Client,
    claims: Arc<Mutex<Claims>>,
}

impl Member {
    fn claims(&self) -> std::sync::MutexGuard<'_, Claims> {
        self.claims
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn live(self, node: String, length: Duration) -> Result<()> {
        let until = Instant::now() + length;
        while Instant::now() < until {
            let mut names = self.client.list_children(GROUP).await?;
            names.retain(|name| name.starts_with(LABEL));
            names.sort();
            let lowest = names
                .first()
                .is_some_and(|first| format!("{GROUP}/{first}") == node);
            if lowest {
                self.claims().rise(&self.name)
            } else {
                self.claims().fall(&self.name)
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // It stops leading before others can notice.
        self.claims().fall(&self.name);
        self.client
            .delete(&node, None)
            .await
            .with_context(|| format!("{} leaves", self.name))?;
        Ok(())
    }
}

/// Members come and go for a while. The world's engines must carry changes both ways. Each join must be known on both
/// sides before the next one: two members that join at the same moment on two sides get the same number, which only
/// one of them can keep.
///
/// # Errors
/// When a client cannot go on.
pub async fn run(world: &World, seed: u64, length: Duration) -> Result<Outcome> {
    let mut rng = StdRng::seed_from_u64(seed);
    let session = Duration::from_secs(20);
    let mut observers = Vec::new();
    for side in [Side::A, Side::B] {
        observers.push(
            connect(
                &world.ensemble(side).connect_string(),
                world.version(side),
                session,
            )
            .await?,
        );
    }
    create_surely(&observers[0], GROUP, b"", session).await?;
    wait_for(&observers[1], GROUP, true, Duration::from_secs(60)).await?;
    let claims = Arc::new(Mutex::new(Claims::default()));
    let mut tasks = tokio::task::JoinSet::new();
    let mut outcome = Outcome::default();
    let mut given = std::collections::BTreeSet::new();
    let until = Instant::now() + length;
    while Instant::now() < until || !tasks.is_empty() {
        let joins = Instant::now() < until && tasks.len() < MEMBERS;
        if joins {
            let at = rng.random_range(0..2_usize);
            let side = [Side::A, Side::B][at];
            let client = connect(
                &world.ensemble(side).connect_string(),
                world.version(side),
                session,
            )
            .await?;
            let mode = CreateMode::EphemeralSequential.with_acls(Acls::anyone_all());
            let (_, number) = client
                .create(&format!("{GROUP}/{LABEL}"), b"{}", &mode)
                .await
                .context("a join")?;
            let node = format!("{GROUP}/{LABEL}{number}");
            outcome.joins += 1;
            let name = format!("{side}'s {LABEL}{number}");
            if !given.insert(node.clone()) {
                outcome.breaches.push(format!("{name} was given twice"));
            }
            wait_for(&observers[1 - at], &node, true, Duration::from_secs(60))
                .await
                .with_context(|| name.clone())?;
            let life = Duration::from_millis(rng.random_range(300..3000));
            let member = Member {
                name,
                client,
                claims: Arc::clone(&claims),
            };
            tasks.spawn(member.live(node, life));
        } else {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        while let Some(done) = tasks.try_join_next() {
            done??;
        }
    }
    let claims = std::mem::take(&mut *claims.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    outcome.reigns = claims.reigns;
    outcome.breaches.extend(claims.breaches);
    Ok(outcome)
}
